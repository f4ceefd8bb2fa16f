//! The seccomp filter of a traced step: which calls are notified, which are refused.
//!
//! Numbers are tested before anything else, so that the kernel's table of calls that are always
//! allowed covers all that are not listed.

use fspy_ring::{FAST, PAGE_EXIT};
use libc::{
    BPF_ABS, BPF_ALU, BPF_AND, BPF_JEQ, BPF_JGE, BPF_JMP, BPF_K, BPF_LD, BPF_MISC, BPF_RET,
    BPF_SUB, BPF_TAX, BPF_W, BPF_X, sock_filter,
};

use crate::fast::{NO_NAME, Nameless, WITHIN_PAGE};
use crate::syscalls::{
    ARCH, CALLS, FCHDIR, FOREIGN, FOREIGN_HANDLER, FOREIGN_SOCKETS, HANDLER, HAS_X32,
    IO_URING_SETUP, PRCTL, Picked, SECCOMP, X32,
};

/// Offset of the number in `struct seccomp_data`.
const NUMBER: u32 = 0;
/// Offset of the architecture in `struct seccomp_data`.
const ARCHITECTURE: u32 = 4;
/// Offset of the low half of the first argument.
const FIRST_ARGUMENT: u32 = if cfg!(target_endian = "little") { 16 } else { 20 };
/// Offsets of the halves of the instruction pointer.
const INSTRUCTION_LOW: u32 = if cfg!(target_endian = "little") { 8 } else { 12 };
const INSTRUCTION_HIGH: u32 = if cfg!(target_endian = "little") { 12 } else { 8 };
/// Offsets of the halves of the second argument, and of the low half of the fourth.
const SECOND_LOW: u32 = FIRST_ARGUMENT + 8;
const SECOND_HIGH: u32 = if cfg!(target_endian = "little") { 28 } else { 24 };
const FOURTH_LOW: u32 = FIRST_ARGUMENT + 24;
/// A call by which a program installs a filter of its own.
const FILTERING: Picked = Picked { number: PRCTL, values: &[libc::PR_SET_SECCOMP as u32] };
/// Answer of the kernel for a call it does not have.
const NO_SUCH_CALL: u32 = libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32;

const NOTIFY: u32 = libc::SECCOMP_RET_USER_NOTIF;

/// The program, ready for `seccomp(2)`, that answers `action` for every call of interest.
pub(crate) fn program(action: u32) -> Vec<sock_filter> {
    let mut native = each(CALLS.iter().map(|call| call.number), action);
    // A call that is stopped for `ptrace` is never interrupted.
    if action == NOTIFY {
        native.extend(pick(HANDLER, action));
    }
    with_native(native, action)
}

/// The program for the fast way: calls of interest are notified, but for those that only look and
/// come from the known page; those that install a filter are notified besides, and those that change
/// the directory that relative paths start from. Questions about open files are let through if they
/// are asked in one of the `nameless` ways.
pub(crate) fn fast_program(nameless: &[Nameless]) -> Vec<sock_filter> {
    let mut native = about_open_files(nameless);
    native.extend(from_page());
    native.extend(when_equal(SECCOMP, NOTIFY));
    native.extend(when_equal(FCHDIR, NOTIFY));
    native.extend(each(CALLS.iter().map(|call| call.number), NOTIFY));
    native.extend(pick(FILTERING, NOTIFY));
    native.extend(pick(HANDLER, NOTIFY));
    with_native(native, NOTIFY)
}

/// With the part for this architecture's own calls, which begins with the number loaded.
fn with_native(native: Vec<sock_filter>, action: u32) -> Vec<sock_filter> {
    let mut foreign = each(FOREIGN.numbers().into_iter(), action);
    foreign.extend(FOREIGN_SOCKETS.into_iter().flat_map(|picked| pick(picked, action)));
    if action == NOTIFY {
        foreign.extend(FOREIGN_HANDLER.into_iter().flat_map(|picked| pick(picked, action)));
    }
    let mut program = vec![load(NUMBER)];
    program.extend(when_equal(IO_URING_SETUP, NO_SUCH_CALL));
    program.push(load(ARCHITECTURE));
    // Eight-bit jumps do not reach over the native part, so the foreign one comes first.
    program.push(jump(BPF_JEQ, ARCH, narrow(foreign.len() + 2), 0));
    program.push(load(NUMBER));
    program.extend(foreign);
    program.push(answer(libc::SECCOMP_RET_ALLOW));
    program.push(load(NUMBER));
    if HAS_X32 {
        program.push(jump(BPF_JGE, X32, 0, 1));
        program.push(answer(NO_SUCH_CALL));
    }
    program.extend(native);
    program.push(answer(libc::SECCOMP_RET_ALLOW));
    program
}

