//! Starts one process: everything is made ready before the fork; between fork and exec there are
//! only system calls, for other threads may have held any lock.
#![expect(unsafe_code, reason = "fork, exec and what lies between them")]

use std::ffi::{CStr, CString, NulError};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::ptr;

use fspy_trace::wire::{Launch, Stage};
use libc::{c_char, c_int, c_ulong, sock_filter, sock_fprog};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SocketFlags, SocketType,
    recvmsg, socketpair,
};

use crate::fast::Nameless;
use crate::filter;
use crate::stops::Mode;

/// Interprets programs that are neither ELF nor have an interpreter line, as `execvp` does.
const SHELL: &CStr = c"/bin/sh";
/// Exit code of a process that could not become the program.
const NOT_STARTED: c_int = 127;
/// Highest signal number.
const LAST_SIGNAL: c_int = 64;
/// Since Linux 5.19; keeps a received notification from being interrupted.
const WAIT_KILLABLE_RECV: c_ulong = 1 << 5;

/// What the child reports before it is the program. If the socket closes, it is.
#[derive(Debug)]
pub(crate) enum News {
    /// It waits to be seized; see [`go`].
    Ready,
    /// The filter is installed; its listener.
    Filtered(OwnedFd),
    /// The filter could not be installed, the program is started without; the `errno`.
    Unfiltered(i32),
    /// The program could not be started.
    Failed(Stage, i32),
    /// The program runs, or the child was killed.
    Done,
}

/// First byte of a report: no stage, but about the filter.
const ABOUT_FILTER: u8 = u8::MAX;
/// First byte of the report that says no more than that.
const READY: u8 = u8::MAX - 1;
const STAGES: [Stage; 4] = [Stage::Fork, Stage::Chdir, Stage::Stdio, Stage::Exec];

/// A process to be, with every pointer it will need.
#[derive(Debug)]
pub(crate) struct Prepared {
    program: CString,
    cwd: CString,
    argv: Strings,
    shell_argv: Strings,
    env: Strings,
    watch: Watch,
}

/// How a process lets itself be watched, before it becomes the program.
#[derive(Debug)]
pub(crate) enum Watch {
    None,
    /// It installs this filter, and hands over its listener.
    Notified(Vec<sock_filter>),
    /// It waits until it was seized, and then installs this filter, if any.
    Seized(Option<Vec<sock_filter>>),
}

impl Watch {
    pub(crate) fn notified() -> Self {
        Self::Notified(filter::program(libc::SECCOMP_RET_USER_NOTIF))
    }

    /// Calls that are asked like this need not be notified.
    pub(crate) fn notified_or_recorded(nameless: &[Nameless]) -> Self {
        Self::Notified(filter::fast_program(nameless))
    }

    pub(crate) fn by_stops(mode: Mode) -> Self {
        let filtered = mode == Mode::Filter;
        Self::Seized(filtered.then(|| filter::program(libc::SECCOMP_RET_TRACE)))
    }
}

/// A null-terminated array of C strings.
#[derive(Debug)]
struct Strings {
    /// Points into `_owned`.
    pointers: Vec<*const c_char>,
    _owned: Vec<CString>,
}

impl Strings {
    fn new<'a>(all: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, NulError> {
        let owned = all.into_iter().map(CString::new).collect::<Result<Vec<_>, _>>()?;
        let pointers = owned.iter().map(|text| text.as_ptr()).chain([ptr::null()]).collect();
        Ok(Self { pointers, _owned: owned })
    }
}

impl Prepared {
    /// Copies what the process will need.
    pub(crate) fn new(launch: &Launch, watch: Watch) -> Result<Self, NulError> {
        let arguments = || launch.argv.iter().map(Vec::as_slice);
        let shell = [SHELL.to_bytes(), &launch.program];
        Ok(Self {
            program: CString::new(launch.program.as_slice())?,
            cwd: CString::new(launch.cwd.as_slice())?,
            argv: Strings::new(arguments())?,
            shell_argv: Strings::new(shell.into_iter().chain(arguments().skip(1)))?,
            env: Strings::new(launch.env.iter().map(Vec::as_slice))?,
            watch,
        })
    }

