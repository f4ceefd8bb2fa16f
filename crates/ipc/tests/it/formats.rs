//! Frames, bodies and lines: round trips, and bounds that hold whatever comes.

use ipc::frame::{Frames, Incoming, wrap};
use ipc::hint_line::{self, Line, Lines};
use ipc::{Fault, Message, Refusal, Reply};
use proptest::collection::vec;
use proptest::prelude::*;

fn path() -> impl Strategy<Value = Vec<u8>> {
    vec(1_u8.., 0..40).prop_map(|rest| [b"/", &rest[..]].concat())
}

fn word() -> impl Strategy<Value = Vec<u8>> {
    vec((1_u8..).prop_filter("no '='", |b| *b != b'='), 1..20)
}

fn message() -> impl Strategy<Value = Message> {
    prop_oneof![
        Just(Message::Hello),
        path().prop_map(Message::IgnoreInput),
        path().prop_map(Message::IgnoreOutput),
        path().prop_map(Message::TrackInput),
        path().prop_map(Message::TrackOutput),
        (word(), vec(any::<u8>(), 0..40)).prop_map(|(k, v)| Message::TrackValue(k, v)),
        (word(), any::<bool>()).prop_map(|(n, t)| Message::GetEnv(n, t)),
        (word(), any::<bool>()).prop_map(|(g, t)| Message::GetEnvsGlob(g, t)),
        (vec(any::<u8>(), 0..9), any::<bool>()).prop_map(|(p, t)| Message::GetEnvsPrefix(p, t)),
        proptest::option::of(vec(any::<u8>(), 0..40)).prop_map(Message::DisableCache),
    ]
}

fn reply() -> impl Strategy<Value = Reply> {
    let bytes = || vec(any::<u8>(), 0..30);
    prop_oneof![
        Just(Reply::Done),
        vec(bytes(), 0..6).prop_map(Reply::Value),
        (bytes(), bytes()).prop_map(|(code, text)| Reply::Refused(Refusal { code, text })),
    ]
}

fn bodies(frames: &mut Frames) -> Vec<Incoming> {
    std::iter::from_fn(|| frames.next_frame()).collect()
}

proptest! {
    #[test]
    fn a_message_survives_the_wire(message in message()) {
        prop_assert_eq!(Message::decode(&message.encode()), Ok(message));
    }

    #[test]
    fn a_reply_survives_the_wire(reply in reply()) {
        prop_assert_eq!(Reply::decode(&reply.encode()), Some(reply));
    }

    #[test]
    fn a_message_survives_the_file(message in message(), from_snapshot in any::<bool>()) {
        let Some(line) = hint_line::encode(&message, from_snapshot) else { return Ok(()) };
        prop_assert_eq!(line.iter().position(|b| *b == b'\n'), Some(line.len() - 1));
        let said = hint_line::decode(&line).unwrap().unwrap();
        let question = message.is_question();
        let expected = match message {
            Message::GetEnvsPrefix(prefix, _) => {
                Message::GetEnvsGlob(ipc::env_glob::of_prefix(&prefix), true)
            }
            other => other,
        };
        prop_assert_eq!(said.message, expected);
        prop_assert_eq!(said.from_snapshot, from_snapshot && question);
    }

    #[test]
    fn frames_come_whole_however_they_are_cut(
        sent in vec(vec(any::<u8>(), 0..50), 0..20),
        cut in 1_usize..70,
    ) {
        let wire: Vec<u8> = sent.iter().filter_map(|body| wrap(body)).flatten().collect();
        let mut frames = Frames::new(32);
        let mut got = Vec::new();
        for piece in wire.chunks(cut) {
            frames.push(piece);
            got.extend(bodies(&mut frames));
            prop_assert!(frames.held() <= 32 + 4);
        }
        let expected: Vec<_> = sent.into_iter().map(|body| {
            if body.len() > 32 { Incoming::TooLong } else { Incoming::Body(body) }
        }).collect();
        prop_assert_eq!(got, expected);
        prop_assert!(!frames.is_mid_frame());
    }

    #[test]
    fn lines_come_whole_however_they_are_cut(text in "[ab\n]{0,300}", cut in 1_usize..70) {
        let mut lines = Lines::new(20);
        let mut got = Vec::new();
        for piece in text.as_bytes().chunks(cut) {
            lines.push(piece);
            got.extend(std::iter::from_fn(|| lines.next_line()));
        }
        got.extend(lines.rest());
        let mut expected: Vec<_> = text.split('\n').map(|line| {
            if line.len() > 20 { Line::TooLong } else { Line::Whole(line.into()) }
        }).collect();
        expected.retain({
            let (mut at, last) = (0, expected.len() - 1);
            move |line| { at += 1; at <= last || *line != Line::Whole(vec![]) }
        });
        prop_assert_eq!(got, expected);
    }
}

