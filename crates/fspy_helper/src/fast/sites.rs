//! Finds the places in a library that may be replaced: system call instructions of calls that look,
//! followed by a comparison that is known, and places where any call is made; where no branch leads
//! into what is replaced.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::sync::Arc;

use fspy_ring::{Entrance, FAST, MAX_SITES, SiteKind};
use iced_x86::{Code, Decoder, DecoderOptions, Instruction, OpKind, Register};
use stat::{StatId, as_path};

use super::any_call;
use super::elf::Elf;
use super::entrance::entrance;
use super::nameless::{self, Nameless};

/// Libraries larger than this are none that is looked for.
const LARGEST: u64 = 16 << 20;
/// Instructions before a system call among which its number must be set.
const LOOK_BACK: usize = 24;

/// The register that holds a call's number, and its parts.
const ACCUMULATOR: [Register; 5] =
    [Register::RAX, Register::EAX, Register::AX, Register::AL, Register::AH];

/// A place to be patched: offset in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Site {
    pub(crate) offset: u64,
    pub(crate) kind: SiteKind,
}

/// What is known of the libraries met so far, by build.
#[derive(Debug, Default)]
pub(crate) struct Libraries(HashMap<(u64, u64, i64, u64), Arc<Library>>);

/// What is of interest in a library.
#[derive(Debug, Default)]
pub(crate) struct Library {
    pub(crate) sites: Vec<Site>,
    /// Where variables are looked up; its address is an offset in the file.
    pub(crate) lookup: Option<Entrance>,
    /// How it asks about open files.
    pub(crate) nameless: Vec<Nameless>,
}

impl Libraries {
    /// The library at `path`, which is now `id`.
    pub(crate) fn get(&mut self, path: &[u8], id: &StatId) -> Arc<Library> {
        let key = (id.dev, id.ino, id.ctime_ns, id.size);
        let found = self.0.entry(key).or_insert_with(|| {
            let readable = id.size <= LARGEST;
            let elf = readable.then(|| fs::read(as_path(path)).ok()).flatten();
            Arc::new(elf.and_then(|elf| library(&elf)).unwrap_or_default())
        });
        Arc::clone(found)
    }
}

/// What is in an ELF file; `None` if it is none that is understood.
fn library(elf: &[u8]) -> Option<Library> {
    let elf = Elf::new(elf)?;
    let nameless = nameless::in_library(elf);
    Some(Library { sites: in_library(elf)?, lookup: entrance(&elf), nameless })
}

/// All places in it.
fn in_library(elf: Elf<'_>) -> Option<Vec<Site>> {
    let text = elf.section(b".text")?;
    let code = elf.bytes(&text)?;
    let functions = elf.functions(any_call::NAME).unwrap_or_default();
    let begin = |address: &u64| usize::try_from(address.checked_sub(text.address)?).ok();
    let functions: Vec<_> = functions.iter().filter_map(begin).collect();
    let sites = scan(code, &functions).into_iter();
    let sites = sites.map(|(at, kind)| Site { offset: at as u64 + text.offset, kind });
    Some(sites.take(MAX_SITES).collect())
}

/// What may be patched, by where it is in the code, in order; `functions` is where the function
/// `syscall` may begin.
///
/// Only what is around a system call is decoded, and that is checked: the whole library would take
/// longer than most programs run.
fn scan(code: &[u8], functions: &[usize]) -> Vec<(usize, SiteKind)> {
    let calls = || memchr::memmem::find_iter(code, &[0x0f, 0x05]);
    let compared = calls()
        .filter_map(|at| Some((at, kind(code.get(at..)?)?)))
        .filter(|&(at, _)| may_be_fast_call(code, at) && is_fast_call(code, at));
    let functions = functions.iter().filter_map(|&at| any_call::moves(code, at));
    let from_stack = calls()
        .filter_map(|call| any_call::loads(code, call))
        .filter(|&at| around(code, at).any(|instruction| instruction.ip() == at as u64));
    let mut sites: Vec<_> = compared
        .chain(functions.map(|at| (at, SiteKind::Function)))
        .chain(from_stack.map(|at| (at, SiteKind::FromStack)))
        .filter(|&(at, kind)| !is_entered_nearby(code, at, kind.replaced()))
        .collect();
    sites.sort_unstable_by_key(|&(at, _)| at);
    // One function may have several names.
    sites.dedup();
    let entered = entered_from_afar(code, &sites);
    sites.retain(|(at, _)| !entered.contains(at));
    sites
}

/// `endbr64`, with which functions begin where branches are guarded.
pub(super) const LANDING: [u8; 4] = [0xf3, 0x0f, 0x1e, 0xfa];
/// How far a short branch reaches, and what it takes besides.
const NEARBY: usize = 144;
/// Bytes after which a decoder that began within an instruction is in step.
const INTO_STEP: usize = 512;

