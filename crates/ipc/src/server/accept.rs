//! Who comes in: a bounded number at a time, the longest idle making room.

use std::collections::HashMap;
use std::io;
use std::os::unix::net::{UnixListener, UnixStream};

use rustix::io::ioctl_fionread;

use super::channel::ConnId;
use super::conn::Conn;
use super::intake::Intake;
use super::watch::Watch;
use crate::fault::Fault;

/// Most connections of one step at a time. More clients than that take turns without noticing: an
/// idle connection is closed, and its client makes a new one when it has something to say.
pub(super) const MAX_CONNS: usize = 256;

/// Most connections taken in after the step's end: more than the kernel keeps waiting.
const MAX_LAST: usize = 1 << 13;

/// The listening socket.
#[derive(Debug)]
pub(super) struct Door {
    listener: UnixListener,
    shut: bool,
    last: usize,
}

impl Door {
    pub(super) fn new(listener: UnixListener) -> Self {
        Self { listener, shut: false, last: 0 }
    }

    /// The next connection, if there is one and room for it.
    pub(super) fn accept(
        &mut self,
        watch: &Watch,
        conns: &mut HashMap<ConnId, Conn>,
        intake: &mut Intake,
    ) -> Option<UnixStream> {
        if conns.len() >= MAX_CONNS && !make_room(conns) {
            self.shut(watch, intake);
            return None;
        }
        match accept(&self.listener) {
            Ok(stream) => stream,
            // Out of descriptors: one of ours may help, else wait until one is closed.
            Err(_) if make_room(conns) => self.accept(watch, conns, intake),
            Err(_) => {
                self.shut(watch, intake);
                None
            }
        }
    }

    /// The next connection that was waiting when the step ended.
    pub(super) fn accept_last(&mut self, intake: &mut Intake) -> Option<UnixStream> {
        self.last += 1;
        match accept(&self.listener) {
            Ok(None) => None,
            Ok(stream) if self.last <= MAX_LAST => stream,
            _ => {
                intake.fault(Fault::Unheard);
                None
            }
        }
    }

    /// Looks out again after a connection was closed.
    pub(super) fn reopen(&mut self, watch: &Watch) {
        if self.shut {
            self.shut = watch.door(&self.listener, true).is_err();
        }
    }

    /// Does not look out until [`Door::reopen`]: who waits is not turned away.
    fn shut(&mut self, watch: &Watch, intake: &mut Intake) {
        self.shut = true;
        if watch.door(&self.listener, false).is_err() {
            intake.fault(Fault::Unheard);
        }
    }
}

/// `Ok(None)` when nobody waits.
fn accept(listener: &UnixListener) -> io::Result<Option<UnixStream>> {
    loop {
        match listener.accept() {
            Ok((stream, _)) => return stream.set_nonblocking(true).map(|()| Some(stream)),
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock => return Ok(None),
                io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted => {}
                _ => return Err(error),
            },
        }
    }
}

/// Closes the connection that has been idle longest, with nothing of its client's unread.
fn make_room(conns: &mut HashMap<ConnId, Conn>) -> bool {
    let unread = |conn: &Conn| ioctl_fionread(&conn.stream).unwrap_or(0) > 0;
    let idle = conns.iter().filter(|(_, conn)| conn.is_idle() && !unread(conn));
    let oldest = idle.min_by_key(|(_, conn)| conn.active).map(|(id, _)| *id);
    oldest.is_some_and(|id| conns.remove(&id).is_some())
}
