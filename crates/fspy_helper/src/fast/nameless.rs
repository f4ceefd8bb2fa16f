//! How C libraries ask about open files: `fstat` is a `newfstatat` of no name since glibc 2.33, up to
//! three for each library that a program loads. The name is a constant of the library, and where it
//! lies from the instruction tells it from every other: the filter need not ask for such calls.

use iced_x86::{Code, Decoder, DecoderOptions, Instruction, OpKind, Register};

use super::elf::{Elf, Segment};

/// `newfstatat`.
const NUMBER: u32 = 262;
/// `AT_EMPTY_PATH`, and nothing else.
pub(crate) const FLAGS: u32 = 0x1000;
/// Addresses within a page: the same wherever a library is.
pub(crate) const WITHIN_PAGE: u32 = 0xfff;
/// Most instructions from the name to the call.
const LONGEST_WAY: usize = 24;

/// A place where a library asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Nameless {
    /// From the name to behind the `syscall` instruction: the lower half.
    pub(crate) distance: u32,
    /// Where that is in its page.
    pub(crate) in_page: u32,
}

/// All such places in an ELF file.
pub(super) fn in_library(elf: Elf<'_>) -> Vec<Nameless> {
    let image = Image { elf };
    let code = elf.segments().filter(|segment| segment.executable);
    code.flat_map(|segment| image.asks(&segment)).collect()
}

struct Image<'a> {
    elf: Elf<'a>,
}

impl Image<'_> {
    /// Whether at this address there is no more than the end of a text, for good.
    fn is_no_name(&self, address: u64) -> bool {
        self.elf.segments().filter(|segment| !segment.writable).any(|segment| {
            let at = address.checked_sub(segment.address).and_then(|at| usize::try_from(at).ok());
            let mapped = self.elf.mapped(&segment).unwrap_or_default();
            at.and_then(|at| mapped.get(at)) == Some(&0)
        })
    }

    fn asks(&self, segment: &Segment) -> Vec<Nameless> {
        // `mov ecx, 0x1000; lea rsi, [rip + …]`
        const START: [u8; 8] = [0xb9, 0, 0x10, 0, 0, 0x48, 0x8d, 0x35];
        let code = self.elf.mapped(segment).unwrap_or_default();
        let starts = memchr::memmem::find_iter(code, &START);
        starts.filter_map(|at| self.follow(code, segment.address, at)).collect()
    }

    /// Follows the code from `at`, as it is executed, to the call.
    fn follow(&self, code: &[u8], base: u64, at: usize) -> Option<Nameless> {
        let mut known = Registers::default();
        let mut decoder = Decoder::with_ip(64, code, base, DecoderOptions::NONE);
        decoder.set_position(at).ok()?;
        decoder.set_ip(base + at as u64);
        for _ in 0..LONGEST_WAY {
            let instruction = decoder.decode();
            if instruction.code() == Code::Syscall {
                return self.asked(&known, instruction.next_ip());
            }
            if matches!(instruction.code(), Code::Jmp_rel8_64 | Code::Jmp_rel32_64) {
                let target = instruction.near_branch_target();
                decoder.set_position(usize::try_from(target.checked_sub(base)?).ok()?).ok()?;
                decoder.set_ip(target);
                continue;
            }
            known.follow(&instruction)?;
        }
        None
    }

    #[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
    fn asked(&self, known: &Registers, behind: u64) -> Option<Nameless> {
        let name = known.name?;
        let asks = known.number == Some(NUMBER) && known.flags == Some(FLAGS);
        (asks && self.is_no_name(name)).then(|| Nameless {
            distance: behind.wrapping_sub(name) as u32,
            in_page: behind as u32 & WITHIN_PAGE,
        })
    }
}

/// What is known to be in the registers of the call.
#[derive(Default)]
struct Registers {
    number: Option<u32>,
    /// Before they are moved to where a system call wants them.
    fourth: Option<u32>,
    flags: Option<u32>,
    name: Option<u64>,
}

