//! The channel's own epoll: one descriptor that is readable when anything in it is.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::event::{EventfdFlags, Timespec, eventfd};

use super::channel::ConnId;
use super::conn::{Conn, Interest};

/// Most events taken in one poll.
const MAX_EVENTS: usize = 64;

const DOOR: u64 = u64::MAX;
const RECALL: u64 = u64::MAX - 1;

/// What has something to do.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ready {
    /// Somebody wants to connect.
    Door,
    /// A connection; `closed` if its peer has closed both ways.
    Conn { id: ConnId, closed: bool },
}

/// The epoll, and a way to make it readable for work that is at hand already.
#[derive(Debug)]
pub(super) struct Watch {
    epoll: OwnedFd,
    recall: OwnedFd,
    recalled: bool,
}

impl Watch {
    pub(super) fn new(listener: &UnixListener) -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let recall = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        epoll::add(&epoll, listener, EventData::new_u64(DOOR), EventFlags::IN)?;
        epoll::add(&epoll, &recall, EventData::new_u64(RECALL), EventFlags::IN)?;
        Ok(Self { epoll, recall, recalled: false })
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }

    /// What is ready now; the recall is not told.
    pub(super) fn ready(&self) -> Vec<Ready> {
        let mut events = Vec::with_capacity(MAX_EVENTS);
        let now = Timespec::default();
        let waited =
            epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), Some(&now));
        // An interrupted look is made again by the run loop: the descriptor stays readable.
        waited.map_or_else(|_| Vec::new(), |_| events.into_iter().filter_map(told).collect())
    }

    /// Makes the epoll readable, or no longer so, for work that no descriptor announces.
    pub(super) fn recall(&mut self, wanted: bool) {
        if wanted && !self.recalled {
            self.recalled = rustix::io::write(&self.recall, &1_u64.to_ne_bytes()).is_ok();
        } else if !wanted && self.recalled {
            self.recalled = rustix::io::read(&self.recall, &mut [0; 8]).is_err();
        }
    }

    pub(super) fn add(&self, stream: &UnixStream, id: ConnId) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, stream, EventData::new_u64(id), EventFlags::IN)?)
    }

    /// Tells the epoll what `conn` is now to be watched for, if that changed.
    pub(super) fn update(&self, id: ConnId, conn: &mut Conn) {
        let wanted = conn.interest();
        if wanted != conn.watched {
            let flags = flags(wanted);
            // It can only fail for a stream that is not in the epoll, and all are.
            if epoll::modify(&self.epoll, &conn.stream, EventData::new_u64(id), flags).is_ok() {
                conn.watched = wanted;
            }
        }
    }

    /// Watches the door, or stops watching it.
    pub(super) fn door(&self, listener: &UnixListener, open: bool) -> io::Result<()> {
        let flags = if open { EventFlags::IN } else { EventFlags::empty() };
        Ok(epoll::modify(&self.epoll, listener, EventData::new_u64(DOOR), flags)?)
    }
}

fn told(event: Event) -> Option<Ready> {
    // Copies: the kernel's struct is packed.
    let (flags, data) = (event.flags, event.data);
    let closed = flags.intersects(EventFlags::HUP | EventFlags::ERR);
    match data.u64() {
        DOOR => Some(Ready::Door),
        RECALL => None,
        id => Some(Ready::Conn { id, closed }),
    }
}

fn flags(interest: Interest) -> EventFlags {
    let mut flags = EventFlags::empty();
    flags.set(EventFlags::IN, interest.read);
    flags.set(EventFlags::OUT, interest.write);
    flags
}
