//! The kernel's side of a notification: receiving, checking that it still stands, answering.
#![expect(unsafe_code, reason = "seccomp's ioctls have no safe wrapper")]

use std::mem::size_of;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use libc::{c_ulong, seccomp_notif, seccomp_notif_resp, seccomp_notif_sizes};
use rustix::io::Errno;

const fn ioctl_number(direction: c_ulong, size: usize, number: c_ulong) -> c_ulong {
    direction << 30 | (size as c_ulong) << 16 | 0x21 << 8 | number
}

const RECV: c_ulong = ioctl_number(3, size_of::<seccomp_notif>(), 0);
const SEND: c_ulong = ioctl_number(3, size_of::<seccomp_notif_resp>(), 1);
const ID_VALID: c_ulong = ioctl_number(1, size_of::<u64>(), 2);
const ADD_DESCRIPTOR: c_ulong = ioctl_number(1, size_of::<libc::seccomp_notif_addfd>(), 3);
const SET_FLAGS: c_ulong = ioctl_number(1, size_of::<u64>(), 4);
/// Wakes this thread on the caller's processor, which saves most of the cost of a notification.
const SYNC_WAKE_UP: c_ulong = 1;
const CONTINUE: u32 = 1;

/// A call that waits for an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Notification {
    pub(crate) id: u64,
    pub(crate) tid: u32,
    pub(crate) arch: u32,
    pub(crate) number: i32,
    pub(crate) args: [u64; 6],
    /// Address after the instruction that made the call.
    pub(crate) instruction: u64,
}

/// Where a call waits, to be let go on.
pub(crate) trait Waiting {
    /// Whether the caller still waits.
    fn is_valid(&self, id: u64) -> bool;
    /// Lets the call proceed as if nobody had looked. True if the caller waited until now: then
    /// what was read about it was about no other process.
    fn proceed(&self, id: u64) -> bool;
    /// Answers the call with success, without its being made. True if the caller waited until now;
    /// never, where calls can only be let go on.
    fn succeed(&self, _id: u64) -> bool {
        false
    }
    /// Answers the call with a new descriptor of the caller's. True if it has it now; if not, the
    /// call still waits, or the caller is gone.
    fn give(&self, _id: u64, _file: BorrowedFd<'_>) -> bool {
        false
    }
}

/// The listening end of one step's filter.
#[derive(Debug)]
pub(crate) struct Listener {
    fd: OwnedFd,
    /// As large as the running kernel's `struct seccomp_notif`, which may have grown.
    buffer: Vec<u64>,
}

impl Listener {
    pub(crate) fn new(fd: OwnedFd) -> Self {
        // Older kernels lack it; then wake-ups are merely slower.
        // SAFETY: the descriptor is open and the argument is a plain number.
        let _ = unsafe { libc::ioctl(fd.as_raw_fd(), SET_FLAGS, SYNC_WAKE_UP) };
        Self { fd, buffer: vec![0; notification_size().div_ceil(size_of::<u64>())] }
    }

    /// The next call. `None` if it went away meanwhile; look whether anybody is left then.
    pub(crate) fn receive(&mut self) -> Option<Notification> {
        self.buffer.fill(0);
        // SAFETY: the buffer is at least as large as the kernel's structure, aligned, and zeroed.
        let failed =
            unsafe { libc::ioctl(self.fd.as_raw_fd(), RECV, self.buffer.as_mut_ptr()) } != 0;
        if failed {
            return None;
        }
        // SAFETY: the buffer holds at least a `seccomp_notif`, all of whose bit patterns are valid.
        let raw = unsafe { self.buffer.as_ptr().cast::<seccomp_notif>().read() };
        Some(Notification {
            id: raw.id,
            tid: raw.pid,
            arch: raw.data.arch,
            number: raw.data.nr,
            args: raw.data.args,
            instruction: raw.data.instruction_pointer,
        })
    }
}

impl Waiting for Listener {
    fn is_valid(&self, id: u64) -> bool {
        // SAFETY: the pointer is to a live `u64`.
        unsafe { libc::ioctl(self.fd.as_raw_fd(), ID_VALID, &raw const id) == 0 }
    }

    fn proceed(&self, id: u64) -> bool {
        self.send(seccomp_notif_resp { id, val: 0, error: 0, flags: CONTINUE })
    }

    fn succeed(&self, id: u64) -> bool {
        self.send(seccomp_notif_resp { id, val: 0, error: 0, flags: 0 })
    }

    fn give(&self, id: u64, file: BorrowedFd<'_>) -> bool {
        /// `SECCOMP_ADDFD_FLAG_SEND`.
        const SEND_IT: u32 = 1 << 1;
        let given = libc::seccomp_notif_addfd {
            id,
            flags: SEND_IT,
            srcfd: file.as_raw_fd().cast_unsigned(),
            newfd: 0,
            newfd_flags: libc::O_CLOEXEC.cast_unsigned(),
        };
        // SAFETY: the pointer is to a live `seccomp_notif_addfd`.
        unsafe { libc::ioctl(self.fd.as_raw_fd(), ADD_DESCRIPTOR, &raw const given) >= 0 }
    }
}

impl Listener {
    fn send(&self, mut answer: seccomp_notif_resp) -> bool {
        loop {
            // SAFETY: the pointer is to a live `seccomp_notif_resp`.
            let sent = unsafe { libc::ioctl(self.fd.as_raw_fd(), SEND, &raw mut answer) };
            if sent == 0 {
                return true;
            }
            // Any other failure means that the caller is gone.
            if std::io::Error::last_os_error().raw_os_error() != Some(libc::EINTR) {
                return false;
            }
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

fn notification_size() -> usize {
    let mut sizes =
        seccomp_notif_sizes { seccomp_notif: 0, seccomp_notif_resp: 0, seccomp_data: 0 };
    // SAFETY: the pointer is to a live `seccomp_notif_sizes`.
    let failed = unsafe {
        libc::syscall(libc::SYS_seccomp, libc::SECCOMP_GET_NOTIF_SIZES, 0, &raw mut sizes)
    } != 0;
    let known = size_of::<seccomp_notif>();
    if failed { known } else { known.max(usize::from(sizes.seccomp_notif)) }
}

/// A name for why a filter with a listener could not be had.
pub(crate) fn refusal(errno: i32) -> String {
    let why = match Errno::from_raw_os_error(errno) {
        Errno::BUSY => "another program's listener is already installed (EBUSY)",
        Errno::ACCESS | Errno::PERM => "not permitted here (EACCES/EPERM)",
        Errno::NOSYS => "this kernel, or a sandbox, has no seccomp (ENOSYS)",
        Errno::INVAL => "this kernel, or a sandbox, has no user notification (EINVAL)",
        _ => return format!("the kernel refused the trace filter: errno {errno}"),
    };
    format!("the kernel refused the trace filter: {why}")
}
