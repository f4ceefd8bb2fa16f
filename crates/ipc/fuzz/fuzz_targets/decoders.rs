//! Every decoder of the protocol on the same bytes: no panic, bounds kept, what is read can be
//! written and read again.

#![no_main]

use ipc::env_glob::EnvGlob;
use ipc::frame::{Frames, Incoming};
use ipc::hint_line::{self, Line, Lines};
use ipc::{Message, Reply};
use libfuzzer_sys::fuzz_target;

const LIMIT: usize = 256;

fn body(bytes: &[u8]) {
    if let Ok(message) = Message::decode(bytes) {
        assert_eq!(Message::decode(&message.encode()), Ok(message));
    }
    if let Some(reply) = Reply::decode(bytes) {
        assert_eq!(Reply::decode(&reply.encode()), Some(reply));
    }
}

fn line(bytes: &[u8]) {
    let Ok(Some(said)) = hint_line::decode(bytes) else { return };
    let Some(line) = hint_line::encode(&said.message, said.from_snapshot) else { return };
    let again = hint_line::decode(&line).ok().flatten().map(|again| again.message);
    assert_eq!(again, Some(said.message));
}

fn stream(bytes: &[u8]) {
    let (mut frames, mut lines) = (Frames::new(LIMIT), Lines::new(LIMIT));
    for piece in bytes.chunks(7) {
        frames.push(piece);
        while let Some(incoming) = frames.next_frame() {
            if let Incoming::Body(bytes) = incoming {
                body(&bytes);
            }
        }
        assert!(frames.held() < LIMIT + 4);
        lines.push(piece);
        while let Some(next) = lines.next_line() {
            if let Line::Whole(bytes) = next {
                line(&bytes);
            }
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    body(bytes);
    line(bytes);
    stream(bytes);
    if let Ok(glob) = EnvGlob::new(bytes) {
        glob.matches(bytes);
    }
});
