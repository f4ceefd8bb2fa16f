//! Two hundred thousand mutations of valid input, the same ones every time: no decoder panics,
//! holds more than its bound, or reads back what it would not write.

use ipc::env_glob::EnvGlob;
use ipc::frame::{Frames, wrap};
use ipc::hint_line::{self, Lines};
use ipc::{Message, Reply};

const ROUNDS: u32 = 200_000;
const LIMIT: usize = 64;
/// Bytes that mean something to one of the decoders.
const BYTES: &[u8] = b"\0\x01\xff\n\"\\{}[],!*?\xed";

struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % below
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let messages = [
        Message::Hello,
        Message::IgnoreInput(b"/a/b".into()),
        Message::TrackValue(b"key".into(), b"value".into()),
        Message::GetEnv(b"NAME".into(), true),
        Message::GetEnvsGlob(b"{A,[!b-c]}*?\\x".into(), false),
        Message::DisableCache(Some(b"why".into())),
    ];
    let mut seeds: Vec<_> = messages.iter().filter_map(|m| hint_line::encode(m, true)).collect();
    seeds.extend(messages.iter().map(Message::encode));
    seeds.extend(messages.iter().filter_map(|m| wrap(&m.encode())));
    seeds.push(Reply::Value(vec![b"A".into(), b"1".into()]).encode());
    seeds.push(b"{A,[!b-c]}*?\\x".into());
    seeds
}

fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.next(4) {
        let at = random.next(bytes.len() + 1);
        let byte = BYTES[random.next(BYTES.len())];
        match random.next(4) {
            0 => bytes.insert(at, byte),
            1 if at < bytes.len() => bytes[at] = byte,
            2 if at < bytes.len() => drop(bytes.remove(at)),
            _ => bytes.truncate(at.max(1)),
        }
    }
}

fn read_all(bytes: &[u8]) {
    if let Ok(message) = Message::decode(bytes) {
        assert_eq!(Message::decode(&message.encode()), Ok(message));
    }
    if let Some(reply) = Reply::decode(bytes) {
        assert_eq!(Reply::decode(&reply.encode()), Some(reply));
    }
    if let Ok(Some(said)) = hint_line::decode(bytes) {
        let line = hint_line::encode(&said.message, said.from_snapshot).unwrap();
        assert_eq!(hint_line::decode(&line).unwrap().unwrap().message, said.message);
    }
    if let Ok(glob) = EnvGlob::new(bytes) {
        glob.matches(bytes);
    }
}

#[test]
fn mutations_of_valid_input_break_nothing() {
    let seeds = seeds();
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let (mut frames, mut lines) = (Frames::new(LIMIT), Lines::new(LIMIT));
    for _ in 0..ROUNDS {
        let mut bytes = seeds[random.next(seeds.len())].clone();
        mutate(&mut bytes, &mut random);
        read_all(&bytes);
        frames.push(&bytes);
        while frames.next_frame().is_some() {}
        assert!(frames.held() < LIMIT + 4);
        lines.push(&bytes);
        while lines.next_line().is_some() {}
    }
}
