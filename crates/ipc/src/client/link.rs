//! One connection to the runner: made at the first exchange, made anew once if it was closed.

use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SendFlags, SocketAddrUnix, SocketFlags, SocketType};

use crate::frame::wrap;
use crate::names::{CONNECT_DEADLINE, MAX_REPLY, REPLY_DEADLINE};
use crate::reply::Reply;

/// The way to the runner's socket.
#[derive(Debug)]
pub(super) struct Link {
    address: Option<PathBuf>,
    open: Option<UnixStream>,
    /// The process that opened it: a forked child must not talk into its parent's exchange.
    owner: u32,
    /// The runner is gone, unreachable, or was silent past the deadline: waiting again for every
    /// further call would stall the tool.
    dead: bool,
}

impl Link {
    pub(super) fn new(address: Option<PathBuf>) -> Self {
        let dead = address.is_none();
        Self { address, open: None, owner: std::process::id(), dead }
    }

    /// Sends `body` and reads the answer; `None` if the runner can't be talked to.
    pub(super) fn exchange(&mut self, body: &[u8]) -> Option<Reply> {
        self.notice_fork();
        if self.dead {
            return None;
        }
        // The runner may close an idle connection, so an old one gets a second chance.
        let reply = match self.open.take() {
            Some(old) => self.try_on(old, body).or_else(|e| self.again(&e, body)),
            None => self.on_new(body),
        };
        self.dead |= reply.is_err();
        reply.ok()
    }

    fn again(&mut self, error: &io::Error, body: &[u8]) -> io::Result<Reply> {
        if is_timeout(error) { Err(error.kind().into()) } else { self.on_new(body) }
    }

    fn on_new(&mut self, body: &[u8]) -> io::Result<Reply> {
        let address = self.address.as_deref().ok_or(io::ErrorKind::NotFound)?;
        let stream = connect(address)?;
        self.try_on(stream, body)
    }

    fn try_on(&mut self, mut stream: UnixStream, body: &[u8]) -> io::Result<Reply> {
        send(&stream, body)?;
        let reply = receive(&mut stream)?;
        self.open = Some(stream);
        Ok(reply)
    }

    fn notice_fork(&mut self) {
        let process = std::process::id();
        if process != self.owner {
            self.owner = process;
            self.open = None;
            self.dead = self.address.is_none();
        }
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

fn connect(address: &Path) -> io::Result<UnixStream> {
    let address = SocketAddrUnix::new(address)?;
    let flags = SocketFlags::CLOEXEC;
    let socket: OwnedFd =
        rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    // On a Unix socket the send timeout bounds `connect` too.
    set_socket_timeout(&socket, Timeout::Send, Some(CONNECT_DEADLINE))?;
    rustix::io::retry_on_intr(|| rustix::net::connect(&socket, &address))?;
    set_socket_timeout(&socket, Timeout::Send, Some(REPLY_DEADLINE))?;
    set_socket_timeout(&socket, Timeout::Recv, Some(REPLY_DEADLINE))?;
    Ok(UnixStream::from(socket))
}

fn send(stream: &UnixStream, body: &[u8]) -> io::Result<()> {
    let frame = wrap(body).ok_or(io::ErrorKind::InvalidInput)?;
    let mut rest = &frame[..];
    while !rest.is_empty() {
        // NOSIGNAL: a runner that is gone must not kill a tool that has SIGPIPE at its default.
        let sent =
            rustix::io::retry_on_intr(|| rustix::net::send(stream, rest, SendFlags::NOSIGNAL))?;
        rest = &rest[sent..];
    }
    Ok(())
}

fn receive(stream: &mut UnixStream) -> io::Result<Reply> {
    let mut header = [0; 4];
    stream.read_exact(&mut header)?;
    let length = usize::try_from(u32::from_le_bytes(header)).unwrap_or(usize::MAX);
    if length > MAX_REPLY {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Reply::decode(&body).ok_or(io::ErrorKind::InvalidData.into())
}