fn kind(code: &[u8]) -> Option<SiteKind> {
    SiteKind::COMPARED.into_iter().find(|kind| kind.begins(code))
}

/// Instructions from some way before `at` to some way after it, with their place in the code.
fn around(code: &[u8], at: usize) -> impl Iterator<Item = Instruction> {
    let start = at.saturating_sub(INTO_STEP);
    let end = code.len().min(at + NEARBY);
    let window = code.get(start..end).unwrap_or_default();
    Decoder::with_ip(64, window, start as u64, DecoderOptions::NONE).into_iter()
}

/// Whether what may set such a number comes shortly before: decoding takes longer.
fn may_be_fast_call(code: &[u8], at: usize) -> bool {
    const LONGEST: usize = 15;
    let before = code.get(at.saturating_sub(LOOK_BACK * LONGEST)..at).unwrap_or_default();
    before.windows(5).any(|bytes| match bytes {
        [0xb8, number @ ..] => {
            number.first_chunk().is_some_and(|number| FAST.contains(&u32::from_le_bytes(*number)))
        }
        _ => false,
    })
}

/// Whether the instruction at `at` is a system call whose number was set on the straight way to it,
/// and is that of a call that looks.
fn is_fast_call(code: &[u8], at: usize) -> bool {
    let mut number = Number::default();
    for instruction in around(code, at) {
        if instruction.ip() >= at as u64 {
            let is_call = instruction.ip() == at as u64 && instruction.code() == Code::Syscall;
            return is_call && number.get().is_some_and(|number| FAST.contains(&number));
        }
        number.follow(&instruction);
    }
    false
}

/// Whether a branch nearby leads behind the first of so many bytes.
pub(super) fn is_entered_nearby(code: &[u8], at: usize, length: usize) -> bool {
    around(code, at)
        .filter(is_branch)
        .any(|branch| is_within(branch.near_branch_target(), at, length))
}

pub(super) fn is_within(target: u64, at: usize, length: usize) -> bool {
    (at as u64 + 1..(at + length) as u64).contains(&target)
}

/// Which of the sites a long branch leads into. Wherever four bytes may be the distance of one they
/// are taken for it: what is none makes a site more be left alone.
fn entered_from_afar(code: &[u8], sites: &[(usize, SiteKind)]) -> HashSet<usize> {
    let mut entered = HashSet::new();
    let (Some(&(lowest, _)), Some(&(highest, _))) = (sites.first(), sites.last()) else {
        return entered;
    };
    for target in far_targets(code) {
        if target <= lowest as u64 || target > highest as u64 + 8 {
            continue;
        }
        let next = sites.partition_point(|&(at, _)| (at as u64) < target);
        let site = next.checked_sub(1).and_then(|before| sites.get(before));
        let within =
            site.filter(|&&(at, kind)| is_within(target, at, kind.replaced())).map(|site| site.0);
        entered.extend(within);
    }
    entered
}

/// Where long branches lead, and whatever else may be one.
pub(super) fn far_targets(code: &[u8]) -> impl Iterator<Item = u64> {
    memchr::memchr3_iter(0xe8, 0xe9, 0x0f, code).filter_map(|index| {
        let (length, distance) = match code.get(index..)? {
            [0xe8 | 0xe9, rest @ ..] => (5, rest.first_chunk()?),
            [0x0f, 0x80..=0x8f, rest @ ..] => (6, rest.first_chunk()?),
            _ => return None,
        };
        let distance = i64::from(i32::from_le_bytes(*distance));
        Some((index as u64 + length).wrapping_add_signed(distance))
    })
}

fn is_branch(instruction: &Instruction) -> bool {
    instruction.op_count() > 0
        && matches!(
            instruction.op0_kind(),
            OpKind::NearBranch16 | OpKind::NearBranch32 | OpKind::NearBranch64
        )
}

/// The number that `eax` holds on the straight way so far.
#[derive(Default)]
struct Number {
    value: Option<u32>,
    age: usize,
}

impl Number {
    fn get(&self) -> Option<u32> {
        self.value.filter(|_| self.age <= LOOK_BACK)
    }

