//! The channel of one step: a Unix socket, polled without ever waiting.

use std::collections::HashMap;
use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use super::Request;
use super::accept::Door;
use super::conn::Conn;
use super::dialogue;
use super::intake::Intake;
use super::watch::{Ready, Watch};
use crate::fault::Fault;
use crate::reply::Reply;

/// One connection of one step's channel; never used twice.
pub type ConnId = u64;

/// Most messages taken in one poll, so that a flood leaves the run loop time for others.
const MAX_MESSAGES: usize = 1024;

/// Most bytes of unfinished frames and unread answers, over all connections.
const MAX_BUFFERED: usize = 64 << 20;

const CHUNK: usize = 64 << 10;

/// The runner's end of a step's socket.
#[derive(Debug)]
pub struct Channel {
    address: PathBuf,
    /// `None` once it is finished.
    open: Option<Open>,
    left_open: usize,
}

/// One poll: what it hands out, and how many messages it may still take.
pub(super) struct Turn {
    pub(super) out: Vec<Request>,
    pub(super) room: usize,
}

#[derive(Debug)]
struct Open {
    watch: Watch,
    door: Door,
    conns: HashMap<ConnId, Conn>,
    next: ConnId,
    clock: u64,
    buffered: usize,
    /// Connections with whole frames at hand that were left for the next poll.
    waiting: Vec<ConnId>,
    chunk: Vec<u8>,
}

impl Channel {
    /// Listens at `address`, which must lie in a directory that only its owner can enter.
    pub fn create(address: &Path) -> io::Result<Self> {
        let listener = UnixListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let watch = Watch::new(&listener)?;
        let open = Open {
            watch,
            door: Door::new(listener),
            conns: HashMap::new(),
            next: 0,
            clock: 0,
            buffered: 0,
            waiting: Vec::new(),
            chunk: vec![0; CHUNK],
        };
        Ok(Self { address: address.to_path_buf(), open: Some(open), left_open: 0 })
    }

    /// The path of the socket, for [`crate::names::CHANNEL`].
    pub fn address(&self) -> &Path {
        &self.address
    }

    /// Readable when [`Channel::poll_ready`] has something to do; `None` once it is finished.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.open.as_ref().map(|open| open.watch.as_fd())
    }

    /// Connections that were open when the channel was finished.
    pub fn left_open(&self) -> usize {
        self.left_open
    }

    /// Accepts, reads, acknowledges and sends what can be done without waiting, and hands out what
    /// was said for the first time.
    pub fn poll_ready(&mut self, intake: &mut Intake) -> Vec<Request> {
        self.open.as_mut().map_or_else(Vec::new, |open| open.poll(intake))
    }

    /// Answers the question that `conn` waits on, if it still does.
    pub fn reply(&mut self, conn: ConnId, reply: &Reply, intake: &mut Intake) {
        if let Some(open) = &mut self.open {
            open.reply(conn, reply, intake);
        }
    }

    /// Takes what has been written by now, without waiting for anything more, and closes.
    pub fn finish(&mut self, intake: &mut Intake) -> Vec<Request> {
        let mut out = Vec::new();
        if let Some(open) = self.open.take() {
            // First, so that nobody new comes in.
            let _ = std::fs::remove_file(&self.address);
            self.left_open = open.finish(intake, &mut out);
        }
        out
    }
}

impl Open {
    fn poll(&mut self, intake: &mut Intake) -> Vec<Request> {
        let mut turn = Turn { out: Vec::new(), room: MAX_MESSAGES };
        self.serve_waiting(intake, &mut turn);
        let mut knocked = false;
        for ready in self.watch.ready() {
            match ready {
                Ready::Door => knocked = true,
                Ready::Conn { id, closed } => {
                    self.read(id, closed, intake);
                    self.advance(id, intake, &mut turn);
                }
            }
        }
        // Last, so that whoever has just become idle can make room.
        if knocked {
            self.accept(intake);
        }
        self.watch.recall(!self.waiting.is_empty());
        turn.out
    }

