//! The seccomp filter of a traced step: which calls are notified, which are refused.
//!
//! Numbers are tested before anything else, so that the kernel's table of calls that are always
//! allowed covers all that are not listed.

use libc::{BPF_ABS, BPF_JEQ, BPF_JGE, BPF_JMP, BPF_K, BPF_LD, BPF_RET, BPF_W, sock_filter};

use crate::syscalls::{
    ARCH, CALLS, FOREIGN, FOREIGN_HANDLER, FOREIGN_SOCKETS, HANDLER, HAS_X32, IO_URING_SETUP,
    Picked, X32,
};

/// Offset of the number in `struct seccomp_data`.
const NUMBER: u32 = 0;
/// Offset of the architecture in `struct seccomp_data`.
const ARCHITECTURE: u32 = 4;
/// Offset of the low half of the first argument.
const FIRST_ARGUMENT: u32 = if cfg!(target_endian = "little") { 16 } else { 20 };
/// Answer of the kernel for a call it does not have.
const NO_SUCH_CALL: u32 = libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32;

/// The program, ready for `seccomp(2)`, that answers `action` for every call of interest.
pub(crate) fn program(action: u32) -> Vec<sock_filter> {
    let each = |numbers: &mut dyn Iterator<Item = u32>| -> Vec<_> {
        numbers.flat_map(|number| when_equal(number, action)).collect()
    };
    let mut foreign = each(&mut FOREIGN.numbers().into_iter());
    let mut native = each(&mut CALLS.iter().map(|call| call.number));
    foreign.extend(FOREIGN_SOCKETS.into_iter().flat_map(|picked| pick(picked, action)));
    // A call that is stopped for `ptrace` is never interrupted.
    if action == libc::SECCOMP_RET_USER_NOTIF {
        foreign.extend(FOREIGN_HANDLER.into_iter().flat_map(|picked| pick(picked, action)));
        native.extend(pick(HANDLER, action));
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

    const NOTIFY: u32 = libc::SECCOMP_RET_USER_NOTIF;

    fn run(program: &[sock_filter], arch: u32, number: u32) -> u32 {
        run_with(program, arch, number, 0)
    }

    /// Runs the program as the kernel would.
    fn run_with(program: &[sock_filter], arch: u32, number: u32, argument: u32) -> u32 {
        let (mut at, mut value) = (0, 0);
        loop {
            let op = program[at];
            at += 1;
            match u32::from(op.code) {
                c if c == BPF_LD | BPF_W | BPF_ABS => {
                    value = match op.k {
                        NUMBER => number,
                        ARCHITECTURE => arch,
                        _ => argument,
                    };
                }
                c if c == BPF_RET | BPF_K => return op.k,
                c if c == BPF_JMP | BPF_JEQ | BPF_K => {
                    at += usize::from(if value == op.k { op.jt } else { op.jf });
                }
                _ => at += usize::from(if value >= op.k { op.jt } else { op.jf }),
            }
        }
    }

    #[test]
    fn every_listed_call_is_notified_and_no_other() {
        let program = program(NOTIFY);
        for number in 0..600 {
            let listed = CALLS.iter().any(|call| call.number == number);
            let expected = match (listed, number) {
                (true, _) => libc::SECCOMP_RET_USER_NOTIF,
                (false, IO_URING_SETUP) => NO_SUCH_CALL,
                _ => libc::SECCOMP_RET_ALLOW,
            };
            assert_eq!(run(&program, ARCH, number), expected, "call {number}");
        }
    }

    #[test]
    fn handlers_of_dead_children_are_notified_and_no_others() {
        let program = program(NOTIFY);
        for signal in 1..=64 {
            let notified =
                run_with(&program, ARCH, HANDLER.number, signal) == libc::SECCOMP_RET_USER_NOTIF;
            assert_eq!(notified, signal == HANDLER.values[0], "signal {signal}");
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
        let action = run_with(&stopped, ARCH, HANDLER.number, HANDLER.values[0]);
        assert_eq!(action, libc::SECCOMP_RET_ALLOW);
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
