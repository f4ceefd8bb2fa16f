//! Which sockets listen, by the kernel's own tables in `/proc/<tid>/net`.

use std::fs;

use crate::thread::Thread;

/// `st` column of a TCP socket that listens.
const TCP_LISTEN: &str = "0A";

/// Inodes of the Unix sockets bound to a name that `is_wanted`; abstract names begin with NUL.
pub(crate) fn unix(thread: Thread, is_wanted: impl Fn(&[u8]) -> bool) -> Vec<u64> {
    let table = fs::read(format!("/proc/{}/net/unix", thread.0)).unwrap_or_default();
    table.split(|&byte| byte == b'\n').skip(1).filter_map(|line| bound(line, &is_wanted)).collect()
}

/// Columns: `Num RefCount Protocol Flags Type St Inode Path`.
fn bound(line: &[u8], is_wanted: impl Fn(&[u8]) -> bool) -> Option<u64> {
    let mut rest = line;
    let mut inode = None;
    for column in 0..7 {
        let start = rest.iter().position(|&byte| byte != b' ')?;
        rest = rest.get(start..)?;
        let end = rest.iter().position(|&byte| byte == b' ')?;
        if column == 6 {
            inode = std::str::from_utf8(rest.get(..end)?).ok()?.parse().ok();
        }
        rest = rest.get(end..)?;
    }
    let mut name = rest.get(1..)?.to_vec();
    if let Some(first) = name.first_mut()
        && *first == b'@'
    {
        *first = 0;
    }
    inode.filter(|_| is_wanted(&name))
}

/// Inodes of the sockets that listen on a local port: TCP ones, and bound UDP ones.
pub(crate) fn inet(thread: Thread, port: u16) -> Vec<u64> {
    let tables = [("tcp", true), ("tcp6", true), ("udp", false), ("udp6", false)];
    let listening = |(table, tcp)| {
        let text = fs::read_to_string(format!("/proc/{}/net/{table}", thread.0));
        let lines = text.unwrap_or_default();
        lines.lines().filter_map(|line| listening(line, port, tcp)).collect::<Vec<_>>()
    };
    tables.into_iter().flat_map(listening).collect()
}

/// Columns: `sl local_address rem_address st queues timer retrnsmt uid timeout inode`.
fn listening(line: &str, port: u16, tcp: bool) -> Option<u64> {
    let columns: Vec<_> = line.split_whitespace().collect();
    let (_, local_port) = columns.get(1)?.rsplit_once(':')?;
    let matches = u16::from_str_radix(local_port, 16) == Ok(port)
        && (!tcp || columns.get(3) == Some(&TCP_LISTEN));
    columns.get(9)?.parse().ok().filter(|_| matches)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn this() -> Thread {
        Thread(std::process::id())
    }

    #[test]
    fn a_listening_port_is_found_and_a_connected_one_is_not() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let client = std::net::TcpStream::connect(address).unwrap();
        assert_eq!(inet(this(), address.port()).len(), 1);
        assert_eq!(inet(this(), client.local_addr().unwrap().port()).len(), 0);
    }

    #[test]
    fn unix_sockets_are_found_by_the_name_they_were_bound_with() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("with space");
        let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        assert_eq!(unix(this(), |bound| bound == stat::as_bytes(&path)).len(), 1);
        assert_eq!(unix(this(), |bound| bound == b"/no/such").len(), 0);
    }

    #[test]
    fn abstract_names_begin_with_nul() {
        let line = b"0000: 00000002 00000000 00010000 0001 01 4711 @name";
        assert_eq!(bound(line, |name| name == b"\0name"), Some(4711));
        assert_eq!(bound(b"0000: 00000002 00000000 00010000 0001 01 4711", |_| true), None);
    }
}
