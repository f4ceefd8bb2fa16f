//! The ring's memory, as the helper has it.
#![expect(unsafe_code, reason = "mapping memory that others write")]

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr;
use std::time::Duration;

use fspy_ring::{BYTES, Broken, Reader, Record};
use rustix::fs::{MemfdFlags, ftruncate, memfd_create};

/// How often, and after how long, it is looked whether a stopped writer went on.
const ROUNDS: usize = 100;
const PAUSE: Duration = Duration::from_millis(1);

/// One step's ring.
#[derive(Debug)]
pub(crate) struct Ring {
    file: OwnedFd,
    address: *mut u8,
    reader: Reader,
    /// Something in it could not be read.
    broken: bool,
}

// SAFETY: it is used by one thread at a time, and what it points to is not bound to any.
unsafe impl Send for Ring {}

impl Ring {
    pub(crate) fn new() -> io::Result<Self> {
        let name = "taskrunner-trace";
        let file = memfd_create(name, MemfdFlags::CLOEXEC | MemfdFlags::NOEXEC_SEAL)
            .or_else(|_| memfd_create(name, MemfdFlags::CLOEXEC))?;
        ftruncate(&file, BYTES as u64)?;
        // SAFETY: a new mapping of a file of that size, which nobody makes smaller.
        let address = unsafe {
            let access = libc::PROT_READ | libc::PROT_WRITE;
            let file = std::os::fd::AsRawFd::as_raw_fd(&file);
            libc::mmap(ptr::null_mut(), BYTES, access, libc::MAP_SHARED, file, 0)
        };
        if address == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let address = address.cast();
        // SAFETY: mapped until this is dropped, and the one reader of it.
        let reader = unsafe { Reader::at(address) };
        Ok(Self { file, address, reader, broken: false })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.reader.is_empty()
    }

    pub(crate) fn repeated(&self) -> u64 {
        self.reader.repeated()
    }

    pub(crate) fn want_every_call(&self) {
        self.reader.want_every_call();
    }

    pub(crate) fn turn_off(&self) {
        self.reader.turn_off();
    }

    /// See [`Reader::generation`].
    pub(crate) fn generation(&self) -> u64 {
        self.reader.generation()
    }

    /// See [`Reader::unsettle`].
    pub(crate) fn unsettle(&self) {
        self.reader.unsettle();
    }

    /// See [`Reader::settle`].
    pub(crate) fn settle(&self) {
        self.reader.settle();
    }

    /// Takes out what is written. True if something was lost, or never will be written.
    pub(crate) fn drain(&mut self, mut take: impl FnMut(&Record)) -> bool {
        for _ in 0..ROUNDS {
            if self.broken {
                break;
            }
            match self.reader.drain(&mut take) {
                Ok(_) => return false,
                Err(Broken::Stopped) => std::thread::sleep(PAUSE),
                Err(Broken::Nonsense) => self.broken = true,
            }
        }
        self.broken = true;
        self.turn_off();
        true
    }
}

/// Whether code of a file may be run: a file system may forbid that, and the loader would say so.
pub(crate) fn is_loadable(library: &std::path::Path) -> bool {
    const LENGTH: usize = 64;
    let Ok(file) = std::fs::File::open(library) else { return false };
    // SAFETY: a new mapping that nothing is read from, and its end.
    unsafe {
        let access = libc::PROT_READ | libc::PROT_EXEC;
        let file = std::os::fd::AsRawFd::as_raw_fd(&file);
        let address = libc::mmap(ptr::null_mut(), LENGTH, access, libc::MAP_PRIVATE, file, 0);
        address != libc::MAP_FAILED && libc::munmap(address, LENGTH) == 0
    }
}

impl AsFd for Ring {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        self.turn_off();
        // SAFETY: mapped by `new`; the reader is not used any more.
        unsafe { libc::munmap(self.address.cast(), BYTES) };
    }
}