/// A call for some values of its first argument.
fn pick(picked: Picked, action: u32) -> Vec<sock_filter> {
    let values = picked.values.iter().flat_map(|&value| when_equal(value, action));
    let mut part: Vec<_> = std::iter::once(load(FIRST_ARGUMENT)).chain(values).collect();
    part.push(answer(libc::SECCOMP_RET_ALLOW));
    part.insert(0, jump(BPF_JEQ, picked.number, 0, narrow(part.len())));
    part
}

/// Calls that look are let through if they come from the page, and notified otherwise.
fn from_page() -> Vec<sock_filter> {
    let numbers = CALLS.iter().map(|call| call.number).filter(|number| FAST.contains(number));
    let numbers: Vec<_> = numbers.collect();
    let test = [
        load(INSTRUCTION_HIGH),
        jump(BPF_JEQ, high(PAGE_EXIT), 0, 2),
        load(INSTRUCTION_LOW),
        jump(BPF_JEQ, low(PAGE_EXIT), 1, 0),
        answer(NOTIFY),
        answer(libc::SECCOMP_RET_ALLOW),
    ];
    let count = numbers.len();
    let mut program = Vec::new();
    for (index, number) in numbers.into_iter().enumerate() {
        // To the test, over the rest and the jump after them.
        program.push(jump(BPF_JEQ, number, narrow(count - index), 0));
    }
    program.push(jump(BPF_JGE, 0, narrow(test.len()), 0));
    program.extend(test);
    program
}

/// Lets a stat through whose name is where one of the libraries keeps its empty one, as seen from the
/// instruction, which must be where that library has it in its page. Leaves the number loaded.
fn about_open_files(nameless: &[Nameless]) -> Vec<sock_filter> {
    let Some(stat) = CALLS.iter().find(|call| call.name == "newfstatat") else { return Vec::new() };
    // Each way: its distance, and then its place.
    let last = nameless.len().saturating_sub(1);
    let each = |(index, way): (usize, &Nameless)| {
        [
            jump(BPF_JEQ, way.distance, 0, 4),
            load(INSTRUCTION_LOW),
            alu(BPF_AND | BPF_K, WITHIN_PAGE),
            jump(BPF_JEQ, way.in_page, 0, narrow(1 + 5 * (last - index))),
            answer(libc::SECCOMP_RET_ALLOW),
        ]
    };
    let ways: Vec<_> = nameless.iter().enumerate().flat_map(each).collect();
    let from_name = [load(SECOND_LOW), to_index(), load(INSTRUCTION_LOW), alu(BPF_SUB | BPF_X, 0)];
    let near = narrow(from_name.len() + ways.len());
    // In the same four gigabytes.
    let same_half = [
        load(SECOND_HIGH),
        to_index(),
        load(INSTRUCTION_HIGH),
        sock_filter { code: code(BPF_JMP | BPF_JEQ | BPF_X), jt: 0, jf: near, k: 0 },
    ];
    let mut program = vec![load(FOURTH_LOW)];
    program.push(jump(BPF_JEQ, NO_NAME, 0, near + narrow(same_half.len())));
    program.extend(same_half.into_iter().chain(from_name).chain(ways));
    program.push(load(NUMBER));
    program.insert(0, jump(BPF_JEQ, stat.number, 0, narrow(program.len())));
    program
}

/// Keeps what is loaded for a comparison or a difference.
fn to_index() -> sock_filter {
    sock_filter { code: code(BPF_MISC | BPF_TAX), jt: 0, jf: 0, k: 0 }
}

fn alu(operation: u32, value: u32) -> sock_filter {
    sock_filter { code: code(BPF_ALU | operation), jt: 0, jf: 0, k: value }
}

#[expect(clippy::cast_possible_truncation, reason = "the half that is meant")]
const fn low(word: u64) -> u32 {
    word as u32
}

const fn high(word: u64) -> u32 {
    low(word >> 32)
}

fn each(numbers: impl Iterator<Item = u32>, action: u32) -> Vec<sock_filter> {
    numbers.flat_map(|number| when_equal(number, action)).collect()
}

