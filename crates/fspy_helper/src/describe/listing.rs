//! Directory entries: read here, before the process reads them, from a descriptor of our own, so
//! that its position in the directory is left alone.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStringExt;

use fspy_trace::{Listed, Op};
use stat::Kind;

use super::Scene;
use crate::look;
use crate::thread::Target;

impl Scene<'_> {
    pub(super) fn list(&mut self) {
        let descriptor = self.int(0);
        let Target::Path(path) = self.thread.descriptor(descriptor) else { return };
        self.found.named.push(path.clone());
        if self.known.knows_listing(&path) {
            return;
        }
        let before = look::state_or_error(&path);
        // What `/proc` lists differs with who asks, and is no input of any build.
        let op = match entries(&self.thread.descriptor_path(descriptor)) {
            Ok(entries) if !path.starts_with(b"/proc/") => Op::List(entries),
            _ => Op::Exists,
        };
        self.emit(&path, op, before);
    }
}

/// Names and kinds in a directory, sorted by name.
pub(crate) fn entries(dir: &[u8]) -> io::Result<Vec<Listed>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(stat::as_path(dir))? {
        let entry = entry?;
        // An entry that is gone by now was there when the directory was read.
        let kind = entry.file_type().map_or(Kind::Special, kind_of);
        entries.push((entry.file_name().into_vec(), kind));
    }
    entries.sort_unstable();
    Ok(entries)
}

fn kind_of(kind: fs::FileType) -> Kind {
    match kind {
        _ if kind.is_file() => Kind::File,
        _ if kind.is_dir() => Kind::Dir,
        _ if kind.is_symlink() => Kind::Link,
        _ => Kind::Special,
    }
}

/// Names in a directory.
pub(super) fn names(dir: &[u8]) -> io::Result<Vec<Vec<u8>>> {
    fs::read_dir(stat::as_path(dir))?.map(|entry| Ok(entry?.file_name().into_vec())).collect()
}