#[test]
fn a_frame_over_the_limit_is_passed_over_and_the_next_one_counts() {
    let mut frames = Frames::new(8);
    let mut wire = u32::MAX.to_le_bytes().to_vec();
    frames.push(&wire);
    assert_eq!(frames.next_frame(), Some(Incoming::TooLong));
    assert!(frames.is_mid_frame());
    wire = vec![0; u32::MAX as usize / 65_536];
    for _ in 0..65_536 {
        frames.push(&wire);
    }
    frames.push(&vec![0; 65_535]);
    assert!(!frames.is_mid_frame());
    frames.push(&wrap(b"next").unwrap());
    assert_eq!(frames.next_frame(), Some(Incoming::Body(b"next".into())));
}

fn fault(line: &[u8]) -> Fault {
    hint_line::decode(line).unwrap_err()
}

#[test]
fn each_bad_line_is_a_kind_of_its_own() {
    assert_eq!(fault(b"null"), Fault::NotAnObject);
    assert_eq!(fault(b"[{}]"), Fault::NotAnObject);
    assert_eq!(fault(b"{\"op\":\"ignoreInp"), Fault::Malformed);
    assert_eq!(fault(b"hello"), Fault::Malformed);
    assert_eq!(fault(b"{\"op\":\"ignoreInput\",\"path\":\"\xff\"}"), Fault::NotUtf8);
    assert_eq!(fault(br#"{"op":"fly"}"#), Fault::UnknownVerb);
    assert_eq!(fault(br#"{"op":"x-note","text":"a"}"#), Fault::UnknownAdvice);
    assert_eq!(fault(br#"{"op":null}"#), Fault::BadField);
    assert_eq!(fault(br#"{"op":"trackEnv"}"#), Fault::BadField);
    assert_eq!(fault(br#"{"op":"trackEnv","name":5}"#), Fault::BadField);
    assert_eq!(fault(br#"{"op":"trackEnv","name":""}"#), Fault::BadField);
    assert_eq!(fault(br#"{"op":"ignoreInput","path":"a\u0000b"}"#), Fault::BadField);
    assert_eq!(fault(br#"{"op":"ignoreInput","path":"\ud800"}"#), Fault::BadField);
    assert_eq!(fault(&[&b"{\"op\":"[..], &b"[".repeat(100_000)].concat()), Fault::Malformed);
}

#[test]
fn blank_lines_marks_and_carriage_returns_are_nothing() {
    assert_eq!(hint_line::decode(b""), Ok(None));
    assert_eq!(hint_line::decode(b"  \r"), Ok(None));
    let said = hint_line::decode(b"\xef\xbb\xbf{\"op\":\"disableCache\"}\r").unwrap().unwrap();
    assert_eq!(said.message, Message::DisableCache(None));
}

#[test]
fn a_reason_that_is_no_text_does_not_undo_the_wish() {
    let said = hint_line::decode(br#"{"op":"disableCache","reason":{}}"#).unwrap().unwrap();
    assert_eq!((said.message, said.fault), (Message::DisableCache(None), Some(Fault::BadField)));
}

#[test]
fn bytes_that_are_not_text_come_back_as_they_were() {
    let message = Message::IgnoreInput(b"/a\xff\x80b\xed\xa0\x80\"\\\n".into());
    let line = hint_line::encode(&message, false).unwrap();
    assert!(std::str::from_utf8(&line).is_ok());
    assert_eq!(hint_line::decode(&line).unwrap().unwrap().message, message);
}

#[test]
fn fields_that_do_not_add_up_are_malformed() {
    assert_eq!(Message::decode(b""), Err(Fault::Malformed));
    assert_eq!(Message::decode(&[2, 9, 0, 0, 0, b'/']), Err(Fault::Malformed));
    assert_eq!(Message::decode(&[2, 1, 0]), Err(Fault::Malformed));
    assert_eq!(Message::decode(&[2, 1, 0, 0, 0, b'a']), Err(Fault::BadField));
    assert_eq!(Message::decode(&[2]), Err(Fault::BadField));
    assert_eq!(Message::decode(&[99]), Err(Fault::UnknownVerb));
    assert_eq!(Message::decode(&[128]), Err(Fault::UnknownAdvice));
    let many = [&[10][..], &[0; 4 * 9]].concat();
    assert_eq!(Message::decode(&many), Err(Fault::Malformed));
}

#[test]
fn fields_of_later_versions_are_left_to_them() {
    let longer = [Message::Hello.encode(), vec![1, 0, 0, 0, b'x']].concat();
    assert_eq!(Message::decode(&longer), Ok(Message::Hello));
}
