//! A call that the library made, could not record, and tells of: an open, mostly.
//!
//! It was made before the helper looks: what is found then must be what was opened, or somebody may
//! have put it there since.

use fspy_ring::{FAST, REPORT_DIR, REPORTED_WORDS};
use stat::{Kind, StatId};

use super::inject::low;
use crate::describe::Findings;
use crate::listen::Notification;
use crate::look;
use crate::memory;
use crate::syscalls::{ARCH, Call, Meaning};

/// A call that was made.
#[derive(Clone, Copy)]
pub(crate) struct Reported {
    /// As if it had been notified.
    pub(crate) call: Notification,
    /// What came of it, as the kernel says it.
    result: i64,
}

/// The call that is told of; `None` if none is.
pub(crate) fn reported(notification: &Notification, call: &Call) -> Option<Reported> {
    let [dir, address, ..] = notification.args;
    if notification.arch != ARCH || call.name != "openat" || low(dir) != REPORT_DIR {
        return None;
    }
    let bytes = memory::bytes(notification.tid, address, REPORTED_WORDS * 8).ok()?;
    let words = bytes.as_chunks::<8>().0;
    let mut words = words.iter().map(|bytes| u64::from_ne_bytes(*bytes));
    let number = u32::try_from(words.next()?).ok().filter(|number| FAST.contains(number))?;
    let mut args = [0; 6];
    args.iter_mut().zip(&mut words).for_each(|(arg, word)| *arg = word);
    let result = words.next()?.cast_signed();
    let call = Notification { number: number.cast_signed(), args, ..*notification };
    Some(Reported { call, result })
}

impl Reported {
    /// Whether what was found after the call may not be what the call found.
    pub(crate) fn is_doubtful(&self, meaning: Meaning, findings: &Findings) -> bool {
        match meaning {
            _ if self.result < 0 => false,
            Meaning::Open { .. } => self.opened_another(findings),
            // Something may have joined what was listed.
            _ => true,
        }
    }

    /// Whether a file or directory was opened that is not the one found.
    fn opened_another(&self, findings: &Findings) -> bool {
        let path = format!("/proc/{}/fd/{}", self.call.tid, self.result);
        let Ok(stat) = rustix::fs::stat(path) else { return true };
        let opened = look::identity(&stat);
        let same = |id: &StatId| (id.dev, id.ino) == (opened.dev, opened.ino);
        let found = findings.events.iter().any(|event| event.before.id().is_some_and(same));
        // Without any, the path leads out of this world, as it does in `/proc`.
        let nowhere = findings.events.is_empty() || look::device(b"/proc") == Some(opened.dev);
        matches!(opened.kind(), Kind::File | Kind::Dir) && !nowhere && !found
    }
}

#[cfg(test)]
#[cfg(target_arch = "x86_64")] // Only there is a fast way.
mod tests {
    use fspy_trace::Op;

    use super::*;
    use crate::describe::Event;

    fn told(words: &[u64; REPORTED_WORDS], dir: i32) -> Option<Reported> {
        let openat = crate::syscalls::CALLS.iter().find(|call| call.name == "openat").unwrap();
        let args = [u64::from(dir.cast_unsigned()), words.as_ptr() as u64, 0, 0, 0, 0];
        let (tid, number) = (std::process::id(), openat.number.cast_signed());
        let notification = Notification { id: 1, tid, arch: ARCH, number, args, instruction: 0 };
        reported(&notification, openat)
    }

    #[test]
    fn only_calls_that_look_are_told_of() {
        let told_of = told(&[21, 1, 2, 3, 4, 5, 6, 7], REPORT_DIR).unwrap();
        let Reported { call, result } = told_of;
        assert_eq!((call.number, call.args, result), (21, [1, 2, 3, 4, 5, 6], 7));
        assert!(told(&[87, 1, 2, 3, 4, 5, 6, 7], REPORT_DIR).is_none());
        assert!(told(&[21, 1, 2, 3, 4, 5, 6, 7], REPORT_DIR + 1).is_none());
    }

    #[test]
    fn what_was_opened_must_be_what_is_found() {
        let call = Notification {
            id: 1,
            tid: std::process::id(),
            arch: ARCH,
            number: 2,
            args: [0; 6],
            instruction: 0,
        };
        let file = std::fs::File::open("/etc/passwd").unwrap();
        let result = i64::from(std::os::fd::AsRawFd::as_raw_fd(&file));
        let (opened, failed) = (Reported { call, result }, Reported { call, result: -4 });
        let found = |path: &str| {
            let before = look::state(path.as_bytes()).unwrap();
            let event = Event { path: path.into(), op: Op::Read, before };
            Findings { events: vec![event], ..Findings::default() }
        };
        let open = crate::syscalls::CALLS.iter().find(|call| call.name == "open").unwrap().meaning;
        assert!(!opened.is_doubtful(open, &found("/etc/passwd")));
        assert!(!opened.is_doubtful(open, &Findings::default()));
        assert!(opened.is_doubtful(open, &found("/etc/group")));
        assert!(!failed.is_doubtful(open, &found("/etc/group")));
        assert!(opened.is_doubtful(Meaning::List, &found("/etc")));
    }
}
