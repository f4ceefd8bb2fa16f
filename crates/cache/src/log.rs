//! The stored log of a run: what it wrote to the terminal, in the order read.
//!
//! The workspace's path stands in it as a token, so that a hit elsewhere shows the path there.

use policy::Roots;

/// Which stream (1 standard output, 2 standard error), and the bytes.
pub(crate) type Log = Vec<(u8, Vec<u8>)>;

/// Starts an escape: NUL, which terminals ignore and programs hardly ever write.
const ESCAPE: u8 = 0;
const ROOT: u8 = b'W';

/// Compression level for logs: small, written once, read often.
const LEVEL: i32 = 3;

/// Encodes and compresses.
pub(crate) fn encode(log: &Log, roots: &Roots) -> std::io::Result<Vec<u8>> {
    let mut tokens = joined(log);
    for (_, bytes) in &mut tokens {
        *bytes = tokenise(bytes, &roots.workspace);
    }
    let plain = postcard::to_stdvec(&tokens).map_err(std::io::Error::other)?;
    zstd::encode_all(&plain[..], LEVEL)
}

/// The inverse of [`encode`], with this workspace's path in place of the token.
pub(crate) fn decode(bytes: &[u8], roots: &Roots) -> Option<Log> {
    let plain = zstd::decode_all(bytes).ok()?;
    let mut log: Log = postcard::from_bytes(&plain).ok()?;
    for (_, bytes) in &mut log {
        *bytes = expand(bytes, &roots.workspace)?;
    }
    Some(log)
}

/// Joins neighbouring pieces of one stream, so that no path is cut in two.
fn joined(log: &Log) -> Log {
    let mut out: Log = Vec::new();
    for (stream, bytes) in log {
        match out.last_mut() {
            Some((last, all)) if last == stream => all.extend_from_slice(bytes),
            _ => out.push((*stream, bytes.clone())),
        }
    }
    out
}

fn tokenise(bytes: &[u8], root: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(byte) = rest.first() {
        if starts_with_root(rest, root) {
            out.extend_from_slice(&[ESCAPE, ROOT]);
            rest = &rest[root.len()..];
            continue;
        }
        out.push(*byte);
        if *byte == ESCAPE {
            out.push(ESCAPE);
        }
        rest = &rest[1..];
    }
    out
}

/// Whether the bytes begin with the root as a whole path component, not as part of a longer name.
fn starts_with_root(bytes: &[u8], root: &[u8]) -> bool {
    root.len() > 1
        && bytes.strip_prefix(root).is_some_and(|rest| {
            !rest.first().is_some_and(|byte| {
                byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
            })
        })
}

fn expand(bytes: &[u8], root: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes.iter();
    while let Some(byte) = rest.next() {
        match (*byte, *byte == ESCAPE) {
            (byte, false) => out.push(byte),
            (_, true) => match *rest.next()? {
                ROOT => out.extend_from_slice(root),
                ESCAPE => out.push(ESCAPE),
                _ => return None,
            },
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roots(workspace: &[u8]) -> Roots {
        Roots {
            workspace: workspace.to_vec(),
            home: b"/root".to_vec(),
            temp: b"/tmp".to_vec(),
            runner: Vec::new(),
        }
    }

    #[test]
    fn the_workspace_is_named_as_it_is_called_here() {
        let log = vec![(1, b"in /a/ws".to_vec()), (1, b"/src, not /a/ws2\n".to_vec())];
        let stored = encode(&log, &roots(b"/a/ws")).unwrap();
        let there = decode(&stored, &roots(b"/other")).unwrap();
        assert_eq!(there, [(1, b"in /other/src, not /a/ws2\n".to_vec())]);
    }

    #[test]
    fn any_bytes_come_back_in_the_order_read() {
        let log = vec![(1, vec![0, 0, 255, 10]), (2, b"\0W".to_vec()), (1, b"x".to_vec())];
        let stored = encode(&log, &roots(b"/a/ws")).unwrap();
        assert_eq!(decode(&stored, &roots(b"/a/ws")).unwrap(), log);
    }

    #[test]
    fn garbage_is_no_log() {
        assert_eq!(decode(b"garbage", &roots(b"/a")), None);
    }
}
