//! The hint file: what counts, what is counted, and where reading stops.

use std::fs::{self, OpenOptions};
use std::io::Write;

use crate::common::{Ended, Runner, ignore, messages};
use ipc::server::Source;
use ipc::{Fault, Message};

fn written(bytes: &[u8]) -> Ended {
    let runner = Runner::start(&[]);
    OpenOptions::new().append(true).open(&runner.file).unwrap().write_all(bytes).unwrap();
    runner.end()
}

#[test]
fn all_eight_operations_of_the_published_client() {
    let ended = written(
        br#"{"op":"ignoreInput","path":"/a"}
{"op":"ignoreOutput","path":"/b"}
{"op":"trackInput","path":"/c"}
{"op":"trackOutput","path":"/d"}
{"key":"k","op":"trackValue","value":"v"}
{"name":"N","op":"trackEnv"}
{"op":"trackEnvPattern","pattern":"N_*"}
{"op":"disableCache","reason":"why"}
"#,
    );
    let expected = [
        ignore("/a"),
        Message::IgnoreOutput(b"/b".into()),
        Message::TrackInput(b"/c".into()),
        Message::TrackOutput(b"/d".into()),
        Message::TrackValue(b"k".into(), b"v".into()),
        Message::GetEnv(b"N".into(), true),
        Message::GetEnvsGlob(b"N_*".into(), true),
        Message::DisableCache(Some(b"why".into())),
    ];
    assert_eq!(messages(&ended.requests), expected);
    assert!(ended.requests.iter().all(|r| r.source == Source::File));
    assert_eq!(ended.hints.tally().iter().count(), 0);
}

#[test]
fn bad_lines_are_counted_and_the_others_stand() {
    let long = format!("{{\"op\":\"ignoreInput\",\"path\":\"/{}\"}}\n", "a".repeat(1 << 20));
    let good = "{\"op\":\"ignoreInput\",\"path\":\"/a\"}\n";
    let bytes =
        [b"null\n\r\n\xff\n{\n".as_slice(), long.as_bytes(), good.as_bytes(), b"{\"op\":\"igno"]
            .concat();
    let ended = written(&bytes);
    assert_eq!(messages(&ended.requests), [ignore("/a")]);
    let tally: Vec<_> = ended.hints.tally().iter().collect();
    let kinds = [
        (Fault::NotAnObject, 1),
        (Fault::Malformed, 1),
        (Fault::NotUtf8, 1),
        (Fault::TooLong, 1),
        (Fault::HalfWritten, 1),
    ];
    assert_eq!(tally, kinds);
}

#[test]
fn a_last_line_without_its_newline_counts_if_it_is_whole() {
    let ended = written(b"{\"op\":\"ignoreInput\",\"path\":\"/a\"}");
    assert_eq!(messages(&ended.requests), [ignore("/a")]);
    assert!(!ended.hints.tally().lost());
}

#[test]
fn null_alone_loses_nothing() {
    let ended = written(b"null\n{\"op\":\"x-note\"}\n");
    assert!(!ended.hints.tally().lost());
    assert_eq!(ended.hints.tally().iter().count(), 2);
}

#[test]
fn repeated_lines_are_one_hint() {
    let ended = written(&b"{\"op\":\"ignoreInput\",\"path\":\"/a\"}\n".repeat(10_000));
    assert_eq!(ended.requests.len(), 1);
}

#[test]
fn a_file_that_was_replaced_is_told_as_lost() {
    let runner = Runner::start(&[]);
    fs::remove_file(&runner.file).unwrap();
    fs::write(&runner.file, "").unwrap();
    assert_eq!(runner.end().hints.tally().count(Fault::Rewritten), 1);
}

#[test]
fn a_question_says_where_its_answer_came_from() {
    let ended = written(
        b"{\"op\":\"trackEnv\",\"name\":\"A\",\"from\":\"snapshot\"}\n{\"op\":\"trackEnv\",\"name\":\"A\"}\n",
    );
    let sources: Vec<_> = ended.requests.iter().map(|r| r.source).collect();
    assert_eq!(sources, [Source::Snapshot, Source::File]);
}
