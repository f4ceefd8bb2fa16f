//! One connection of a tool: bytes in, frames out of them, answers out.

use std::io::{self, Read};
use std::os::unix::net::UnixStream;

use rustix::net::SendFlags;

use crate::frame::{Frames, wrap};
use crate::names::MAX_FRAME;

/// Most bytes of answers that a client may leave unread beyond what the kernel holds for it: some
/// two hundred thousand acknowledgements. One answer may be longer.
pub(super) const MAX_UNREAD: usize = 1 << 20;

/// One connection.
#[derive(Debug)]
pub(super) struct Conn {
    pub(super) stream: UnixStream,
    pub(super) frames: Frames,
    unsent: Vec<u8>,
    /// How much of `unsent` the answers before the last one take.
    unsent_before_last: usize,
    /// The body of the question it waits on. Nothing more is taken from it until the answer.
    pub(super) asked: Option<Vec<u8>>,
    /// When it last did something, for choosing the one to close when there are too many.
    pub(super) active: u64,
    /// What it counts for in the channel's sum of buffered bytes.
    pub(super) counted: usize,
    /// It is not read from for now: there is enough at hand.
    pub(super) muted: bool,
    /// Nothing more comes from it.
    pub(super) ended: bool,
    /// Nothing can be sent to it.
    gone: bool,
    /// What the epoll was last told to watch for.
    pub(super) watched: Interest,
}

/// What to watch a connection for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Interest {
    pub(super) read: bool,
    pub(super) write: bool,
}

impl Conn {
    pub(super) fn new(stream: UnixStream, active: u64) -> Self {
        Self {
            stream,
            frames: Frames::new(MAX_FRAME),
            unsent: Vec::new(),
            unsent_before_last: 0,
            asked: None,
            active,
            counted: 0,
            muted: false,
            ended: false,
            gone: false,
            watched: Interest { read: true, write: false },
        }
    }

    /// Reads once into the frames; how many bytes came, 0 at the end.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.stream.read(buffer)?;
        self.frames.push(&buffer[..count]);
        Ok(count)
    }

    /// Queues an encoded answer.
    pub(super) fn answer(&mut self, body: &[u8]) {
        if !self.gone {
            self.unsent_before_last = self.unsent.len();
            // An answer of 4 GiB can't be: an environment is far smaller.
            self.unsent.extend(wrap(body).unwrap_or_default());
        }
    }

    /// Sends what the kernel takes without waiting.
    pub(super) fn flush(&mut self) {
        let mut sent = 0;
        while sent < self.unsent.len() && !self.gone {
            match rustix::net::send(&self.stream, &self.unsent[sent..], SendFlags::NOSIGNAL) {
                Ok(count) => sent += count,
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => break,
                // The reader is gone. What it said before still counts.
                Err(_) => self.gone = true,
            }
        }
        self.unsent.drain(..sent);
        self.unsent_before_last = self.unsent_before_last.saturating_sub(sent);
        if self.gone {
            self.forget_unsent();
        }
    }

    pub(super) fn forget_unsent(&mut self) {
        self.unsent.clear();
        self.unsent_before_last = 0;
    }

    /// The peer has closed both ways: what it said is read, its question has nobody to answer.
    pub(super) fn hang_up(&mut self) {
        self.gone = true;
        self.asked = None;
        self.forget_unsent();
    }

    /// Whether it went on sending requests with too many answers unread.
    pub(super) fn never_reads(&self) -> bool {
        self.unsent_before_last > MAX_UNREAD
    }

    /// Bytes kept for it.
    pub(super) fn held(&self) -> usize {
        self.frames.held() + self.unsent.len()
    }

    /// Whether closing it loses nothing but a connection, which its client makes anew.
    pub(super) fn is_idle(&self) -> bool {
        self.is_spent() && !self.frames.is_mid_frame()
    }

    /// Whether it waits for nothing from the runner.
    pub(super) fn is_spent(&self) -> bool {
        self.asked.is_none() && self.unsent.is_empty()
    }

    /// Whether the other end is closed, as far as can be told without waiting.
    pub(super) fn is_closed_by_peer(&mut self) -> bool {
        self.ended || self.gone || matches!(self.stream.read(&mut [0]), Ok(0))
    }

    /// What to watch it for now.
    pub(super) fn interest(&self) -> Interest {
        Interest { read: !self.ended && !self.muted, write: !self.unsent.is_empty() }
    }
}
