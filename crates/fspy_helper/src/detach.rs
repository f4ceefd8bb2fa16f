//! Cuts the helper loose from whoever started it: descriptors, terminal, directory.
#![expect(unsafe_code, reason = "close_range has no safe wrapper")]

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::fcntl_dupfd_cloexec;

/// First descriptor that is not standard input, output or error.
const FIRST: RawFd = 3;

/// The control socket, taken over from standard input, and `/dev/null`, which takes the place of
/// all three standard descriptors. Nothing else that was inherited stays open: a pipe of the
/// runner's held by a helper that outlives it would keep its reader waiting.
pub(crate) fn from_runner() -> io::Result<(OwnedFd, OwnedFd)> {
    close_from(FIRST);
    let control = fcntl_dupfd_cloexec(io::stdin().as_fd(), FIRST)?;
    let null = openat(CWD, "/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
    let null = fcntl_dupfd_cloexec(&null, FIRST)?;
    rustix::stdio::dup2_stdin(&null)?;
    rustix::stdio::dup2_stdout(&null)?;
    rustix::stdio::dup2_stderr(&null)?;
    rustix::io::ioctl_fionbio(&control, true)?;
    // Already leading a session is as good.
    let _ = rustix::process::setsid();
    rustix::process::chdir("/")?;
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    Ok((control, null))
}

/// Whether standard input is a control socket.
pub(crate) fn was_started_by_runner() -> bool {
    let socket_type = |fd: BorrowedFd<'_>| rustix::net::sockopt::socket_type(fd);
    socket_type(io::stdin().as_fd()) == Ok(rustix::net::SocketType::SEQPACKET)
}

fn close_from(first: RawFd) {
    // SAFETY: nothing in this program has opened a descriptor yet.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, first, RawFd::MAX, 0) } == 0;
    if !closed {
        close_each(first);
    }
}

/// For kernels without `close_range`.
fn close_each(first: RawFd) {
    let entries = std::fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    let numbers: Vec<RawFd> =
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    for number in numbers.into_iter().filter(|&number| number >= first) {
        // SAFETY: inherited, and used by nothing in this program; a number closed by now fails.
        unsafe { libc::close(number) };
    }
}
