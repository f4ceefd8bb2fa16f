//! Carries messages and file descriptors over a socket pair: small bodies in the packet, large ones
//! in a memfd beside it, so neither a big environment nor a big trace meets a limit.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::wire;

/// Bodies above this many bytes travel in a memfd: well below the smallest default socket buffer.
const INLINE_LIMIT: usize = 32 * 1024;
/// Most descriptors in one message: stdin, stdout, stderr, call log, body.
const MAX_FDS: usize = 5;
/// First byte of a packet whose body follows.
const INLINE: u8 = 0;
/// First byte of a packet whose body is in the last descriptor.
const IN_MEMFD: u8 = 1;

/// A message ready to be sent.
#[derive(Debug)]
pub struct Packet {
    bytes: Vec<u8>,
    fds: Vec<OwnedFd>,
}

impl Packet {
    /// Encodes `message`, to be accompanied by `fds`.
    ///
    /// # Errors
    /// No memfd could be made for a large body.
    pub fn new<T: Serialize>(message: &T, mut fds: Vec<OwnedFd>) -> io::Result<Self> {
        let mut body = wire::encode(message).map_err(io::Error::other)?;
        if body.len() <= INLINE_LIMIT {
            body.insert(0, INLINE);
            return Ok(Self { bytes: body, fds });
        }
        let mut file = File::from(memfd()?);
        file.write_all(&body)?;
        file.rewind()?;
        fds.push(file.into());
        Ok(Self { bytes: vec![IN_MEMFD], fds })
    }

    /// Sends it over one end of a channel.
    ///
    /// # Errors
    /// `EAGAIN` if the socket is full and does not block, `EPIPE` if the other end is closed.
    pub fn send(&self, socket: BorrowedFd<'_>) -> io::Result<()> {
        let fds: Vec<_> = self.fds.iter().map(AsFd::as_fd).collect();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !fds.is_empty() && !control.push(SendAncillaryMessage::ScmRights(&fds)) {
            return Err(io::Error::other("BUG: more descriptors than a message holds"));
        }
        let body = [io::IoSlice::new(&self.bytes)];
        retry(|| sendmsg(socket, &body, &mut control, SendFlags::NOSIGNAL))?;
        Ok(())
    }
}

/// The two ends of a new channel, both close-on-exec: the runner's, which blocks on sending, and
/// the helper's.
///
/// # Errors
/// Whatever `socketpair(2)` reports.
pub fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?)
}

/// What [`receive`] found.
#[derive(Debug)]
pub enum Received<T> {
    /// A message and its descriptors.
    Message(T, Vec<OwnedFd>),
    /// Nothing to read now.
    Nothing,
    /// The other end is closed.
    Closed,
}

/// Reads one message without waiting.
///
/// # Errors
/// Whatever `recvmsg(2)` reports, or bytes that are no message.
pub fn receive<T: DeserializeOwned>(socket: BorrowedFd<'_>) -> io::Result<Received<T>> {
    let mut bytes = vec![0; INLINE_LIMIT + 1];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
    let received =
        retry(|| recvmsg(socket, &mut [io::IoSliceMut::new(&mut bytes)], &mut control, flags));
    let length = match received {
        Ok(message) => message.bytes,
        Err(Errno::AGAIN) => return Ok(Received::Nothing),
        Err(Errno::CONNRESET) => return Ok(Received::Closed),
        Err(errno) => return Err(errno.into()),
    };
    if length == 0 {
        return Ok(Received::Closed);
    }
    let mut fds = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            fds.extend(rights);
        }
    }
    let body = match bytes.first() {
        Some(&INLINE) => bytes[1..length].to_vec(),
        _ => in_memfd(fds.pop())?,
    };
    Ok(Received::Message(wire::decode(&body).map_err(io::Error::other)?, fds))
}

/// Kernels that forbid executable memfds want to be told that this one is none; older ones do not
/// know how to be told.
fn memfd() -> rustix::io::Result<OwnedFd> {
    let name = "taskrunner-message";
    memfd_create(name, MemfdFlags::CLOEXEC | MemfdFlags::NOEXEC_SEAL)
        .or_else(|_| memfd_create(name, MemfdFlags::CLOEXEC))
}

fn in_memfd(fd: Option<OwnedFd>) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    let missing = || io::Error::new(io::ErrorKind::InvalidData, "a message came without its body");
    File::from(fd.ok_or_else(missing)?).read_to_end(&mut body)?;
    Ok(body)
}

fn retry<T>(mut call: impl FnMut() -> rustix::io::Result<T>) -> rustix::io::Result<T> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roundtrip(message: &Vec<u8>, fds: Vec<OwnedFd>) -> (Vec<u8>, Vec<OwnedFd>) {
        let (ours, theirs) = pair().unwrap();
        Packet::new(message, fds).unwrap().send(ours.as_fd()).unwrap();
        match receive(theirs.as_fd()).unwrap() {
            Received::Message(body, fds) => (body, fds),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn small_and_large_bodies_arrive_with_their_descriptors() {
        for length in [0, 1, INLINE_LIMIT - 8, INLINE_LIMIT, INLINE_LIMIT + 1, 5_000_000] {
            let (end, _other) = pair().unwrap();
            let (body, fds) = roundtrip(&vec![7; length], vec![end]);
            assert_eq!((body.len(), fds.len()), (length, 1));
        }
    }

    #[test]
    fn an_idle_channel_has_nothing_and_a_dropped_one_is_closed() {
        let (ours, theirs) = pair().unwrap();
        assert!(matches!(receive::<u8>(theirs.as_fd()).unwrap(), Received::Nothing));
        drop(ours);
        assert!(matches!(receive::<u8>(theirs.as_fd()).unwrap(), Received::Closed));
    }

    #[test]
    fn bytes_of_another_message_are_an_error() {
        let (ours, theirs) = pair().unwrap();
        Packet::new(&(), Vec::new()).unwrap().send(ours.as_fd()).unwrap();
        assert!(receive::<crate::Trace>(theirs.as_fd()).is_err());
    }
}
