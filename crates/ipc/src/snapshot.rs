//! A private copy of the runner's environment, for tools that may not use sockets.
//!
//! ```text
//! snapshot := ( name '=' value NUL )*         as in /proc/<pid>/environ
//! ```

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Writes `env` to a new file that only its owner may read.
pub fn write<'a>(
    path: &Path,
    env: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
) -> io::Result<()> {
    let mut bytes = Vec::new();
    for (name, value) in env {
        bytes.extend_from_slice(&[name, b"=", value, b"\0"].concat());
    }
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.write_all(&bytes)
}

/// The variables in a snapshot; `None` if it can't be read.
pub fn read(path: &Path) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
    let bytes = std::fs::read(path).ok()?;
    Some(bytes.split(|&b| b == 0).filter_map(variable).collect())
}

fn variable(entry: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let equals = memchr::memchr(b'=', entry)?;
    Some((entry[..equals].to_vec(), entry[equals + 1..].to_vec()))
}
