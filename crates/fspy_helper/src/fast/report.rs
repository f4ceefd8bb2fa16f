//! A call that the library made, could not record, and tells of.

use fspy_ring::{FAST, REPORT_DIR, REPORTED_WORDS};

use super::inject::low;
use crate::listen::Notification;
use crate::memory;
use crate::syscalls::{ARCH, Call};

/// The call that is told of, as if it had been notified; `None` if none is.
pub(crate) fn reported(notification: &Notification, call: &Call) -> Option<Notification> {
    let [dir, address, ..] = notification.args;
    if notification.arch != ARCH || call.name != "openat" || low(dir) != REPORT_DIR {
        return None;
    }
    let bytes = memory::bytes(notification.tid, address, REPORTED_WORDS * 8).ok()?;
    let words = bytes.as_chunks::<8>().0;
    let mut words = words.iter().map(|bytes| u64::from_ne_bytes(*bytes));
    let number = u32::try_from(words.next()?).ok().filter(|number| FAST.contains(number))?;
    let mut args = [0; 6];
    args.iter_mut().zip(words).for_each(|(arg, word)| *arg = word);
    Some(Notification { number: number.cast_signed(), args, ..*notification })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(words: &[u64; REPORTED_WORDS], dir: i32) -> Option<Notification> {
        let openat = crate::syscalls::CALLS.iter().find(|call| call.name == "openat").unwrap();
        let args = [u64::from(dir.cast_unsigned()), words.as_ptr() as u64, 0, 0, 0, 0];
        let (tid, number) = (std::process::id(), openat.number.cast_signed());
        let notification = Notification { id: 1, tid, arch: ARCH, number, args, instruction: 0 };
        reported(&notification, openat)
    }

    #[test]
    fn only_calls_that_look_are_told_of() {
        let told_of = told(&[21, 1, 2, 3, 4, 5, 6], REPORT_DIR).unwrap();
        assert_eq!((told_of.number, told_of.args), (21, [1, 2, 3, 4, 5, 6]));
        assert!(told(&[87, 1, 2, 3, 4, 5, 6], REPORT_DIR).is_none());
        assert!(told(&[21, 1, 2, 3, 4, 5, 6], REPORT_DIR + 1).is_none());
    }
}
