//! Keeps the end of a child from failing its parent's file calls.
//!
//! A call that is notified waits, where it would not have waited untraced; until the notification is
//! received, a signal with a handler installed without `SA_RESTART` makes it fail with EINTR. The one
//! signal that commonly comes at such moments is `SIGCHLD`: dash looks for the next program of a
//! pipeline while the one before ends, and would not find it. So such handlers are installed with
//! `SA_RESTART`, as bash's and make's are anyway. Waiting for a child, or for anything by `poll`,
//! `select` or `sigsuspend`, is not affected by that flag.

use crate::listen::Notification;
use crate::memory;
use crate::syscalls::{ARCH, FOREIGN_HANDLER, HANDLER};

const SA_RESTART: u64 = 0x1000_0000;
/// `SIG_DFL` and `SIG_IGN` are no handlers.
const LAST_DISPOSITION: u64 = 1;

/// How wide handler and flags are at the beginning of the kernel's `struct sigaction`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout(usize);

const NATIVE: Layout = Layout(8);
const FOREIGN: Layout = Layout(4);

/// Whether a call installs a handler of `SIGCHLD`, and how that is laid out.
pub(crate) fn installs(call: &Notification) -> Option<Layout> {
    let is = |number| u32::try_from(call.number) == Ok(number);
    match call.arch {
        ARCH => is(HANDLER.number).then_some(NATIVE),
        _ => FOREIGN_HANDLER.filter(|picked| is(picked.number)).map(|_| FOREIGN),
    }
}

/// A process is about to install what is at `address` as its handler of `SIGCHLD`.
pub(crate) fn keep_restarting(tid: u32, address: u64, Layout(width): Layout) {
    // Whatever can't be read or written is left as it is.
    let Ok(action) = memory::bytes(tid, address, 2 * width) else { return };
    let (handler, flags) = action.split_at(width);
    let (handler, flags) = (word(handler), word(flags));
    if handler > LAST_DISPOSITION && flags & SA_RESTART == 0 {
        let flags = (flags | SA_RESTART).to_le_bytes();
        let _ = memory::write(tid, address.saturating_add(width as u64), &flags[..width]);
    }
}

/// Both architectures with programs of their own here have the low byte first.
fn word(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte))
}