    /// Connections with frames at hand, those that were not reached last time first.
    fn serve_waiting(&mut self, intake: &mut Intake, turn: &mut Turn) {
        let mut queue = std::mem::take(&mut self.waiting).into_iter();
        while turn.room > 0 {
            let Some(id) = queue.next() else { break };
            self.advance(id, intake, turn);
        }
        let served = std::mem::replace(&mut self.waiting, queue.collect());
        self.waiting.extend(served);
    }

    fn accept(&mut self, intake: &mut Intake) {
        while let Some(stream) = self.door.accept(&self.watch, &mut self.conns, intake) {
            let id = self.next;
            if self.watch.add(&stream, id).is_err() {
                intake.fault(Fault::Unheard);
                continue;
            }
            self.next += 1;
            self.clock += 1;
            self.conns.insert(id, Conn::new(stream, self.clock));
        }
    }

    /// Reads once from a connection that has something, or has been closed.
    fn read(&mut self, id: ConnId, closed: bool, intake: &mut Intake) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        self.clock += 1;
        conn.active = self.clock;
        if closed {
            conn.hang_up();
        }
        if conn.asked.is_some() {
            conn.muted = true;
            return;
        }
        match conn.read(&mut self.chunk) {
            Ok(0) => conn.ended = true,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            // It went without reading its last answers; what it said has been read before this.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => conn.ended = true,
            Err(_) => {
                intake.fault(Fault::Unheard);
                conn.ended = true;
            }
        }
    }

    /// Takes whole frames, sends answers, and closes the connection if it is done with.
    fn advance(&mut self, id: ConnId, intake: &mut Intake, turn: &mut Turn) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        let more = dialogue::take_frames(id, conn, intake, turn);
        conn.flush();
        if more {
            self.waiting.push(id);
        }
        self.settle(id, more, intake);
    }

    fn settle(&mut self, id: ConnId, more: bool, intake: &mut Intake) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        self.buffered = self.buffered + conn.held() - conn.counted;
        conn.counted = conn.held();
        if conn.never_reads() {
            intake.fault(Fault::NeverReads);
            self.close(id);
        } else if self.buffered > MAX_BUFFERED {
            intake.fault(Fault::Flood);
            self.close(id);
        } else if conn.ended && !more && conn.is_spent() {
            if conn.frames.is_mid_frame() {
                intake.fault(Fault::HalfWritten);
            }
            self.close(id);
        } else {
            conn.muted = more || (conn.muted && conn.asked.is_some());
            self.watch.update(id, conn);
            if conn.is_idle() {
                self.door.reopen(&self.watch);
            }
        }
    }

    fn close(&mut self, id: ConnId) {
        if let Some(conn) = self.conns.remove(&id) {
            self.buffered -= conn.counted;
            // Dropping it takes it out of the epoll; a place at the door is free.
            self.door.reopen(&self.watch);
        }
    }

    fn reply(&mut self, id: ConnId, reply: &Reply, intake: &mut Intake) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        let Some(question) = conn.asked.take() else { return };
        let body = reply.encode();
        intake.keep_answer(question, &body);
        conn.answer(&body);
        conn.flush();
        conn.muted = false;
        let more = conn.frames.held() > 0;
        if more {
            self.waiting.push(id);
            self.watch.recall(true);
        }
        self.settle(id, more, intake);
    }

    fn finish(mut self, intake: &mut Intake, out: &mut Vec<Request>) -> usize {
        let mut alive = 0;
        let conns = std::mem::take(&mut self.conns);
        for (id, conn) in conns {
            alive += usize::from(dialogue::drain(id, conn, &mut self.chunk, intake, out));
        }
        while let Some(stream) = self.door.accept_last(intake) {
            self.next += 1;
            let conn = Conn::new(stream, 0);
            alive += usize::from(dialogue::drain(self.next, conn, &mut self.chunk, intake, out));
        }
        alive
    }
}
