//! The preload library as it is shipped: it needs nothing, says what it belongs to, and is silent.
#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

use std::fs;
use std::process::Command;

const PRELOAD: &str = env!("FSPY_PRELOAD");
const DYNAMIC: u32 = 2;
const NOTE: u32 = 4;
const DT_NEEDED: u64 = 1;

/// The bytes of each segment of a type.
fn segments(elf: &[u8], kind: u32) -> Vec<&[u8]> {
    let word = |at: usize| u64::from_le_bytes(*elf[at..].first_chunk().unwrap());
    let half = |at: usize| usize::from(u16::from_le_bytes(*elf[at..].first_chunk().unwrap()));
    let at = |value: u64| usize::try_from(value).unwrap();
    let (table, size, count) = (at(word(32)), half(54), half(56));
    let headers = (0..count).map(|index| table + index * size);
    let of_kind =
        |header: &usize| u32::from_le_bytes(*elf[*header..].first_chunk().unwrap()) == kind;
    headers.filter(of_kind).map(|h| &elf[at(word(h + 8))..][..at(word(h + 32))]).collect()
}

#[test]
fn a_program_does_not_notice_it() {
    let output = Command::new("/bin/true").env("LD_PRELOAD", PRELOAD).output().unwrap();
    assert!(output.status.success());
    assert!(output.stdout.is_empty() && output.stderr.is_empty(), "{output:?}");
}

#[test]
fn it_needs_no_library() {
    let elf = fs::read(PRELOAD).unwrap();
    let dynamic = segments(&elf, DYNAMIC);
    assert_eq!(dynamic.len(), 1);
    let tags =
        dynamic[0].chunks_exact(16).map(|entry| u64::from_le_bytes(*entry.first_chunk().unwrap()));
    assert!(tags.clone().count() > 1);
    assert!(!tags.into_iter().any(|tag| tag == DT_NEEDED));
}

/// Nor any symbol: it would be bound to somebody else's.
#[test]
fn it_needs_no_symbol() {
    if !support_has("nm") {
        return;
    }
    let output = Command::new("nm").args(["-D", "--undefined-only", PRELOAD]).output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
}

fn support_has(tool: &str) -> bool {
    std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .any(|dir| dir.join(tool).is_file())
}

#[test]
fn its_note_names_the_trace_format() {
    let elf = fs::read(PRELOAD).unwrap();
    let mut note = [11, 4, 1].map(u32::to_le_bytes).concat();
    note.extend(b"taskrunner\0\0");
    note.extend(fspy_trace::FORMAT.to_le_bytes());
    let found =
        segments(&elf, NOTE).iter().any(|notes| notes.windows(note.len()).any(|w| w == note));
    assert!(found, "no note of format {}", fspy_trace::FORMAT);
}
