//! The blocking client, with a runner, without one, and with one that fails it.

use std::ffi::OsString;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use crate::common::{HUNG, Runner, messages};
use ipc::client::{Client, Delivery};
use ipc::server::Source;
use ipc::{Fault, Message, Verb, snapshot};

fn of(runner: &Runner) -> Client {
    Client::new(Some(runner.channel.clone()), Some(runner.file.clone()), None)
}

/// As where sockets are forbidden: the way to the channel fails at once.
fn file_only(runner: &Runner, snapshot: Option<PathBuf>) -> Client {
    Client::new(Some("/nonexistent/socket".into()), Some(runner.file.clone()), snapshot)
}

fn os(text: &str) -> OsString {
    text.into()
}

fn say_all(client: &Client) -> Vec<Delivery> {
    vec![
        client.ignore_input("/a"),
        client.ignore_output("/b"),
        client.track_input("/c"),
        client.track_output("/d"),
        client.track_value(b"k", b"v"),
        client.disable_cache(Some("why")),
    ]
}

fn all_said() -> Vec<Message> {
    vec![
        Message::IgnoreInput(b"/a".into()),
        Message::IgnoreOutput(b"/b".into()),
        Message::TrackInput(b"/c".into()),
        Message::TrackOutput(b"/d".into()),
        Message::TrackValue(b"k".into(), b"v".into()),
        Message::DisableCache(Some(b"why".into())),
    ]
}

#[test]
fn every_statement_by_the_channel() {
    let runner = Runner::start(&[]);
    assert_eq!(say_all(&of(&runner)), vec![Delivery::Acknowledged; 6]);
    assert_eq!(messages(&runner.end().requests), all_said());
}

#[test]
fn every_statement_by_the_file_where_sockets_are_forbidden() {
    let runner = Runner::start(&[]);
    assert_eq!(say_all(&file_only(&runner, None)), vec![Delivery::Written; 6]);
    assert_eq!(messages(&runner.end().requests), all_said());
}

#[test]
fn questions_by_the_channel() {
    let runner = Runner::start(&[("VITE_A", "1"), ("VITE_B", "2"), ("C", "3")]);
    let client = of(&runner);
    assert_eq!(client.get_env("C", true), Some(os("3")));
    assert_eq!(client.get_env("D", true), None);
    let both = [(os("VITE_A"), os("1")), (os("VITE_B"), os("2"))];
    assert_eq!(client.get_envs("VITE_*", false).into_iter().collect::<Vec<_>>(), both);
    assert_eq!(client.get_envs_with_prefix("VITE_", true).into_iter().collect::<Vec<_>>(), both);
    assert!(client.get_envs("[", true).is_empty());
    assert_eq!(runner.end().requests.len(), 5);
}

#[test]
fn questions_where_sockets_are_forbidden_are_answered_from_the_snapshot() {
    let runner = Runner::start(&[]);
    let path = runner.dir.join("env");
    snapshot::write(&path, [(b"VITE_A".as_slice(), b"1=\n2".as_slice()), (b"C", b"")]).unwrap();
    let client = file_only(&runner, Some(path));
    assert_eq!(client.get_env("VITE_A", true), Some(os("1=\n2")));
    assert_eq!(client.get_env("PATH", true), None);
    assert_eq!(client.get_envs("VITE_*", true).len(), 1);
    let ended = runner.end();
    assert!(ended.requests.iter().all(|r| r.source == Source::Snapshot));
    assert_eq!(ended.requests.len(), 3);
}

#[test]
fn questions_without_channel_and_snapshot_get_the_own_environment_and_say_so() {
    let runner = Runner::start(&[]);
    let client = file_only(&runner, None);
    assert_eq!(client.get_env("PATH", true), std::env::var_os("PATH"));
    assert_eq!(client.get_env("HOME", false), std::env::var_os("HOME"));
    let ended = runner.end();
    assert_eq!(messages(&ended.requests), [Message::GetEnv(b"PATH".into(), true)]);
    assert_eq!(ended.requests[0].source, Source::File);
}

#[test]
fn outside_a_runner_nothing_happens() {
    let client = Client::new(None, None, None);
    assert!(!client.is_managed());
    assert_eq!(say_all(&client), vec![Delivery::Unmanaged; 6]);
    assert_eq!(client.get_env("PATH", true), std::env::var_os("PATH"));
    assert!(client.get_envs("PAT[H]", true).contains_key(&os("PATH")));
    assert!(client.get_envs("[", true).is_empty());
}

#[test]
fn a_runner_that_dies_is_survived() {
    let runner = Runner::start(&[]);
    let client = of(&runner);
    assert_eq!(client.ignore_input("/a"), Delivery::Acknowledged);
    runner.end();
    assert_eq!(client.ignore_input("/b"), Delivery::Lost);
    assert_eq!(client.get_env("PATH", true), std::env::var_os("PATH"));
}

#[test]
fn a_closed_idle_connection_is_made_anew() {
    let runner = Runner::start(&[]);
    let first = of(&runner);
    assert_eq!(first.ignore_input("/a"), Delivery::Acknowledged);
    let others: Vec<_> = (0..300).map(|_| of(&runner)).collect();
    for (n, other) in others.iter().enumerate() {
        assert_eq!(other.ignore_input(format!("/{n}")), Delivery::Acknowledged);
    }
    assert_eq!(first.ignore_input("/b"), Delivery::Acknowledged);
    assert_eq!(runner.end().requests.len(), 302);
}

#[test]
fn an_answer_that_is_none_is_not_believed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let listener = UnixListener::bind(&path).unwrap();
    let liar = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(HUNG)).unwrap();
        std::io::Write::write_all(&mut &stream, &u32::MAX.to_le_bytes()).unwrap();
    });
    let client = Client::new(Some(path), None, None);
    assert_eq!(client.ignore_input("/a"), Delivery::Lost);
    liar.join().unwrap();
}

#[test]
fn misuse_is_counted_by_either_way() {
    let runner = Runner::start(&[]);
    assert!(matches!(of(&runner).misused(Verb::IgnoreInput), Delivery::Refused(_)));
    assert_eq!(file_only(&runner, None).misused(Verb::GetEnv), Delivery::Written);
    assert_eq!(runner.end().hints.tally().count(Fault::BadField), 2);
}

#[test]
fn one_client_serves_many_threads() {
    let runner = Runner::start(&[("A", "1")]);
    let client = of(&runner);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let client = &client;
            scope.spawn(move || {
                for n in 0..100 {
                    client.ignore_input(format!("/{thread}/{n}"));
                    assert_eq!(client.get_env("A", true), Some(os("1")));
                }
            });
        }
    });
    let ended = runner.end();
    assert_eq!(ended.requests.len(), 801);
    assert!(!ended.hints.tally().lost());
}
