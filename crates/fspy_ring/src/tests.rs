//! Writers and the reader on memory of this process.
#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

use std::alloc::{Layout, alloc_zeroed};
use std::collections::HashMap;
use std::sync::atomic::Ordering::Relaxed;
use std::vec::Vec;
use std::{format, thread, vec};

use super::*;
use crate::layout::{CAPACITY, Shared};

struct Ring(*mut u8);

impl Ring {
    fn new() -> Self {
        // SAFETY: of a size that is not zero; never freed, as nobody else's is.
        Self(unsafe { alloc_zeroed(Layout::new::<Shared>()) })
    }

    fn writer(&self) -> Writer {
        // SAFETY: of the right size, and never freed.
        unsafe { Writer::at(self.0) }
    }

    fn reader(&self) -> Reader {
        // SAFETY: of the right size, and never freed.
        unsafe { Reader::at(self.0) }
    }

    fn shared(&self) -> &Shared {
        // SAFETY: made as such.
        unsafe { &*self.0.cast() }
    }
}

fn write(writer: Writer, base: &str, path: &str, ino: u64) -> Result<(), NoRoom> {
    let lengths = [base.len(), path.len()].map(|length| u16::try_from(length).unwrap());
    let [base_length, path_length] = lengths;
    let entry = Entry { number: 4, ino, base_length, path_length, ..Entry::default() };
    writer.record(&entry, base.as_bytes(), path.as_bytes())
}

/// As the hook does it.
fn write_once(writer: Writer, base: &str, path: &str, ino: u64) {
    let entry = Entry { number: 4, ino, ..Entry::default() };
    let same = writer
        .generation()
        .map(|now| Fingerprint::new(&entry, hash(base.as_bytes()), path.as_bytes(), now));
    if same.is_some_and(|same| writer.knows(same)) {
        return;
    }
    write(writer, base, path, ino).unwrap();
    if let Some(same) = same {
        writer.remember(same);
    }
}

fn paths(reader: &mut Reader) -> Vec<Vec<u8>> {
    let mut paths = Vec::new();
    assert_eq!(reader.drain(|record| paths.push(record.path.clone())), Ok(true));
    paths
}

#[test]
fn what_was_written_is_read_in_order_with_every_length() {
    let ring = Ring::new();
    let (writer, mut reader) = (ring.writer(), ring.reader());
    for length in 0..40 {
        write(writer, &"b".repeat(length / 2), &"p".repeat(length), 1).unwrap();
    }
    let mut seen = Vec::new();
    assert_eq!(reader.drain(|record| seen.push(record.clone())), Ok(true));
    for (length, record) in seen.iter().enumerate() {
        assert_eq!(record.path, "p".repeat(length).as_bytes());
        assert_eq!(record.base, "b".repeat(length / 2).as_bytes());
    }
    assert!(reader.is_empty());
}

#[test]
fn a_call_repeated_ten_million_times_adds_nothing() {
    let ring = Ring::new();
    for _ in 0..100_000 {
        write_once(ring.writer(), "/base", "same", 1);
    }
    assert_eq!(paths(&mut ring.reader()).len(), 1);
    assert_eq!(ring.reader().repeated(), 99_999);
    write_once(ring.writer(), "/base", "same", 1);
    assert!(ring.reader().is_empty(), "read, it still is on record");
}

#[test]
fn what_is_on_record_counts_as_long_as_names_mean_the_same() {
    let ring = Ring::new();
    let reader = ring.reader();
    write_once(ring.writer(), "", "same", 1);
    reader.unsettle();
    write_once(ring.writer(), "", "same", 1);
    write_once(ring.writer(), "", "same", 1);
    reader.settle();
    write_once(ring.writer(), "", "same", 1);
    write_once(ring.writer(), "", "same", 1);
    assert_eq!(paths(&mut ring.reader()).len(), 4);
    assert_eq!(reader.repeated(), 1);
}

#[test]
fn another_result_another_base_or_another_path_is_another_call() {
    let ring = Ring::new();
    for (base, path, ino) in [("a", "x", 1), ("b", "x", 1), ("a", "y", 1), ("a", "x", 2)] {
        write_once(ring.writer(), base, path, ino);
    }
    assert_eq!(paths(&mut ring.reader()).len(), 4);
}

#[test]
fn every_part_of_a_call_is_a_part_of_its_fingerprint() {
    let plain = Fingerprint::new(&Entry::default(), 0, b"path", 0);
    let mut all = vec![plain];
    for index in 0..size_of::<Entry>() - 2 * size_of::<u32>() {
        let mut entry = Entry::default();
        // SAFETY: within the entry, all of whose bits are valid.
        unsafe { core::ptr::from_mut(&mut entry).cast::<u8>().add(index).write(1) };
        all.push(Fingerprint::new(&entry, 0, b"path", 0));
    }
    for path in [&b"pat"[..], b"path\0", b"", b"patH", b"a longer path than that", b"\0"] {
        all.push(Fingerprint::new(&Entry::default(), 0, path, 0));
    }
    all.push(Fingerprint::new(&Entry::default(), 1, b"path", 0));
    all.push(Fingerprint::new(&Entry::default(), 0, b"path", 2));
    for (index, one) in all.iter().enumerate() {
        assert!(!all[..index].contains(one), "{index}");
    }
    let of = |thread, program| {
        Fingerprint::new(&Entry { thread, program, ..Entry::default() }, 0, b"path", 0)
    };
    assert_eq!(of(1, 2), of(3, 4));
}

