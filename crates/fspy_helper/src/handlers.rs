//! Keeps the end of a child from failing its parent's file calls.
//!
//! A call that is notified waits, where it would not have waited untraced; until the notification is
//! received, a signal with a handler installed without `SA_RESTART` makes it fail with EINTR. The one
//! signal that commonly comes at such moments is `SIGCHLD`: dash looks for the next program of a
//! pipeline while the one before ends, and would not find it. So such handlers are installed with
//! `SA_RESTART`, as bash's and make's are anyway. Waiting for a child, or for anything by `poll`,
//! `select` or `sigsuspend`, is not affected by that flag.

use crate::memory;

/// `sa_flags` in the kernel's `struct sigaction`, after the handler.
const FLAGS_AT: u64 = 8;
/// Handler and flags.
const LENGTH: usize = 16;
const SA_RESTART: u64 = 0x1000_0000;
/// `SIG_DFL` and `SIG_IGN` are no handlers.
const LAST_DISPOSITION: u64 = 1;

/// A process is about to install what is at `address` as its handler of `SIGCHLD`.
pub(crate) fn keep_restarting(tid: u32, address: u64) {
    // Whatever can't be read or written is left as it is.
    let Ok(action) = memory::bytes(tid, address, LENGTH) else { return };
    let (Some(handler), Some(flags)) = (word(&action, 0), word(&action, 8)) else { return };
    if handler > LAST_DISPOSITION && flags & SA_RESTART == 0 {
        let flags = (flags | SA_RESTART).to_ne_bytes();
        let _ = memory::write(tid, address.saturating_add(FLAGS_AT), &flags);
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}