    fn follow(&mut self, instruction: &Instruction) {
        self.age += 1;
        let first = instruction.op0_kind() == OpKind::Register && instruction.op_count() > 0;
        if instruction.code() == Code::Mov_r32_imm32 && instruction.op0_register() == Register::EAX
        {
            *self = Self { value: Some(instruction.immediate32()), age: 0 };
        } else if instruction.code() == Code::Syscall
            || is_branch(instruction)
            || (first && ACCUMULATOR.contains(&instruction.op0_register()))
        {
            self.value = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_library(elf: &[u8]) -> Option<Vec<Site>> {
        super::in_library(Elf::new(elf)?)
    }

    /// `mov eax, 257; syscall; cmp rax, -4096; ja +1`, and whatever comes before and after.
    fn code(before: &[u8], after: &[u8]) -> Vec<u8> {
        let site = [0xb8, 1, 1, 0, 0, 0x0f, 5, 0x48, 0x3d, 0, 0xf0, 0xff, 0xff];
        [before, &site, after].concat()
    }

    fn found(code: &[u8]) -> usize {
        scan(code, &[]).len()
    }

    #[test]
    fn a_call_that_looks_is_found() {
        assert_eq!(found(&code(&[], &[0xc3])), 1);
    }

    #[test]
    fn a_branch_into_what_would_be_replaced_forbids_it() {
        // `jmp` to the comparison, seven bytes into the site.
        assert_eq!(found(&code(&[0xeb, 7], &[0xc3])), 0);
        assert_eq!(found(&code(&[], &[0xeb, 0xf8])), 0);
        // A long one, from afar, in the middle of something else.
        let far = |distance: i32| {
            let jump = [&[0x0f, 0x84][..], &distance.to_le_bytes(), &[0x90; 1000]].concat();
            found(&code(&jump, &[0xc3]))
        };
        assert_eq!([far(1004), far(1005), far(1007), far(1012), far(1013)], [1, 1, 0, 0, 1]);
        // To the system call itself is well.
        assert_eq!(found(&code(&[0xeb, 5], &[0xc3])), 1);
    }

    #[test]
    fn the_function_is_found_where_its_name_is_unless_a_branch_leads_into_its_beginning() {
        let tail = [0x48, 0x3d, 1, 0xf0, 0xff, 0xff, 0x73, 1, 0xc3];
        let function = [SiteKind::Function.code(), &tail].concat();
        let after = |jump: [u8; 2]| [&jump[..], &function].concat();
        let found = |code: &[u8], at: usize| scan(code, &[at, at]);
        assert_eq!(found(&after([0x90, 0x90]), 2), [(2, SiteKind::Function)]);
        assert_eq!(found(&after([0x90, 0x90]), 1), []);
        assert_eq!(found(&after([0x90, 0x90]), 99), []);
        for (distance, is_left_alone) in [(0, false), (1, true), (5, true), (6, false), (23, false)]
        {
            let found = found(&after([0xeb, distance]), 2);
            assert_eq!(found.is_empty(), is_left_alone, "{distance}");
        }
        // Together with the others, in the order of their addresses.
        let both = [code(&[], &[0xc3]), after([0x90, 0x90])].concat();
        assert_eq!(scan(&both, &[16]), [(5, SiteKind::Wide), (16, SiteKind::Function)]);
    }

    #[test]
    fn a_number_from_the_stack_is_found_unless_a_branch_leads_behind_where_it_is_loaded() {
        let load = |jump: [u8; 2], number: u8| {
            let code = [jump[0], jump[1], 0x48, 0x8b, 0x44, 0x24, number, 0x0f, 0x05, 0x5b, 0xc3];
            scan(&code, &[])
        };
        assert_eq!(load([0x90, 0x90], 0x10), [(2, SiteKind::FromStack)]);
        assert_eq!(load([0x90, 0x90], 0x20), [(2, SiteKind::FromStack)]);
        assert_eq!(load([0x90, 0x90], 0x88), []);
        for (distance, is_left_alone) in [(0, false), (1, true), (4, true), (5, false)] {
            assert_eq!(load([0xeb, distance], 0x10).is_empty(), is_left_alone, "{distance}");
        }
        // Within another instruction: `mov r8, 0x0f2444_8b48...`.
        assert_eq!(load([0x49, 0xb8], 0x10), []);
    }

    #[test]
    fn other_calls_other_comparisons_and_unknown_numbers_are_left_alone() {
        let plain = code(&[], &[0xc3]);
        let with = |index: usize, byte: u8| {
            let mut code = plain.clone();
            code[index] = byte;
            found(&code)
        };
        assert_eq!(with(1, 56), 0);
        assert_eq!(with(9, 7), 0);
        assert_eq!(with(0, 0xb9), 0);
    }

    #[test]
    fn the_library_of_this_machine_is_understood() {
        let path = [b"/lib/x86_64-linux-gnu/libc.so.6", &b"/lib64/libc.so.6"[..]];
        let Some(elf) = path.iter().find_map(|path| fs::read(as_path(path)).ok()) else { return };
        let sites = in_library(&elf).unwrap();
        assert!(sites.len() > 10, "{}", sites.len());
        let functions = sites.iter().filter(|site| site.kind == SiteKind::Function);
        assert_eq!(functions.count(), 1);
        for site in sites {
            let at = usize::try_from(site.offset).unwrap();
            assert!(site.kind.begins(&elf[at..]));
        }
    }

    #[test]
    fn what_is_no_library_has_none() {
        assert_eq!(in_library(b"#!/bin/sh\n"), None);
        assert_eq!(in_library(b"\x7fELF\x02"), None);
        let elf = fs::read("/proc/self/exe").unwrap();
        for length in [20, 64, 1000] {
            assert_eq!(in_library(&elf[..length]), None);
        }
    }
}
