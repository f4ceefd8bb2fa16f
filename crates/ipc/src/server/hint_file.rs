//! The hint file of one step: made private and empty, read at the end a piece at a time.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::intake::{Admission, Intake};
use super::{Request, Source};
use crate::fault::Fault;
use crate::hint_line::{self, Line, Lines, Said};
use crate::names::MAX_LINE;

/// Most bytes read of one file: three million hints.
const MAX_FILE: u64 = 256 << 20;

const CHUNK: usize = 64 << 10;

/// A hint file that a step may append to.
#[derive(Debug)]
pub struct HintFile {
    path: PathBuf,
    file: File,
    read: u64,
    lines: Lines,
}

impl HintFile {
    /// Makes an empty file that only its owner may use.
    pub fn create(path: &Path) -> io::Result<Self> {
        let file =
            OpenOptions::new().read(true).append(true).create_new(true).mode(0o600).open(path)?;
        Ok(Self { path: path.to_path_buf(), file, read: 0, lines: Lines::new(MAX_LINE) })
    }

    /// Its path, for [`crate::names::HINT_FILE`].
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How long it is now, in bytes.
    pub fn size(&self) -> u64 {
        self.file.metadata().map_or(0, |meta| meta.len())
    }

    /// Reads all that is written by now, and removes the file. Nothing waits: what a leftover
    /// process appends later is not read.
    pub fn finish(&mut self, intake: &mut Intake) -> Vec<Request> {
        let mut requests = Vec::new();
        if self.was_replaced() {
            intake.fault(Fault::Rewritten);
        }
        let end = self.file.metadata().map_or(0, |meta| meta.len());
        if end < self.read {
            intake.fault(Fault::Rewritten);
        }
        if end > MAX_FILE {
            intake.fault(Fault::Flood);
        }
        if self.read_to(end.min(MAX_FILE), intake, &mut requests).is_err() {
            intake.fault(Fault::Unheard);
        }
        self.take_rest(intake, &mut requests);
        // It is in the run's directory, which goes as a whole.
        let _ = std::fs::remove_file(&self.path);
        requests
    }

    /// Reads what is there by now, at most `budget` bytes, so that less is left for the end.
    pub fn poll(&mut self, budget: u64, intake: &mut Intake) -> io::Result<Vec<Request>> {
        let mut requests = Vec::new();
        let end = self.file.metadata()?.len().min(self.read + budget).min(MAX_FILE);
        self.read_to(end, intake, &mut requests)?;
        Ok(requests)
    }

    fn read_to(&mut self, end: u64, intake: &mut Intake, out: &mut Vec<Request>) -> io::Result<()> {
        let mut chunk = vec![0; CHUNK];
        while self.read < end {
            let most = usize::try_from(end - self.read).unwrap_or(CHUNK).min(CHUNK);
            let count = self.file.read(&mut chunk[..most])?;
            if count == 0 {
                intake.fault(Fault::Rewritten);
                return Ok(());
            }
            self.read += count as u64;
            self.lines.push(&chunk[..count]);
            while let Some(line) = self.lines.next_line() {
                take(line, intake, out);
            }
        }
        Ok(())
    }

    /// The last line may lack its newline and be whole all the same.
    fn take_rest(&mut self, intake: &mut Intake, out: &mut Vec<Request>) {
        match self.lines.rest() {
            None => {}
            Some(Line::Whole(line)) if hint_line::decode(&line).is_err() => {
                intake.fault(Fault::HalfWritten);
            }
            Some(line) => take(line, intake, out),
        }
    }

    fn was_replaced(&self) -> bool {
        let ours = self.file.metadata().map(|meta| meta.ino());
        let there = std::fs::symlink_metadata(&self.path).map(|meta| meta.ino());
        !matches!((ours, there), (Ok(ours), Ok(there)) if ours == there)
    }
}

fn take(line: Line, intake: &mut Intake, out: &mut Vec<Request>) {
    let decoded = match line {
        Line::Whole(line) => hint_line::decode(&line),
        Line::TooLong => Err(Fault::TooLong),
    };
    match decoded {
        Ok(None) => {}
        Ok(Some(said)) => admit(said, intake, out),
        Err(fault) => intake.fault(fault),
    }
}

fn admit(said: Said, intake: &mut Intake, out: &mut Vec<Request>) {
    if let Some(fault) = said.fault {
        intake.fault(fault);
    }
    let source = if said.from_snapshot { Source::Snapshot } else { Source::File };
    // A question in the file is another matter than the same one on the channel.
    let mut key = said.message.encode();
    if said.message.is_question() {
        key.push(if said.from_snapshot { b's' } else { b'f' });
    }
    if intake.admit(&key) == Admission::New {
        out.push(Request { source, message: said.message });
    }
}
