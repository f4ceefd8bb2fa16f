//! What happens once, before the program's own first instruction: the ring and the page are
//! mapped, and the instructions that the helper names are replaced by jumps into slots.
//!
//! Whatever fails leaves the program as it was: its calls go the slow way.

use core::mem::MaybeUninit;
use core::ptr;

use fspy_ring::{
    BYTES, Entrance, HANDSHAKE_DIR, Handshake, MAX_SITES, PAGE, Site, SiteKind, Writer,
};

use crate::base::READS_POINTER;
use crate::hook::{PROGRAM, RING};
use crate::sys::{self, call, failed};
use crate::{any_call, entry, variables};

const O_RDWR: i64 = 2;
const PROT_READ: i64 = 1;
const PROT_WRITE: i64 = 2;
const PROT_EXEC: i64 = 4;
const MAP_SHARED: i64 = 1;
const MAP_PRIVATE: i64 = 2;
const MAP_ANONYMOUS: i64 = 0x20;
const MAP_FIXED_NOREPLACE: i64 = 0x10_0000;
const PAGE_SIZE: u64 = 4096;
/// `syscall; ret`
const STUB: [u8; 3] = [0x0f, 0x05, 0xc3];
const JUMP: u8 = 0xe9;
const JUMP_LENGTH: u64 = 5;
const NOP: u8 = 0x90;

/// Whether what is there is what the helper thinks is there.
unsafe fn is_as_expected(site: Site) -> bool {
    (0..site.kind.code().len()).all(|index| {
        let address = site.address as usize + index;
        // SAFETY: the helper found the address in a mapping of code.
        site.kind.allows(index, unsafe { ptr::with_exposed_provenance::<u8>(address).read() })
    })
}

/// Runs when the library is loaded, after its relocation; the loader passes on what the program will
/// get.
pub(crate) extern "C" fn begin(_count: i32, _arguments: *const usize, environment: *const usize) {
    let mut handshake = MaybeUninit::<Handshake>::uninit();
    // SAFETY: before the program's first instruction there is one thread, and it is here.
    unsafe {
        (&raw mut (*handshake.as_mut_ptr()).program).write(0);
        (&raw mut (*handshake.as_mut_ptr()).lookup.address).write(0);
        (&raw mut (*handshake.as_mut_ptr()).count).write(0);
        let address = handshake.as_mut_ptr().expose_provenance() as i64;
        let args = [i64::from(HANDSHAKE_DIR), address, O_RDWR, 0, 0, 0];
        let ring = call(sys::OPENAT, args);
        if failed(ring) {
            return;
        }
        let mapped = map_ring(ring);
        call(sys::CLOSE, [ring, 0, 0, 0, 0, 0]);
        let Some(writer) = mapped else { return };
        let handshake = handshake.as_ptr();
        let lookup = (*handshake).lookup;
        if let Some(moved) = map_page(&lookup) {
            RING = writer;
            PROGRAM = (*handshake).program as u32;
            READS_POINTER = allows_thread_pointer(environment);
            let count = ((*handshake).count as usize).min(MAX_SITES);
            patch_all((&raw const (*handshake).sites).cast(), count);
            if moved {
                patch_function(&lookup);
            }
        }
    }
}

/// Whether the kernel lets programs read the register that points to a thread's own variables: it
/// says so in the auxiliary vector, which lies after the environment.
unsafe fn allows_thread_pointer(environment: *const usize) -> bool {
    const AT_HWCAP2: usize = 26;
    const FSGSBASE: usize = 1 << 1;
    if environment.is_null() {
        return false;
    }
    let mut at = environment;
    // SAFETY: both end with zero, and one follows the other.
    unsafe {
        while at.read() != 0 {
            at = at.add(1);
        }
        at = at.add(1);
        while at.read() != 0 {
            if at.read() == AT_HWCAP2 {
                return at.add(1).read() & FSGSBASE != 0;
            }
            at = at.add(2);
        }
    }
    false
}

unsafe fn map_ring(ring: i64) -> Option<Writer> {
    let args = [0, BYTES as i64, PROT_READ | PROT_WRITE, MAP_SHARED, ring, 0];
    // SAFETY: a new mapping, where the kernel likes it.
    let address = unsafe { call(sys::MMAP, args) };
    // SAFETY: it stays, unless the program takes away what is not its own.
    (!failed(address))
        .then(|| unsafe { Writer::at(ptr::with_exposed_provenance(address as usize)) })
}

