//! Finds where the C library looks variables up, and what of that function's beginning may be moved
//! elsewhere: instructions that do the same wherever they are, into which no branch leads.

use fspy_ring::Entrance;
use iced_x86::{Code, Decoder, DecoderOptions, Instruction, OpKind, Register};

use super::elf::Elf;
use super::sites::{LANDING, far_targets, is_entered_nearby, is_within};

/// The function; `secure_getenv` calls it.
const NAME: &[u8] = b"getenv";
/// What a jump takes.
const JUMP: usize = 5;

/// Where it is in the file, in place of an address; `None` if there is none, or none that may be
/// moved.
pub(super) fn entrance(elf: &Elf<'_>) -> Option<Entrance> {
    let text = elf.section(b".text")?;
    let code = elf.bytes(&text)?;
    let address = *elf.functions(NAME)?.first()?;
    let at = usize::try_from(address.checked_sub(text.address)?).ok()?;
    let found = in_code(code, at)?;
    Some(Entrance { address: found.address + text.offset, ..found })
}

/// As above, of the function that begins at `at`.
fn in_code(code: &[u8], at: usize) -> Option<Entrance> {
    // It stays where it is, for processors that want to see it there.
    let lands = code.get(at..)?.starts_with(&LANDING);
    let at = if lands { at + LANDING.len() } else { at };
    let length = movable(code.get(at..)?)?;
    if is_entered(code, at, length) {
        return None;
    }
    let mut moved = [0; Entrance::ROOM];
    moved.get_mut(..length)?.copy_from_slice(code.get(at..at + length)?);
    Some(Entrance { address: at as u64, length: length as u64, code: moved })
}

/// Whether a branch leads behind the first of these bytes.
fn is_entered(code: &[u8], at: usize, length: usize) -> bool {
    is_entered_nearby(code, at, length)
        || far_targets(code).any(|target| is_within(target, at, length))
}

/// How many bytes the instructions take that have to make room for a jump.
fn movable(code: &[u8]) -> Option<usize> {
    let mut length = 0;
    for instruction in Decoder::new(64, code, DecoderOptions::NONE) {
        if length >= JUMP {
            break;
        }
        if !is_movable(&instruction) {
            return None;
        }
        length += instruction.len();
    }
    (JUMP..=Entrance::ROOM).contains(&length).then_some(length)
}

/// What functions begin with, as far as it does the same anywhere.
fn is_movable(instruction: &Instruction) -> bool {
    let registers =
        (0..instruction.op_count()).all(|index| instruction.op_kind(index) == OpKind::Register);
    match instruction.code() {
        Code::Push_r64 => true,
        Code::Mov_r64_rm64
        | Code::Mov_rm64_r64
        | Code::Mov_r32_rm32
        | Code::Mov_rm32_r32
        | Code::Xor_r32_rm32
        | Code::Xor_rm32_r32
        | Code::Test_rm64_r64
        | Code::Test_rm32_r32 => registers,
        Code::Sub_rm64_imm8 | Code::Sub_rm64_imm32 => instruction.op0_register() == Register::RSP,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `push r15; push r14; push r13`, and what else.
    const PUSHES: [u8; 6] = [0x41, 0x57, 0x41, 0x56, 0x41, 0x55];

    fn found(before: &[u8], function: &[u8], after: &[u8]) -> Option<(u64, u64)> {
        let code = [before, function, &[0x90; 8], after].concat();
        in_code(&code, before.len()).map(|found| (found.address, found.length))
    }

    #[test]
    fn whole_instructions_are_moved_until_there_is_room() {
        assert_eq!(found(&[0x90; 3], &PUSHES, &[]), Some((3, 6)));
        // `push rbp; mov rbp, rsp; push rbx; sub rsp, 24`
        let framed = [0x55, 0x48, 0x89, 0xe5, 0x53, 0x48, 0x83, 0xec, 0x18];
        assert_eq!(found(&[], &framed, &[]), Some((0, 5)));
        // `push rbx; mov eax, edi; sub rsp, 256`
        let wide = [0x53, 0x89, 0xf8, 0x48, 0x81, 0xec, 0, 1, 0, 0];
        assert_eq!(found(&[], &wide, &[]), Some((0, 10)));
        let landing = [&LANDING[..], &PUSHES].concat();
        assert_eq!(found(&[], &landing, &[]), Some((4, 6)), "it stays where it is");
    }

    #[test]
    fn what_depends_on_its_place_or_may_not_come_back_is_left_alone() {
        for function in [
            &[0x55, 0x48, 0x8b, 0x05, 1, 0, 0, 0][..], // push rbp; mov rax, [rip + 1]
            &[0x55, 0x48, 0x8d, 0x3d, 1, 0, 0, 0],     // push rbp; lea rdi, [rip + 1]
            &[0x55, 0xe8, 1, 0, 0, 0],                 // push rbp; call
            &[0x48, 0x85, 0xff, 0x74, 2, 0x55],        // test rdi, rdi; je
            &[0x31, 0xc0, 0xc3, 0x90, 0x90],           // xor eax, eax; ret
            &[0x80, 0x3f, 0, 0x55, 0x53],              // cmp byte ptr [rdi], 0
            &[0x5d, 0x41, 0x57, 0x41, 0x56],           // pop rbp
            &[0x48, 0x83, 0xe4, 0xf0, 0x55],           // and rsp, -16
            &[0x55, 0x06, 0x55, 0x55, 0x55],           // push rbp; none that there is
            &[0x55, 0x55],
        ] {
            let code = [&[0x90; 3], function].concat();
            assert_eq!(in_code(&code, 3), None, "{function:x?}");
        }
        assert_eq!(in_code(&PUSHES, 9), None);
    }

    #[test]
    fn a_branch_into_what_is_moved_forbids_it() {
        let jump = |distance: u8| found(&[0xeb, distance], &PUSHES, &[]).is_some();
        assert_eq!(
            [jump(0), jump(1), jump(2), jump(5), jump(6)],
            [true, false, false, false, true]
        );
        let back = |distance: u8| found(&[], &PUSHES, &[0xeb, distance]).is_some();
        assert_eq!([back(0xf0), back(0xf1), back(0xf6)], [true, false, true]);
        let far = |distance: i32| {
            let jump = [&[0x0f, 0x84][..], &distance.to_le_bytes(), &[0x90; 1000]].concat();
            found(&jump, &PUSHES, &[]).is_some()
        };
        assert_eq!([far(1000), far(1001), far(1005), far(1006)], [true, false, false, true]);
    }

    #[test]
    fn that_of_this_machine_is_found() {
        let path = ["/lib/x86_64-linux-gnu/libc.so.6", "/lib64/libc.so.6"];
        let Some(file) = path.iter().find_map(|path| std::fs::read(path).ok()) else { return };
        let found = entrance(&Elf::new(&file).unwrap()).unwrap();
        let [at, length] = [found.address, found.length].map(|n| usize::try_from(n).unwrap());
        assert_eq!(file[at..at + length], found.code[..length]);
    }
}