impl Registers {
    /// `None` if the code does anything else than to make such a call ready.
    fn follow(&mut self, instruction: &Instruction) -> Option<()> {
        use Register::{EAX, ECX, R10D, RSI};
        let first = instruction.op_count() > 0 && instruction.op0_kind() == OpKind::Register;
        let into = if first { instruction.op0_register() } else { Register::None };
        match (instruction.code(), into) {
            (Code::Mov_r32_imm32, EAX) => self.number = Some(instruction.immediate32()),
            (Code::Mov_r32_imm32, ECX) => self.fourth = Some(instruction.immediate32()),
            (Code::Lea_r64_m, RSI) if instruction.is_ip_rel_memory_operand() => {
                self.name = Some(instruction.ip_rel_memory_address());
            }
            (Code::Mov_r32_rm32 | Code::Mov_rm32_r32, R10D)
                if instruction.op1_kind() == OpKind::Register
                    && instruction.op1_register() == ECX =>
            {
                self.flags = self.fourth;
            }
            (Code::Endbr64 | Code::Nopd, _) => {}
            _ => return None,
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_library(bytes: &[u8]) -> Vec<Nameless> {
        Elf::new(bytes).map(super::in_library).unwrap_or_default()
    }

    /// A library of one page: its code at 0x1000, and a text at 0x1100.
    fn library(code: &[u8], name: u8) -> Vec<u8> {
        let mut elf = vec![0; 0x300];
        let mut put = |at: usize, bytes: &[u8]| elf[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, b"\x7fELF\x02");
        put(18, &62_u16.to_le_bytes());
        for (at, value) in [(32, 64_u64), (64 + 8, 0x100), (64 + 16, 0x1000), (64 + 32, 0x200)] {
            put(at, &value.to_le_bytes());
        }
        for (at, value) in [(54, 56_u16), (56, 1), (64, 1), (68, 5)] {
            put(at, &value.to_le_bytes());
        }
        put(0x100, code);
        put(0x200, &[name]);
        elf
    }

    /// `mov ecx, 0x1000; lea rsi, [0x1100]; jmp +2; …; mov r10d, ecx; mov eax, 262; syscall`
    const CODE: [u8; 26] = [
        0xb9, 0, 0x10, 0, 0, 0x48, 0x8d, 0x35, 0xf4, 0, 0, 0, 0xeb, 2, 0, 0, 0x41, 0x89, 0xca,
        0xb8, 6, 1, 0, 0, 0x0f, 5,
    ];

    #[test]
    fn a_question_about_an_open_file_is_found() {
        let found = in_library(&library(&CODE, 0));
        assert_eq!(found, [Nameless { distance: 0x101a_u32.wrapping_sub(0x1100), in_page: 0x1a }]);
    }

    #[test]
    fn what_may_name_something_is_not() {
        assert_eq!(in_library(&library(&CODE, b'x')), []);
        // Writable.
        let mut changing = library(&CODE, 0);
        changing[68] |= 2;
        assert_eq!(in_library(&changing), []);
        // Each byte but those that are jumped over counts: other flags, name, number, registers.
        for index in (0..CODE.len()).filter(|index| !(14..16).contains(index)) {
            let mut code = CODE;
            code[index] ^= 0x40;
            let found = in_library(&library(&code, 0));
            assert!(found.iter().all(|one| one.distance != 0x101a_u32.wrapping_sub(0x1100)));
        }
    }

    #[test]
    fn this_machines_libraries_ask_so_or_not_at_all() {
        for path in super::super::USUAL {
            let Ok(elf) = std::fs::read(path) else { continue };
            assert!(in_library(&elf).len() <= 2, "{path}");
            for length in [20, 64, 1000] {
                assert_eq!(in_library(&elf[..length]), [], "{path}");
            }
        }
    }
}