/// Whether the beginning of the function that looks variables up was moved there; `None` if there is no
/// page.
unsafe fn map_page(lookup: &Entrance) -> Option<bool> {
    let page = PAGE as i64;
    let size = PAGE_SIZE as i64;
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
    // SAFETY: a new mapping, which replaces none; kernels that do not know this flag take the
    // address for a wish.
    unsafe {
        let mapped = call(sys::MMAP, [page, size, PROT_READ | PROT_WRITE, flags, -1, 0]);
        if mapped != page {
            if !failed(mapped) {
                call(sys::MUNMAP, [mapped, size, 0, 0, 0, 0]);
            }
            return None;
        }
        for (index, byte) in STUB.into_iter().enumerate() {
            ptr::with_exposed_provenance_mut::<u8>(PAGE + index).write_volatile(byte);
        }
        let moved = variables::move_to_page(lookup);
        (call(sys::MPROTECT, [page, size, PROT_READ | PROT_EXEC, 0, 0, 0]) == 0).then_some(moved)
    }
}

/// Leads the function to the library.
unsafe fn patch_function(lookup: &Entrance) {
    let start = lookup.address & !(PAGE_SIZE - 1);
    let end = lookup.address + lookup.length;
    let length = (end - start).next_multiple_of(PAGE_SIZE);
    // SAFETY: code of a library, whose protection is put back.
    unsafe {
        if protect(start, length, PROT_READ | PROT_WRITE | PROT_EXEC) {
            lead(lookup.address, variables::target(), lookup.length as usize);
            protect(start, length, PROT_READ | PROT_EXEC);
        }
    }
}

/// Patches one library after the other, each between two changes of protection.
unsafe fn patch_all(sites: *const u64, count: usize) {
    let mut used = [0; SiteKind::COUNT];
    let mut first = 0;
    while first < count {
        // SAFETY: less than the count.
        let site = |index: usize| unsafe { Site::unpacked(sites.add(index).read()) };
        let mut end = first + 1;
        while end < count && site(end).is_some_and(|site| !site.first) {
            end += 1;
        }
        if let (Some(lowest), Some(highest)) = (site(first), site(end - 1)) {
            let start = lowest.address & !(PAGE_SIZE - 1);
            let length = (highest.address + PAGE_SIZE - start).next_multiple_of(PAGE_SIZE);
            let writable = PROT_READ | PROT_WRITE | PROT_EXEC;
            // SAFETY: code of a library, whose protection is put back.
            unsafe {
                if protect(start, length, writable) {
                    (first..end).filter_map(site).for_each(|site| patch(site, &mut used));
                    protect(start, length, PROT_READ | PROT_EXEC);
                }
            }
        }
        first = end;
    }
}

unsafe fn protect(start: u64, length: u64, protection: i64) -> bool {
    // SAFETY: promised by the caller.
    unsafe { call(sys::MPROTECT, [start as i64, length as i64, protection, 0, 0, 0]) == 0 }
}

/// Leads one place to a slot of its own.
unsafe fn patch(site: Site, used: &mut [usize; SiteKind::COUNT]) {
    let Some(next) = used.get_mut(site.kind as usize) else { return };
    // SAFETY: the code is writable now, nobody else runs, and the slot is not used yet.
    unsafe {
        if !is_as_expected(site) {
            return;
        }
        let slot = match site.kind {
            SiteKind::Function | SiteKind::FromStack => any_call::slot(site, *next),
            _ => entry::slot(site, *next),
        };
        if slot.is_some_and(|slot| lead(site.address, slot, site.kind.replaced())) {
            *next += 1;
        }
    }
}

/// Replaces `length` bytes of code by a jump; false if it does not reach that far.
unsafe fn lead(address: u64, target: u64, length: usize) -> bool {
    let distance = target.wrapping_sub(address + JUMP_LENGTH).cast_signed();
    let Ok(distance) = i32::try_from(distance) else { return false };
    let code = |index: usize| ptr::with_exposed_provenance_mut::<u8>(address as usize + index);
    // SAFETY: the code is writable, and nobody else runs.
    unsafe {
        code(0).write_volatile(JUMP);
        for (index, byte) in distance.to_le_bytes().into_iter().enumerate() {
            code(1 + index).write_volatile(byte);
        }
        for index in JUMP_LENGTH as usize..length {
            code(index).write_volatile(NOP);
        }
    }
    true
}
