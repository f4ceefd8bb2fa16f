//! Finding what a set matches, without looking where nothing can be.

use std::fs::{DirEntry, read_dir};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;

use stat::{as_path, join};

use crate::GlobSet;

/// Directories that belong to tools which keep them: never looked into.
const SKIPPED: [&[u8]; 2] = [b".git", b".taskrunner"];

impl GlobSet {
    /// Regular files and symbolic links below `root` that the set matches: paths relative to it,
    /// sorted. Links are not followed; what vanishes meanwhile is left out.
    ///
    /// # Errors
    /// A directory that can't be read, named.
    pub fn walk(&self, root: &[u8]) -> io::Result<Vec<Vec<u8>>> {
        let mut found = Vec::new();
        let mut open = if self.any { vec![Vec::new()] } else { Vec::new() };
        while let Some(dir) = open.pop() {
            self.visit(root, &dir, &mut found, &mut open)
                .map_err(|error| named(&join(root, &dir), &error))?;
        }
        found.sort_unstable();
        Ok(found)
    }

    fn visit(
        &self,
        root: &[u8],
        dir: &[u8],
        found: &mut Vec<Vec<u8>>,
        open: &mut Vec<Vec<u8>>,
    ) -> io::Result<()> {
        let entries = match read_dir(as_path(&join(root, dir))) {
            Err(error) if is_gone(&error) => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let rel = relative(dir, &entry);
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => open.extend(Some(rel).filter(|rel| self.enters(rel))),
                Ok(kind) if (kind.is_file() || kind.is_symlink()) && self.matches(&rel) => {
                    found.push(rel);
                }
                Err(error) if !is_gone(&error) => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    fn enters(&self, dir: &[u8]) -> bool {
        let path = as_path(dir);
        !SKIPPED.contains(&stat::file_name(dir))
            && self.descend.is_match(path)
            && !self.prune.is_match(path)
    }
}

fn relative(dir: &[u8], entry: &DirEntry) -> Vec<u8> {
    let name = entry.file_name();
    if dir.is_empty() { name.as_bytes().to_vec() } else { join(dir, name.as_bytes()) }
}

/// It was there a moment ago, or another kind of thing.
fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn named(dir: &[u8], error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot list `{}`: {error}", dir.escape_ascii()))
}
