//! `open_by_handle_at`: a file by its number. Whoever may do that may also be asked here.
#![expect(unsafe_code, reason = "open_by_handle_at has no safe wrapper")]

use std::fs::File;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use fspy_trace::{Incomplete, Op};

use super::{Described, Scene};
use crate::look;
use crate::memory;
use crate::thread::{Target, Thread};

/// `handle_bytes` and `handle_type` of `struct file_handle`.
const HEADER: usize = 8;
/// `MAX_HANDLE_SZ`.
const LONGEST: usize = 128;

impl Scene<'_> {
    pub(super) fn open_handle(&mut self) -> Described {
        let address = self.arg(1);
        let header = memory::bytes(self.thread.0, address, HEADER)?;
        let length = header.first_chunk().map_or(0, |size| u32::from_ne_bytes(*size) as usize);
        if length > LONGEST {
            return Ok(());
        }
        let handle = memory::bytes(self.thread.0, address, HEADER + length)?;
        let Some(mount) = self.mount() else {
            self.found.incomplete.push(Incomplete::UnreadableMemory);
            return Ok(());
        };
        // What is refused to this process, which has the rights of that one, is refused to that.
        if let Some(path) = behind(&mount, &handle) {
            let before = look::state_or_error(&path);
            self.emit(&path, Op::Read, before);
        }
        Ok(())
    }

    /// A descriptor of the file system that the handle belongs to.
    fn mount(&self) -> Option<File> {
        let mount = match self.int(0) {
            libc::AT_FDCWD => format!("/proc/{}/cwd", self.thread.0).into_bytes(),
            descriptor => self.thread.descriptor_path(descriptor),
        };
        File::open(stat::as_path(&mount)).ok()
    }
}

/// The path of the file with this handle.
fn behind(mount: &File, handle: &[u8]) -> Option<Vec<u8>> {
    let flags = libc::O_PATH | libc::O_CLOEXEC;
    // SAFETY: `handle` is a whole `struct file_handle`, whose length field was checked.
    let opened = unsafe {
        libc::syscall(libc::SYS_open_by_handle_at, mount.as_raw_fd(), handle.as_ptr(), flags)
    };
    let opened = i32::try_from(opened).ok().filter(|&number| number >= 0)?;
    // SAFETY: the kernel has just handed out this descriptor.
    let opened = unsafe { OwnedFd::from_raw_fd(opened) };
    match Thread(std::process::id()).descriptor(opened.as_raw_fd()) {
        Target::Path(path) => Some(path),
        Target::Deleted(_) | Target::Nameless => None,
    }
}
