//! `ptrace(2)`: the lower rungs' way to stop a process at its calls.
//!
//! Every tracee belongs to the thread that seized it: that thread alone may wait for it and resume it.
#![expect(unsafe_code, reason = "ptrace and waitpid for its stops have no safe wrapper")]

use std::io;
use std::mem::{MaybeUninit, size_of};
use std::ptr;

use libc::{c_int, c_uint, pid_t, ptrace_syscall_info};

use crate::listen::{Notification, Waiting};

/// How calls are stopped at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// A seccomp filter picks the calls.
    Filter,
    /// Every call stops, twice.
    Every,
}

/// What `PTRACE_GET_SYSCALL_INFO` says of a stop.
const ENTRY: u8 = 1;
const BY_FILTER: u8 = 3;
const EVENT_STOP: c_int = 128;
/// Stop signal of calls, told from a real SIGTRAP by `PTRACE_O_TRACESYSGOOD`.
const CALL_STOP: c_int = libc::SIGTRAP | 0x80;
/// Signals that stop a whole process.
const STOPPING: [c_int; 4] = [libc::SIGSTOP, libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU];

/// Something that a wait returned.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// A call is about to be made.
    Call,
    /// A program was executed.
    Executed,
    /// Of no interest; to be resumed with this signal, or with none.
    Other(c_int),
    /// The whole process is stopped by a signal, until another continues it.
    Group,
    /// It is gone: `waitpid`'s status.
    Gone { code: Option<i32>, signal: Option<i32> },
}

/// How to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    ForOne,
    Glance,
}

/// Takes note of the stops of a child of this thread, and of all that it will start.
pub(crate) fn seize(pid: pid_t, mode: Mode) -> io::Result<()> {
    let shared = libc::PTRACE_O_TRACESYSGOOD
        | libc::PTRACE_O_TRACEFORK
        | libc::PTRACE_O_TRACEVFORK
        | libc::PTRACE_O_TRACECLONE
        | libc::PTRACE_O_TRACEEXEC;
    let options = match mode {
        // Without its tracer the filter would make every call fail: better that nothing is left.
        Mode::Filter => shared | libc::PTRACE_O_TRACESECCOMP | libc::PTRACE_O_EXITKILL,
        Mode::Every => shared,
    };
    request(libc::PTRACE_SEIZE, pid, usize::try_from(options).unwrap_or(0))?;
    if mode == Mode::Every {
        // Calls stop only after a first stop was left that way.
        request(libc::PTRACE_INTERRUPT, pid, 0)?;
    }
    Ok(())
}

/// The next stop or end among this thread's children and tracees. `None` if there is none: none yet,
/// or, as the flag says, nobody left to wait for.
pub(crate) fn next(wait: Wait) -> Result<Option<(pid_t, Stop)>, NobodyLeft> {
    let flags = libc::__WALL
        | libc::__WNOTHREAD
        | match wait {
            Wait::ForOne => 0,
            Wait::Glance => libc::WNOHANG,
        };
    let mut status = 0;
    // SAFETY: the pointer is to a live `c_int`.
    match unsafe { libc::waitpid(-1, &raw mut status, flags) } {
        0 => Ok(None),
        pid @ 1.. => Ok(Some((pid, understood(status)))),
        _ if io::Error::last_os_error().raw_os_error() == Some(libc::ECHILD) => Err(NobodyLeft),
        _ => Ok(None),
    }
}

/// Reaps an orphan of a step whose thread stops it. False if there is none, or none to be had now.
///
/// An orphan that is still traced is this thread's child and another's tracee, and its stops must be
/// left to that one: so it is looked first at what a wait would return.
pub(crate) fn reap_orphan() -> bool {
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    let glance = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT | libc::__WNOTHREAD;
    // SAFETY: the pointer is to a live `siginfo_t`, for which all-zero bytes are a valid value; the
    // fields read are those that `waitid` fills in.
    unsafe {
        if libc::waitid(libc::P_ALL, 0, info.as_mut_ptr(), glance) != 0 {
            return false;
        }
        let info = info.assume_init();
        let dead = [libc::CLD_EXITED, libc::CLD_KILLED, libc::CLD_DUMPED].contains(&info.si_code);
        let pid = info.si_pid();
        let flags = libc::WNOHANG | libc::__WNOTHREAD;
        pid != 0 && dead && libc::waitpid(pid, ptr::null_mut(), flags) > 0
    }
}

/// No child or tracee is left.
#[derive(Debug)]
pub(crate) struct NobodyLeft;

fn understood(status: c_int) -> Stop {
    if !libc::WIFSTOPPED(status) {
        let exited = libc::WIFEXITED(status);
        let code = exited.then(|| libc::WEXITSTATUS(status));
        let signal = libc::WIFSIGNALED(status).then(|| libc::WTERMSIG(status));
        return Stop::Gone { code, signal };
    }
    match (status >> 16, libc::WSTOPSIG(status)) {
        (libc::PTRACE_EVENT_SECCOMP, _) | (0, CALL_STOP) => Stop::Call,
        (libc::PTRACE_EVENT_EXEC, _) => Stop::Executed,
        (EVENT_STOP, signal) if STOPPING.contains(&signal) => Stop::Group,
        (0, signal) => Stop::Other(signal),
        _ => Stop::Other(0),
    }
}

