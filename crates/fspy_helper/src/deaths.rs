//! Notice of dead children: `SIGCHLD` as something to poll.
#![expect(unsafe_code, reason = "signalfd has no safe wrapper")]

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;

/// Readable when a child died.
#[derive(Debug)]
pub(crate) struct Deaths(OwnedFd);

impl Deaths {
    /// Blocks `SIGCHLD`, for this thread and those it will start.
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: an all-zero set may be emptied, an all-zero action is one; both outlive the calls they
        // are passed to.
        let fd = unsafe {
            let mut set: libc::sigset_t = MaybeUninit::zeroed().assume_init();
            libc::sigemptyset(&raw mut set);
            libc::sigaddset(&raw mut set, libc::SIGCHLD);
            // Stops are no deaths.
            let mut action: libc::sigaction = MaybeUninit::zeroed().assume_init();
            action.sa_sigaction = libc::SIG_DFL;
            action.sa_flags = libc::SA_NOCLDSTOP;
            libc::sigaction(libc::SIGCHLD, &raw const action, ptr::null_mut());
            libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, ptr::null_mut());
            libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK)
        };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just handed out this descriptor.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Forgets what was noticed so far.
    pub(crate) fn clear(&self) {
        // One signal stands for any number of deaths: what counts is that something was there.
        let _ = rustix::io::read(&self.0, &mut [0; size_of::<libc::signalfd_siginfo>()]);
    }
}

impl AsFd for Deaths {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
