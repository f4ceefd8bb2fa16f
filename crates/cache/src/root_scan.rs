//! Whether a file contains the path of the workspace, and so is right only there.

use std::io::{self, Read};

use memchr::memmem;
use stat::as_path;

/// How much is searched at a time.
const BLOCK: usize = 1 << 18;

/// Searches a file for `root`. A root of `/` is in every file, and says nothing.
pub(crate) fn contains_root(path: &[u8], root: &[u8]) -> io::Result<bool> {
    if root.len() < 2 {
        return Ok(false);
    }
    let finder = memmem::Finder::new(root);
    let mut file = std::fs::File::open(as_path(path))?;
    let mut block = vec![0; BLOCK.max(root.len() * 2)];
    let mut kept = 0;
    loop {
        let read = file.read(&mut block[kept..])?;
        if read == 0 {
            return Ok(false);
        }
        let filled = kept + read;
        if finder.find(&block[..filled]).is_some() {
            return Ok(true);
        }
        kept = filled.min(root.len() - 1);
        block.copy_within(filled - kept..filled, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(content: &[u8]) -> bool {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        contains_root(stat::as_bytes(file.path()), b"/home/ann/ws").unwrap()
    }

    #[test]
    fn the_root_is_found_wherever_it_stands() {
        let mut across_blocks = vec![b'x'; BLOCK - 5];
        across_blocks.extend_from_slice(b"/home/ann/ws/src");
        assert!(contains(b"/home/ann/ws"));
        assert!(contains(&across_blocks));
        assert!(!contains(b"/home/ann/w"));
        assert!(!contains(b""));
    }
}