/// The call that a stopped thread is about to make; `None` at the end of one.
pub(crate) fn call(tid: pid_t) -> Option<Notification> {
    let mut info = MaybeUninit::<ptrace_syscall_info>::zeroed();
    let size = size_of::<ptrace_syscall_info>();
    let get = libc::PTRACE_GET_SYSCALL_INFO;
    // SAFETY: the kernel writes at most `size` bytes, and all-zero bytes are a valid value.
    let info = unsafe {
        if libc::ptrace(get, tid, size, info.as_mut_ptr()) <= 0 {
            return None;
        }
        info.assume_init()
    };
    let (number, args) = match info.op {
        // SAFETY: the kernel says that it is this one of the union.
        ENTRY => unsafe { (info.u.entry.nr, info.u.entry.args) },
        // SAFETY: as above.
        BY_FILTER => unsafe { (info.u.seccomp.nr, info.u.seccomp.args) },
        _ => return None,
    };
    Some(Notification {
        id: 0,
        tid: u32::try_from(tid).ok()?,
        arch: info.arch,
        // As the kernel does: it looks at the low half.
        number: i32::try_from(number & 0xFFFF_FFFF).unwrap_or(-1),
        args,
        instruction: info.instruction_pointer,
    })
}

/// Lets a stopped thread go on, with a signal or none. False if it is gone.
pub(crate) fn resume(tid: pid_t, mode: Mode, signal: c_int) -> bool {
    let how = match mode {
        Mode::Filter => libc::PTRACE_CONT,
        Mode::Every => libc::PTRACE_SYSCALL,
    };
    request(how, tid, usize::try_from(signal).unwrap_or(0)).is_ok()
}

/// Leaves a thread stopped as its process is, and waits for what continues it.
pub(crate) fn leave_stopped(tid: pid_t) {
    let _ = request(libc::PTRACE_LISTEN, tid, 0);
}

/// A thread stopped at a call: who asks whether it waits, and lets it go on.
pub(crate) struct Stopped {
    pub(crate) tid: pid_t,
    pub(crate) mode: Mode,
}

impl Waiting for Stopped {
    fn is_valid(&self, _: u64) -> bool {
        // Only this thread can resume it; if it was killed, nothing done to it matters.
        true
    }

    fn proceed(&self, _: u64) -> bool {
        resume(self.tid, self.mode, 0)
    }
}

/// Makes the call that a thread is stopped at fail with ENOSYS.
pub(crate) fn refuse(tid: pid_t) {
    #[cfg(target_arch = "x86_64")]
    {
        /// Offset of the number in `struct user`.
        const ORIG_RAX: usize = 15 * 8;
        // SAFETY: addresses are numbers here; the kernel checks them.
        unsafe { libc::ptrace(libc::PTRACE_POKEUSER, tid, ORIG_RAX, libc::c_ulong::MAX) };
    }
    #[cfg(target_arch = "aarch64")]
    refuse_by_registers(tid);
}

/// The number is a register set of its own; the result is the first register.
#[cfg(target_arch = "aarch64")]
fn refuse_by_registers(tid: pid_t) {
    const GENERAL: usize = 1;
    const NUMBER: usize = 0x404;
    let mut registers = [0_u64; 34];
    let mut none: c_int = -1;
    let set = |request: c_uint, which: usize, base: *mut libc::c_void, length: usize| {
        let mut vector = libc::iovec { iov_base: base, iov_len: length };
        // SAFETY: the vector describes a live local of the size that the kernel's set has.
        unsafe { libc::ptrace(request, tid, which, &raw mut vector) };
    };
    let length = size_of::<[u64; 34]>();
    set(libc::PTRACE_GETREGSET, GENERAL, registers.as_mut_ptr().cast(), length);
    registers[0] = (-i64::from(libc::ENOSYS)).cast_unsigned();
    set(libc::PTRACE_SETREGSET, GENERAL, registers.as_mut_ptr().cast(), length);
    set(libc::PTRACE_SETREGSET, NUMBER, (&raw mut none).cast(), size_of::<c_int>());
}

fn request(what: c_uint, pid: pid_t, data: usize) -> io::Result<()> {
    // SAFETY: these requests take numbers only.
    let done = unsafe { libc::ptrace(what, pid, ptr::null_mut::<libc::c_void>(), data) };
    if done == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_told_apart() {
        let stopped = |event: c_int, signal: c_int| event << 16 | signal << 8 | 0x7f;
        for (status, stop) in [
            (3 << 8, Stop::Gone { code: Some(3), signal: None }),
            (9, Stop::Gone { code: None, signal: Some(9) }),
            (stopped(0, libc::SIGUSR1), Stop::Other(libc::SIGUSR1)),
            (stopped(0, libc::SIGTRAP), Stop::Other(libc::SIGTRAP)),
            (stopped(0, CALL_STOP), Stop::Call),
            (stopped(libc::PTRACE_EVENT_SECCOMP, libc::SIGTRAP), Stop::Call),
            (stopped(libc::PTRACE_EVENT_FORK, libc::SIGTRAP), Stop::Other(0)),
            (stopped(libc::PTRACE_EVENT_EXEC, libc::SIGTRAP), Stop::Executed),
            (stopped(EVENT_STOP, libc::SIGTRAP), Stop::Other(0)),
            (stopped(EVENT_STOP, libc::SIGTSTP), Stop::Group),
            // Delivered, not yet in force: the process is stopped only if it gets it.
            (stopped(0, libc::SIGTSTP), Stop::Other(libc::SIGTSTP)),
        ] {
            assert_eq!(understood(status), stop, "{status:#x}");
        }
    }
}
