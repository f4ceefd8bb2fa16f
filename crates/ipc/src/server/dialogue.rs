//! What is done with each frame of a connection: acknowledged, answered, handed out or counted.

use rustix::io::ioctl_fionread;

use super::channel::{ConnId, Turn};
use super::conn::Conn;
use super::intake::{Admission, Intake};
use super::{Request, Source};
use crate::fault::Fault;
use crate::frame::Incoming;
use crate::message::{Message, Verb};
use crate::names::VERSION;
use crate::reply::Reply;

/// Most messages of one connection in one turn, so that others get theirs.
const MAX_TURN: usize = 128;

/// Takes whole frames as far as there is room in this turn; whether more may be at hand.
pub(super) fn take_frames(
    id: ConnId,
    conn: &mut Conn,
    intake: &mut Intake,
    turn: &mut Turn,
) -> bool {
    let most = turn.room.min(MAX_TURN);
    for _ in 0..most {
        if conn.asked.is_some() || conn.never_reads() {
            return false;
        }
        let Some(frame) = conn.frames.next_frame() else { return false };
        take_frame(id, conn, frame, intake, &mut turn.out);
        turn.room -= 1;
    }
    conn.asked.is_none() && conn.frames.held() > 0
}

fn take_frame(
    id: ConnId,
    conn: &mut Conn,
    frame: Incoming,
    intake: &mut Intake,
    out: &mut Vec<Request>,
) {
    let message = match frame {
        Incoming::TooLong => Err(Fault::TooLong),
        Incoming::Body(body) => Message::decode(&body),
    };
    match message {
        Err(fault) => refuse(conn, fault, intake),
        Ok(Message::Hello) => conn.answer(&hello().encode()),
        Ok(message) if message.is_question() => take_question(id, conn, message, intake, out),
        Ok(message) => take_statement(id, conn, message, intake, out),
    }
}

fn refuse(conn: &mut Conn, fault: Fault, intake: &mut Intake) {
    intake.fault(fault);
    conn.answer(&Reply::refused(fault).encode());
}

fn hello() -> Reply {
    let verbs = Verb::ALL.iter().map(|verb| *verb as u8).collect();
    Reply::Value(vec![VERSION.to_string().into_bytes(), verbs])
}

/// The acknowledgement says: it is in the runner's memory and will count.
fn take_statement(
    id: ConnId,
    conn: &mut Conn,
    message: Message,
    intake: &mut Intake,
    out: &mut Vec<Request>,
) {
    let admission = intake.admit(&message.encode());
    match admission {
        Admission::Flood => conn.answer(&Reply::refused(Fault::Flood).encode()),
        Admission::New | Admission::Repeated => conn.answer(&Reply::Done.encode()),
    }
    if admission == Admission::New {
        out.push(Request { source: Source::Connection(id), message });
    }
}

fn take_question(
    id: ConnId,
    conn: &mut Conn,
    message: Message,
    intake: &mut Intake,
    out: &mut Vec<Request>,
) {
    let body = message.encode();
    if let Some(answer) = intake.answer(&body) {
        conn.answer(answer);
    } else if intake.admit(&body) == Admission::Flood {
        conn.answer(&Reply::refused(Fault::Flood).encode());
    } else {
        conn.asked = Some(body);
        out.push(Request { source: Source::Connection(id), message });
    }
}

/// At the step's end: reads exactly what is in the kernel's buffer, answers nothing that takes
/// time, and closes. Whether the other end was still open.
pub(super) fn drain(
    id: ConnId,
    mut conn: Conn,
    chunk: &mut [u8],
    intake: &mut Intake,
    out: &mut Vec<Request>,
) -> bool {
    take_all(id, &mut conn, intake, out);
    let mut left = ioctl_fionread(&conn.stream).unwrap_or(0);
    while left > 0 && !conn.ended {
        let most = usize::try_from(left).unwrap_or(chunk.len()).min(chunk.len());
        match conn.read(&mut chunk[..most]) {
            Ok(count) if count > 0 => left -= count as u64,
            _ => conn.ended = true,
        }
        take_all(id, &mut conn, intake, out);
    }
    if conn.frames.is_mid_frame() {
        intake.fault(Fault::HalfWritten);
    }
    !conn.is_closed_by_peer()
}

/// Nobody is left to answer questions or to wait for many acknowledgements.
fn take_all(id: ConnId, conn: &mut Conn, intake: &mut Intake, out: &mut Vec<Request>) {
    while let Some(frame) = conn.frames.next_frame() {
        take_frame(id, conn, frame, intake, out);
        conn.asked = None;
    }
    conn.flush();
    conn.forget_unsent();
}