fn when_equal(number: u32, then: u32) -> [sock_filter; 2] {
    [jump(BPF_JEQ, number, 0, 1), answer(then)]
}

fn load(offset: u32) -> sock_filter {
    sock_filter { code: code(BPF_LD | BPF_W | BPF_ABS), jt: 0, jf: 0, k: offset }
}

fn jump(test: u32, value: u32, if_true: u8, if_false: u8) -> sock_filter {
    sock_filter { code: code(BPF_JMP | test | BPF_K), jt: if_true, jf: if_false, k: value }
}

fn answer(action: u32) -> sock_filter {
    sock_filter { code: code(BPF_RET | BPF_K), jt: 0, jf: 0, k: action }
}

/// Classic BPF's codes are sixteen bits wide, its constants in `libc` thirty-two.
fn code(bits: u32) -> u16 {
    u16::try_from(bits).unwrap_or(u16::MAX)
}

fn narrow(instructions: usize) -> u8 {
    u8::try_from(instructions).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A call as the kernel describes it.
    #[derive(Clone, Copy, Default)]
    struct Made {
        arch: u32,
        number: u32,
        argument: u32,
        /// Of a name.
        second: u64,
        flags: u32,
        instruction: u64,
    }

    fn run(program: &[sock_filter], arch: u32, number: u32) -> u32 {
        run_with(program, Made { arch, number, ..Made::default() })
    }

    /// Runs the program as the kernel would.
    fn run_with(program: &[sock_filter], made: Made) -> u32 {
        let (mut at, mut value, mut index) = (0, 0_u32, 0);
        loop {
            let op = program[at];
            at += 1;
            match u32::from(op.code) {
                c if c == BPF_LD | BPF_W | BPF_ABS => {
                    value = match op.k {
                        NUMBER => made.number,
                        ARCHITECTURE => made.arch,
                        INSTRUCTION_LOW => low(made.instruction),
                        INSTRUCTION_HIGH => high(made.instruction),
                        FIRST_ARGUMENT => made.argument,
                        SECOND_LOW => low(made.second),
                        SECOND_HIGH => high(made.second),
                        FOURTH_LOW => made.flags,
                        offset => panic!("nothing at {offset}"),
                    };
                }
                c if c == BPF_RET | BPF_K => return op.k,
                c if c == BPF_MISC | BPF_TAX => index = value,
                c if c == BPF_ALU | BPF_SUB | BPF_X => value = value.wrapping_sub(index),
                c if c == BPF_ALU | BPF_AND | BPF_K => value &= op.k,
                c if c == BPF_JMP | BPF_JEQ | BPF_X => {
                    at += usize::from(if value == index { op.jt } else { op.jf });
                }
                c if c == BPF_JMP | BPF_JEQ | BPF_K => {
                    at += usize::from(if value == op.k { op.jt } else { op.jf });
                }
                _ => at += usize::from(if value >= op.k { op.jt } else { op.jf }),
            }
        }
    }

    #[test]
    fn every_listed_call_is_notified_and_no_other() {
        let (plain, fast) = (program(NOTIFY), fast_program(&[]));
        for number in 0..600 {
            let listed = CALLS.iter().any(|call| call.number == number);
            let expected = match (listed, number) {
                (true, _) => NOTIFY,
                (false, IO_URING_SETUP) => NO_SUCH_CALL,
                _ => libc::SECCOMP_RET_ALLOW,
            };
            assert_eq!(run(&plain, ARCH, number), expected, "call {number}");
            let expected = if [SECCOMP, FCHDIR].contains(&number) { NOTIFY } else { expected };
            assert_eq!(run(&fast, ARCH, number), expected, "call {number}");
        }
    }

    #[test]
    fn only_calls_that_look_are_let_through_and_only_from_the_page() {
        let lets = |program: &[sock_filter], number, instruction| {
            let made = Made { arch: ARCH, number, instruction, ..Made::default() };
            run_with(program, made) == libc::SECCOMP_RET_ALLOW
        };
        let (plain, fast) = (program(NOTIFY), fast_program(&[]));
        for call in CALLS {
            let number = call.number;
            assert_eq!(lets(&fast, number, PAGE_EXIT), FAST.contains(&number), "{}", call.name);
            assert!(!lets(&plain, number, PAGE_EXIT));
            for elsewhere in [PAGE_EXIT + 1, PAGE_EXIT - 2, PAGE_EXIT | 1 << 32, 0, u64::MAX] {
                assert!(!lets(&fast, number, elsewhere), "{} from {elsewhere:x}", call.name);
            }
        }
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn questions_about_open_files_are_let_through_where_libraries_ask_them() {
        const LIBRARY: u64 = 0x7f00_1234_5000;
        let ways = [(0xfff0_0020, 0x6a), (0x100, 0x20), (0x20, 0x42)];
        let ways = ways.map(|(distance, in_page)| Nameless { distance, in_page });
        let Some(stat) = CALLS.iter().find(|call| call.name == "newfstatat") else { return };
        for known in 0..=ways.len() {
            let program = fast_program(&ways[..known]);
            let lets = |made: Made| run_with(&program, made) == libc::SECCOMP_RET_ALLOW;
            for (index, way) in ways.iter().enumerate() {
                let instruction = LIBRARY + u64::from(way.in_page);
                let distance = i64::from(way.distance.cast_signed());
                let second = instruction.wrapping_sub(distance.cast_unsigned());
                let asked = Made {
                    arch: ARCH,
                    number: stat.number,
                    second,
                    flags: NO_NAME,
                    instruction,
                    argument: 3,
                };
                assert_eq!(lets(asked), index < known);
                let others = [
                    Made { flags: 0, ..asked },
                    Made { flags: NO_NAME | 0x100, ..asked },
                    Made { second: second + 1, ..asked },
                    Made { second: second ^ 1 << 32, ..asked },
                    Made { instruction: instruction + 1, second: second + 1, ..asked },
                    Made { instruction: instruction ^ 1 << 32, ..asked },
                    Made { arch: 0x4000_0003, number: 300, ..asked },
                ];
                assert!(!others.into_iter().any(lets), "{index} of {known}");
                // Other calls are what they are.
                for call in CALLS.iter().filter(|call| call.number != stat.number) {
                    assert!(!lets(Made { number: call.number, ..asked }), "{}", call.name);
                }
            }
        }
    }

    #[test]
    fn handlers_of_dead_children_are_notified_and_no_others() {
        let (plain, fast) = (program(NOTIFY), fast_program(&[]));
        for argument in 1..=64 {
            let made = Made { arch: ARCH, number: HANDLER.number, argument, ..Made::default() };
            for program in [&plain, &fast] {
                let notified = run_with(program, made) == NOTIFY;
                assert_eq!(notified, argument == HANDLER.values[0], "signal {argument}");
            }
            let made = Made { number: PRCTL, ..made };
            assert_eq!(run_with(&plain, made), libc::SECCOMP_RET_ALLOW);
            let notified = run_with(&fast, made) == NOTIFY;
            assert_eq!(notified, argument == FILTERING.values[0], "prctl {argument}");
        }
    }

    #[test]
    fn on_the_lower_rung_the_same_calls_stop_and_no_handler_does() {
        let (notified, stopped) = (program(NOTIFY), program(libc::SECCOMP_RET_TRACE));
        for number in 0..600 {
            let expected = match run(&notified, ARCH, number) {
                NOTIFY => libc::SECCOMP_RET_TRACE,
                other => other,
            };
            assert_eq!(run(&stopped, ARCH, number), expected, "call {number}");
        }
        let (number, argument) = (HANDLER.number, HANDLER.values[0]);
        let handler = Made { arch: ARCH, number, argument, ..Made::default() };
        assert_eq!(run_with(&stopped, handler), libc::SECCOMP_RET_ALLOW);
    }

    #[test]
    fn other_architectures_have_their_own_list() {
        let program = program(NOTIFY);
        for number in 0..600 {
            let notified = run(&program, 0x4000_0003, number) == libc::SECCOMP_RET_USER_NOTIF;
            assert_eq!(notified, FOREIGN.numbers().contains(&number), "call {number}");
        }
        assert_eq!(run(&program, 0x4000_0003, IO_URING_SETUP), NO_SUCH_CALL);
    }

    #[test]
    fn x32_calls_do_not_exist() {
        if HAS_X32 {
            assert_eq!(run(&program(NOTIFY), ARCH, X32 + 257), NO_SUCH_CALL);
        }
    }

    #[test]
    fn jumps_reach() {
        // The longest is the one over the foreign part, which a narrowed jump would fall short of.
        let at = |op: &sock_filter| u32::from(op.code) == BPF_JMP | BPF_JEQ | BPF_K && op.k == ARCH;
        let over = program(NOTIFY).into_iter().find(at).unwrap().jt;
        assert!(over < u8::MAX, "{over}");
    }
}
