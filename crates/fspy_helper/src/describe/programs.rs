//! `execve`: the program, and the interpreters that the kernel opens without a further call.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::{FileExt, OpenOptionsExt};

use fspy_trace::{Op, State};
use stat::{Kind, StatId};

use super::{Described, Scene};
use crate::look;
use crate::resolve::{Found, Place};
use crate::syscalls::At;
use crate::thread::Target;

const EXECUTE: u8 = 1;
/// The kernel gives up after four interpreters of interpreters.
const MAX_INTERPRETERS: usize = 5;
/// As much of a script's first line as the kernel looks at.
const SHEBANG_LENGTH: usize = 256;
/// Longest path of an interpreter that is believed.
const PATH_MAX: usize = 4096;
/// Number of program headers beyond which a file is no sane ELF file.
const MAX_HEADERS: usize = 512;
const PT_INTERP: u32 = 3;

/// Remembers which interpreter a program names, so that a compiler started a thousand times is
/// parsed once.
#[derive(Debug, Default)]
pub(crate) struct Interpreters(HashMap<Vec<u8>, (StatId, Option<Vec<u8>>)>);

impl Interpreters {
    /// The interpreter that the program at `path` names, which is now `id`; read from `open`.
    fn of(&mut self, path: &[u8], id: StatId, open: &[u8]) -> Option<Vec<u8>> {
        if let Some((known, interpreter)) = self.0.get(path)
            && *known == id
        {
            return interpreter.clone();
        }
        let interpreter = interpreter(open);
        self.0.insert(path.to_vec(), (id, interpreter.clone()));
        interpreter
    }
}

impl Scene<'_> {
    pub(super) fn exec(&mut self, at: At, flags: Option<usize>) -> Described {
        let path = self.text(at.path)?;
        if path.is_empty() {
            self.exec_descriptor(at.dir);
            return Ok(());
        }
        // The name as called, for looking it up again; then what it leads to.
        let named = self.place_of(&path, at.dir, false);
        let place = match named.found {
            Found::Here(State::Link(..)) if !self.has_flag(flags, libc::AT_SYMLINK_NOFOLLOW) => {
                self.place_of(&named.path, None, true)
            }
            _ => Place { path: named.path.clone(), found: named.found, crossed: Vec::new() },
        };
        if let Some((path, state)) = self.existing(place)
            && self.executed(&path, state)
        {
            self.found.execs.push(named.path);
        }
        Ok(())
    }

    /// `fexecve` and the like: the program is an open file, perhaps one without a name.
    fn exec_descriptor(&mut self, dir: Option<usize>) {
        let Some(position) = dir else { return };
        match self.base(dir) {
            Target::Path(path) => {
                let state = look::state_or_error(&path);
                self.executed(&path, state);
            }
            Target::Deleted(_) | Target::Nameless => {
                let open = self.thread.descriptor_path(self.int(position));
                let interpreter = interpreter(&open);
                self.interpreted(interpreter, 1);
            }
        }
    }

    /// Reports a program about to run. False if it won't.
    fn executed(&mut self, path: &[u8], state: State) -> bool {
        self.found.program = state.id().copied();
        self.run(path, state, 0)
    }

    fn run(&mut self, path: &[u8], state: State, depth: usize) -> bool {
        let Some(id) = state.id().copied() else { return false };
        if id.kind() != Kind::File || !look::permits(path, EXECUTE) {
            let op = if id.kind() == Kind::Link { Op::Follow } else { Op::Access(EXECUTE) };
            self.emit(path, op, state);
            return false;
        }
        self.emit(path, Op::Exec, state);
        let interpreter = self.interpreters.of(path, id, path);
        self.interpreted(interpreter, depth + 1);
        true
    }

    fn interpreted(&mut self, interpreter: Option<Vec<u8>>, depth: usize) {
        let Some(interpreter) = interpreter else { return };
        if depth > MAX_INTERPRETERS {
            return;
        }
        let place = self.place_of(&interpreter, None, true);
        if let Some((path, state)) = self.existing(place) {
            self.run(&path, state, depth);
        }
    }
}

/// The interpreter named by the ELF file or script that can be opened at `path`.
fn interpreter(path: &[u8]) -> Option<Vec<u8>> {
    let file = std::fs::OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(stat::as_path(path))
        .ok()?;
    let mut head = [0; SHEBANG_LENGTH];
    let length = file.read_at(&mut head, 0).ok()?;
    let head = head.get(..length)?;
    match head {
        [b'#', b'!', line @ ..] => shebang(line),
        [0x7f, b'E', b'L', b'F', class, ..] => elf_interpreter(&file, head, *class == 2),
        _ => None,
    }
}

/// The path in a script's first line.
fn shebang(line: &[u8]) -> Option<Vec<u8>> {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = line.iter().position(|byte| !blank(byte))?;
    let path = line.get(start..)?;
    let end = path.iter().position(|byte| blank(byte) || matches!(byte, b'\n' | 0));
    let path = path.get(..end.unwrap_or(path.len()))?;
    (!path.is_empty()).then(|| path.to_vec())
}

/// The path in an ELF file's `PT_INTERP` segment. Only the byte order of this machine can run here.
fn elf_interpreter(file: &File, head: &[u8], wide: bool) -> Option<Vec<u8>> {
    let (table, size, count) = if wide {
        (u64_at(head, 32)?, u16_at(head, 54)?, u16_at(head, 56)?)
    } else {
        (u64::from(u32_at(head, 28)?), u16_at(head, 42)?, u16_at(head, 44)?)
    };
    if usize::from(count) > MAX_HEADERS {
        return None;
    }
    let mut headers = vec![0; usize::from(size) * usize::from(count)];
    file.read_exact_at(&mut headers, table).ok()?;
    let header = headers
        .chunks_exact(usize::from(size).max(1))
        .find(|header| u32_at(header, 0) == Some(PT_INTERP))?;
    let (offset, length) = if wide {
        (u64_at(header, 8)?, u64_at(header, 32)?)
    } else {
        (u64::from(u32_at(header, 4)?), u64::from(u32_at(header, 16)?))
    };
    let mut path = vec![0; usize::try_from(length).ok().filter(|&length| length <= PATH_MAX)?];
    file.read_exact_at(&mut path, offset).ok()?;
    let end = path.iter().position(|&byte| byte == 0).unwrap_or(path.len());
    path.truncate(end);
    Some(path)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shebang_lines_name_their_interpreter() {
        for (line, path) in [
            (&b"/bin/sh\n"[..], Some(&b"/bin/sh"[..])),
            (b"  /usr/bin/env python3\nrest", Some(b"/usr/bin/env")),
            (b"\t/bin/sh", Some(b"/bin/sh")),
            (b"\n", None),
            (b"   ", None),
        ] {
            assert_eq!(shebang(line).as_deref(), path);
        }
    }

    #[test]
    fn a_dynamic_program_names_its_loader() {
        let loader = interpreter(b"/bin/sh").unwrap();
        assert!(loader.starts_with(b"/lib"), "{}", String::from_utf8_lossy(&loader));
    }

    #[test]
    fn damaged_files_have_none() {
        let dir = tempfile::tempdir().unwrap();
        let program = std::fs::read("/bin/sh").unwrap();
        for length in [0, 4, 16, 40, 64, 100] {
            let path = dir.path().join("cut");
            std::fs::write(&path, &program[..length]).unwrap();
            assert_eq!(interpreter(stat::as_bytes(&path)), None, "{length}");
        }
    }
}