    /// Forks. Returns the process and where its [`News`] come from.
    pub(crate) fn start(&self, stdio: [BorrowedFd<'_>; 3]) -> io::Result<(i32, OwnedFd)> {
        fork(|news| self.become_program(stdio.map(|fd| fd.as_raw_fd()), news))
    }

    /// In the child: never returns.
    fn become_program(&self, stdio: [RawFd; 3], news: RawFd) -> ! {
        // SAFETY: only system calls, on descriptors and memory made ready before the fork.
        unsafe {
            libc::setsid();
            for (number, fd) in (0..).zip(stdio) {
                if libc::dup2(fd, number) < 0 {
                    give_up(news, Stage::Stdio);
                }
            }
            if libc::chdir(self.cwd.as_ptr()) != 0 {
                give_up(news, Stage::Chdir);
            }
            default_signals();
            be_watched(&self.watch, news);
            let env = self.env.pointers.as_ptr();
            libc::execve(self.program.as_ptr(), self.argv.pointers.as_ptr(), env);
            if errno() == libc::ENOEXEC {
                libc::execve(SHELL.as_ptr(), self.shell_argv.pointers.as_ptr(), env);
            }
            give_up(news, Stage::Exec)
        }
    }
}

/// Forks; the child runs `child`, which gets a socket for its news, and exits if that returns.
fn fork(child: impl FnOnce(RawFd)) -> io::Result<(i32, OwnedFd)> {
    let (ours, theirs) =
        socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
    // SAFETY: the child does nothing but what `child` does, which is async-signal-safe.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            child(theirs.as_raw_fd());
            // SAFETY: a system call.
            unsafe { libc::_exit(NOT_STARTED) }
        }
        pid => Ok((pid, ours)),
    }
}

/// A child that lets itself be watched, makes the one call `access(path)` and exits: for the
/// self-test.
pub(crate) fn start_test(watch: &Watch, path: &CStr) -> io::Result<(i32, OwnedFd)> {
    fork(|news| {
        // SAFETY: only system calls, on memory made ready before the fork.
        unsafe {
            be_watched(watch, news);
            libc::faccessat(libc::AT_FDCWD, path.as_ptr(), libc::F_OK, 0);
        }
    })
}

/// Reads the next report of a child, waiting for it.
pub(crate) fn next_news(socket: BorrowedFd<'_>) -> News {
    let mut bytes = [0; 8];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = rustix::io::retry_on_intr(|| {
        let body = &mut [io::IoSliceMut::new(&mut bytes)];
        recvmsg(socket, body, &mut control, RecvFlags::CMSG_CLOEXEC)
    });
    let listener = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
        _ => None,
    });
    let [kind, _, _, _, errno @ ..] = bytes;
    let errno = i32::from_ne_bytes(errno);
    match (received.map(|message| message.bytes), listener) {
        (Ok(8), Some(listener)) => News::Filtered(listener),
        (Ok(8), None) if kind == READY => News::Ready,
        (Ok(8), None) if kind == ABOUT_FILTER => News::Unfiltered(errno),
        (Ok(8), None) => {
            News::Failed(*STAGES.get(usize::from(kind)).unwrap_or(&Stage::Exec), errno)
        }
        _ => News::Done,
    }
}

/// Tells a child that waits for it whether it was seized.
pub(crate) fn go(news: BorrowedFd<'_>, seized: bool) {
    // A child that is gone needs no word.
    let _ = rustix::net::send(news, &[u8::from(seized)], rustix::net::SendFlags::NOSIGNAL);
}

/// # Safety
/// To be called in a forked child only: the caller is watched from then on.
unsafe fn be_watched(watch: &Watch, news: RawFd) {
    // SAFETY: as this function's.
    unsafe {
        match watch {
            Watch::None => {}
            Watch::Notified(filter) => report_filter(news, install(filter, NOTIFYING)),
            Watch::Seized(filter) => {
                // Before that its calls are this program's, and none of the step's.
                send(news, READY, 0, None);
                let mut seized = 0_u8;
                while libc::recv(news, (&raw mut seized).cast(), 1, 0) < 0 && errno() == libc::EINTR
                {
                }
                let filter = filter.as_ref().filter(|_| seized != 0);
                if let Some(Err(errno)) = filter.map(|filter| install(filter, 0)) {
                    send(news, ABOUT_FILTER, errno, None);
                }
            }
        }
    }
}

/// Flags for a filter with a listener.
const NOTIFYING: c_ulong = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER | WAIT_KILLABLE_RECV;

/// Installs the filter. Returns the listener, if one was asked for, or an `errno`.
///
/// # Safety
/// To be called in a forked child only: the caller is filtered from then on.
unsafe fn install(filter: &[sock_filter], mut flags: c_ulong) -> Result<RawFd, i32> {
    let length = u16::try_from(filter.len()).map_err(|_| libc::EINVAL)?;
    let program = sock_fprog { len: length, filter: filter.as_ptr().cast_mut() };
    let no_mitigation = libc::SECCOMP_FILTER_FLAG_SPEC_ALLOW;
    flags |= no_mitigation;
    loop {
        // SAFETY: `program` describes `filter`, which outlives the call.
        let listener = unsafe {
            libc::syscall(
                libc::SYS_seccomp,
                c_ulong::from(libc::SECCOMP_SET_MODE_FILTER),
                flags,
                &raw const program,
            )
        };
        if let Ok(listener @ 0..) = RawFd::try_from(listener) {
            return Ok(listener);
        }
        match errno() {
            libc::EINVAL if flags & WAIT_KILLABLE_RECV != 0 => flags &= !WAIT_KILLABLE_RECV,
            libc::EINVAL if flags & no_mitigation != 0 => flags &= !no_mitigation,
            // Without CAP_SYS_ADMIN a filter needs the promise to gain no privileges; with it,
            // `sudo` and its like keep working.
            libc::EACCES if promise_no_privileges() => {}
            errno => return Err(errno),
        }
    }
}

