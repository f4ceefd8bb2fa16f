//! Sockets: a process that asks a daemon for something has inputs that no file call shows.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use fspy_trace::{Op, Peer};

use super::{Described, Scene};
use crate::memory;
use crate::sockets;

/// `sizeof(struct sockaddr_storage)`, the most the kernel takes.
const LONGEST_ADDRESS: usize = 128;

/// What a socket address says.
#[derive(Debug, PartialEq, Eq)]
enum Address {
    /// A path, or, beginning with NUL, an abstract name.
    Unix(Vec<u8>),
    Inet(SocketAddr),
    Other,
}

impl Scene<'_> {
    /// Binding a Unix socket to a path makes a file.
    pub(super) fn bind(&mut self) -> Described {
        if let Address::Unix(path) = self.address()?
            && !path.starts_with(b"\0")
        {
            self.found.named.push(path.clone());
            let place = self.place_of(&path, None, false);
            self.created(place);
        }
        Ok(())
    }

    pub(super) fn connect(&mut self) -> Described {
        match self.address()? {
            Address::Unix(name) if name.starts_with(b"\0") => self.asked_abstract(name),
            Address::Unix(path) => self.asked_path(&path),
            Address::Inet(address) => self.asked_host(address),
            Address::Other => {}
        }
        Ok(())
    }

    /// The arguments are in memory, each four bytes wide.
    pub(super) fn socket_call(&mut self) -> Described {
        const BIND: i32 = 2;
        let call = self.int(0);
        let block = memory::bytes(self.thread.0, self.arg(1) & u64::from(u32::MAX), 3 * 4)?;
        for (place, word) in self.args.iter_mut().zip(block.chunks_exact(4)) {
            *place = word.first_chunk().map_or(0, |word| u64::from(u32::from_ne_bytes(*word)));
        }
        if call == BIND { self.bind() } else { self.connect() }
    }

    fn address(&self) -> Result<Address, memory::Unread> {
        let length = usize::try_from(self.flags(2)).unwrap_or(0).min(LONGEST_ADDRESS);
        Ok(parse(&memory::bytes(self.thread.0, self.arg(1), length)?))
    }

    fn asked_abstract(&mut self, name: Vec<u8>) {
        let listeners = sockets::unix(self.thread, |bound| bound == name);
        self.asked(&listeners, Peer::Unix(name));
    }

    fn asked_path(&mut self, path: &[u8]) {
        self.found.named.push(path.to_vec());
        let place = self.place_of(path, None, true);
        let Some((path, state)) = self.existing(place) else { return };
        self.emit(&path, Op::Exists, state);
        // Sockets are listed by the name they were bound with, which may have been relative.
        let name = stat::file_name(&path).to_vec();
        let listeners = sockets::unix(self.thread, |bound| stat::file_name(bound) == name);
        self.asked(&listeners, Peer::Unix(path));
    }

    fn asked_host(&mut self, address: SocketAddr) {
        let ip = address.ip().to_canonical();
        if address.port() == 0 {
            return; // Only to find out which route would be taken.
        }
        if ip.is_loopback() || ip.is_unspecified() {
            let listeners = sockets::inet(self.thread, address.port());
            self.asked(&listeners, Peer::Loopback(address.port()));
        } else {
            self.found.peers.push(Peer::Remote(SocketAddr::new(ip, address.port()).to_string()));
        }
    }

    /// Nobody listening means nobody asked; a listener of the step's own is part of the step.
    fn asked(&mut self, listeners: &[u64], peer: Peer) {
        if !listeners.is_empty() && !self.family.owns_socket(listeners) {
            self.found.peers.push(peer);
        }
    }
}

fn parse(bytes: &[u8]) -> Address {
    let family = bytes.first_chunk().map(|family| i32::from(u16::from_ne_bytes(*family)));
    match family {
        Some(libc::AF_UNIX) => unix_address(bytes.get(2..).unwrap_or_default()),
        Some(libc::AF_INET) => inet_address(bytes).map_or(Address::Other, Address::Inet),
        Some(libc::AF_INET6) => inet6_address(bytes).map_or(Address::Other, Address::Inet),
        _ => Address::Other,
    }
}

fn unix_address(name: &[u8]) -> Address {
    match name {
        [] => Address::Other,
        [0, ..] => Address::Unix(name.to_vec()),
        path => {
            let end = path.iter().position(|&byte| byte == 0).unwrap_or(path.len());
            Address::Unix(path.get(..end).unwrap_or_default().to_vec())
        }
    }
}

fn inet_address(bytes: &[u8]) -> Option<SocketAddr> {
    let ip: [u8; 4] = *bytes.get(4..)?.first_chunk()?;
    Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::from(ip)), port(bytes)?))
}

fn inet6_address(bytes: &[u8]) -> Option<SocketAddr> {
    let ip: [u8; 16] = *bytes.get(8..)?.first_chunk()?;
    Some(SocketAddr::new(IpAddr::V6(Ipv6Addr::from(ip)), port(bytes)?))
}

fn port(bytes: &[u8]) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_each_family_are_understood() {
        let mut inet = vec![2, 0, 0x1f, 0x90, 127, 0, 0, 1];
        inet.extend([0; 8]);
        assert_eq!(parse(&inet), Address::Inet("127.0.0.1:8080".parse().unwrap()));
        let mut inet6 = vec![10, 0, 0, 80, 0, 0, 0, 0];
        inet6.extend(Ipv6Addr::LOCALHOST.octets());
        assert_eq!(parse(&inet6), Address::Inet("[::1]:80".parse().unwrap()));
        assert_eq!(parse(b"\x01\0/run/x\0rest"), Address::Unix(b"/run/x".to_vec()));
        assert_eq!(parse(b"\x01\0\0name"), Address::Unix(b"\0name".to_vec()));
    }

    #[test]
    fn cut_or_foreign_addresses_are_nothing() {
        for bytes in [&b""[..], b"\x02", b"\x02\0\0\x50", b"\x01\0", b"\x10\0abcdefgh"] {
            assert_eq!(parse(bytes), Address::Other);
        }
    }
}