#[test]
fn a_full_ring_takes_nothing_until_it_is_read() {
    let ring = Ring::new();
    let mut count = 0;
    while write(ring.writer(), "", &format!("{count}"), 1).is_ok() {
        count += 1;
    }
    assert!(!ring.writer().is_open());
    assert!(ring.shared().head.load(Relaxed) <= CAPACITY);
    assert_eq!(paths(&mut ring.reader()).len(), count);
    assert!(ring.writer().is_open());
    write(ring.writer(), "", "again", 1).unwrap();
    assert_eq!(paths(&mut ring.reader()), [b"again"]);
}

#[test]
fn many_rounds_of_the_ring_lose_nothing_of_many_threads() {
    const EACH: usize = 40_000;
    let ring = Ring::new();
    let writer = ring.0 as usize;
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            thread::spawn(move || {
                // SAFETY: of the right size, and never freed.
                let writer = unsafe { Writer::at(writer as *const u8) };
                for count in 0..EACH {
                    while write(writer, "", &format!("{thread} {count}"), 1).is_err() {
                        thread::yield_now();
                    }
                }
            })
        })
        .collect();
    let mut next: HashMap<usize, usize> = HashMap::new();
    let mut reader = ring.reader();
    while next.values().sum::<usize>() < 4 * EACH {
        let drained = reader.drain(|record| {
            let text = std::string::String::from_utf8(record.path.clone()).unwrap();
            let (thread, count) = text.split_once(' ').unwrap();
            let expected = next.entry(thread.parse().unwrap()).or_default();
            assert_eq!(*expected, count.parse::<usize>().unwrap());
            *expected += 1;
        });
        assert_ne!(drained, Err(Broken::Nonsense));
    }
    for thread in threads {
        thread.join().unwrap();
    }
    assert!(reader.is_empty());
}

#[test]
fn what_follows_an_unfinished_record_is_read_at_once_and_once() {
    let ring = Ring::new();
    write(ring.writer(), "", "first", 1).unwrap();
    // As if its writer had been stopped.
    let word = &ring.shared().data[0];
    let finished = word.load(Relaxed);
    word.store(finished & u64::from(u32::MAX) | 1 << 32, Relaxed);
    write(ring.writer(), "", "second", 1).unwrap();
    let mut seen = vec![];
    let mut reader = ring.reader();
    assert_eq!(reader.drain(|record| seen.push(record.path.clone())), Ok(false));
    assert_eq!(reader.drain(|record| seen.push(record.path.clone())), Ok(false));
    assert_eq!(seen, [b"second"]);
    word.store(finished, Relaxed);
    assert_eq!(paths(&mut reader), [b"first"]);
}

#[test]
fn nonsense_is_noticed() {
    for (word, value) in
        [(0, 7), (0, u64::MAX), (0, 1 << 21 | 2 << 32), (0, 9 << 32 | 64), (8, u64::MAX)]
    {
        let ring = Ring::new();
        write(ring.writer(), "", "x", 1).unwrap();
        ring.shared().data[word].store(value, Relaxed);
        assert_eq!(ring.reader().drain(|_| ()), Err(Broken::Nonsense), "{word} {value:x}");
    }
    let ring = Ring::new();
    ring.shared().head.store(2 * CAPACITY, Relaxed);
    assert_eq!(ring.reader().drain(|_| ()), Err(Broken::Nonsense));
    let ring = Ring::new();
    ring.shared().head.store(64, Relaxed);
    assert_eq!(ring.reader().drain(|_| ()), Err(Broken::Stopped), "a reservation without a length");
}

#[test]
fn turned_off_it_is_not_open() {
    let ring = Ring::new();
    assert!(ring.writer().is_open());
    ring.reader().turn_off();
    assert!(!ring.writer().is_open());
}

#[test]
fn a_variable_is_recorded_once_and_counts_as_no_call() {
    let ring = Ring::new();
    let (writer, mut reader) = (ring.writer(), ring.reader());
    for name in ["HOME", "CFLAGS", "HOME"] {
        writer.record_variable(name.as_bytes());
    }
    let mut seen = Vec::new();
    assert_eq!(
        reader.drain(|record| seen.push((record.entry.number, record.path.clone()))),
        Ok(true)
    );
    assert_eq!(seen, [(VARIABLE, b"HOME".to_vec()), (VARIABLE, b"CFLAGS".to_vec())]);
    writer.record_variable(b"HOME");
    assert!(reader.is_empty());
    assert_eq!(reader.repeated(), 0);
    reader.turn_off();
    writer.record_variable(b"LATE");
    assert!(reader.is_empty());
}

#[test]
fn a_site_is_the_same_after_it_was_one_word() {
    for kind in SiteKind::COMPARED.into_iter().chain([SiteKind::Function, SiteKind::FromStack]) {
        for first in [false, true] {
            let site = Site { address: 0x7fff_ffff_f001, kind, first };
            assert_eq!(Site::unpacked(site.packed()), Some(site));
        }
        assert!((5..=kind.code().len()).contains(&kind.replaced()));
        assert!(kind.begins(kind.code()) && !kind.begins(&kind.code()[1..]));
    }
    assert!(SiteKind::FromStack.begins(&[0x48, 0x8b, 0x44, 0x24, 0x7f, 0x0f, 0x05]));
    assert!(!SiteKind::FromStack.begins(&[0x48, 0x8b, 0x44, 0x24, 0x80, 0x0f, 0x05]));
    assert_eq!(Site::unpacked(u64::MAX), None);
}