/// True if that was not promised before.
fn promise_no_privileges() -> bool {
    let (yes, no): (c_ulong, c_ulong) = (1, 0);
    // SAFETY: plain numbers.
    unsafe {
        libc::prctl(libc::PR_GET_NO_NEW_PRIVS, no, no, no, no) == 0
            && libc::prctl(libc::PR_SET_NO_NEW_PRIVS, yes, no, no, no) == 0
    }
}

/// Whatever this program, or whoever started it, ignores or blocks, its children do not.
unsafe fn default_signals() {
    /// The kernel's `struct sigaction`: all zero is `SIG_DFL`. Not libc's, which keeps two signals
    /// to itself.
    const DEFAULT: [u64; 4] = [0; 4];
    /// Size of the kernel's signal set.
    const SET_SIZE: usize = 8;
    let none = 0_u64;
    // SAFETY: pointers to locals as large as the kernel expects.
    unsafe {
        for signal in 1..=LAST_SIGNAL {
            let action = DEFAULT.as_ptr();
            libc::syscall(libc::SYS_rt_sigaction, signal, action, 0_usize, SET_SIZE);
        }
        let set = &raw const none;
        libc::syscall(libc::SYS_rt_sigprocmask, libc::SIG_SETMASK, set, 0_usize, SET_SIZE);
    }
}

unsafe fn report_filter(news: RawFd, installed: Result<RawFd, i32>) {
    match installed {
        // SAFETY: the descriptor is this process's own, and not used again.
        Ok(listener) => unsafe {
            send(news, ABOUT_FILTER, 0, Some(listener));
            libc::close(listener);
        },
        // SAFETY: as above.
        Err(errno) => unsafe { send(news, ABOUT_FILTER, errno, None) },
    }
}

unsafe fn give_up(news: RawFd, stage: Stage) -> ! {
    let errno = errno();
    let kind = match stage {
        Stage::Fork => 0,
        Stage::Chdir => 1,
        Stage::Stdio => 2,
        Stage::Exec => 3,
    };
    // SAFETY: system calls only.
    unsafe {
        send(news, kind, errno, None);
        libc::_exit(NOT_STARTED)
    }
}

/// `sendmsg` by hand: nothing that allocates may be called here.
unsafe fn send(socket: RawFd, kind: u8, errno: i32, fd: Option<RawFd>) {
    #[repr(C, align(8))]
    struct Control([u8; 32]);
    let [a, b, c, d] = errno.to_ne_bytes();
    let mut bytes = [kind, 0, 0, 0, a, b, c, d];
    let mut control = Control([0; 32]);
    let mut body = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
    // SAFETY: an all-zero `msghdr` is valid; its pointers are to live locals, and the control
    // buffer has room for one descriptor and is aligned for its header.
    unsafe {
        let mut message: libc::msghdr = MaybeUninit::zeroed().assume_init();
        message.msg_iov = &raw mut body;
        message.msg_iovlen = 1;
        if let Some(fd) = fd {
            const SIZE: u32 = 4;
            message.msg_control = control.0.as_mut_ptr().cast();
            message.msg_controllen = libc::CMSG_SPACE(SIZE) as _;
            let header = libc::CMSG_FIRSTHDR(&raw const message);
            (*header).cmsg_level = libc::SOL_SOCKET;
            (*header).cmsg_type = libc::SCM_RIGHTS;
            (*header).cmsg_len = libc::CMSG_LEN(SIZE) as _;
            libc::CMSG_DATA(header).cast::<RawFd>().write_unaligned(fd);
        }
        libc::sendmsg(socket, &raw const message, libc::MSG_NOSIGNAL);
    }
}

fn errno() -> i32 {
    // SAFETY: the pointer is to this thread's `errno`.
    unsafe { *libc::__errno_location() }
}

/// Kills a child that was not reaped yet.
pub(crate) fn kill(pid: i32) {
    // SAFETY: a system call on numbers.
    unsafe { libc::kill(pid, libc::SIGKILL) };
}
