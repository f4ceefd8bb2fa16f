//! The channel against clients that behave, and clients that do not.

use std::io::{ErrorKind, Read, Write};

use crate::common::{Runner, connect, ignore, messages, receive, send};
use ipc::frame::wrap;
use ipc::{Fault, Message, Reply};

fn refusal(reply: Reply) -> String {
    match reply {
        Reply::Refused(why) => String::from_utf8(why.code).unwrap(),
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn hello_tells_version_and_verbs() {
    let runner = Runner::start(&[]);
    let mut stream = runner.connect();
    send(&mut stream, &Message::Hello);
    let verbs: Vec<u8> = (1..=10).collect();
    assert_eq!(receive(&mut stream), Reply::Value(vec![b"1".into(), verbs]));
    assert!(runner.end().requests.is_empty());
}

#[test]
fn statements_are_acknowledged_and_handed_out_once() {
    let runner = Runner::start(&[]);
    let (mut one, mut two) = (runner.connect(), runner.connect());
    for stream in [&mut one, &mut two] {
        send(stream, &ignore("/a"));
        assert_eq!(receive(stream), Reply::Done);
    }
    let ended = runner.end();
    assert_eq!(messages(&ended.requests), [ignore("/a")]);
    assert!(!ended.hints.tally().lost());
    assert_eq!(ended.hints.left_open(), 2);
}

#[test]
fn a_repeated_question_is_answered_without_asking_again() {
    let runner = Runner::start(&[("A", "1")]);
    let mut stream = runner.connect();
    for _ in 0..3 {
        send(&mut stream, &Message::GetEnv(b"A".into(), true));
        assert_eq!(receive(&mut stream), Reply::Value(vec![b"1".into()]));
    }
    assert_eq!(runner.end().requests.len(), 1);
}

#[test]
fn answers_keep_the_order_of_requests_sent_at_once() {
    let runner = Runner::start(&[("A", "1")]);
    let mut stream = runner.connect();
    for _ in 0..3 {
        send(&mut stream, &ignore("/a"));
        send(&mut stream, &Message::GetEnv(b"A".into(), true));
        send(&mut stream, &Message::GetEnv(b"B".into(), true));
    }
    for _ in 0..3 {
        assert_eq!(receive(&mut stream), Reply::Done);
        assert_eq!(receive(&mut stream), Reply::Value(vec![b"1".into()]));
        assert_eq!(receive(&mut stream), Reply::Value(vec![]));
    }
    runner.end();
}

#[test]
fn a_bad_message_is_refused_alone() {
    let runner = Runner::start(&[]);
    let mut stream = runner.connect();
    let bad: [(&[u8], Fault); 6] = [
        (b"", Fault::Malformed),
        (&[99], Fault::UnknownVerb),
        (&[200], Fault::UnknownAdvice),
        (&[2, 9, 0, 0, 0], Fault::Malformed),
        (&[2, 1, 0, 0, 0, b'a'], Fault::BadField),
        (&vec![2; (1 << 20) + 1], Fault::TooLong),
    ];
    for (body, fault) in bad {
        stream.write_all(&wrap(body).unwrap()).unwrap();
        assert_eq!(refusal(receive(&mut stream)), fault.name());
        send(&mut stream, &ignore("/still"));
        assert_eq!(receive(&mut stream), Reply::Done);
    }
    let ended = runner.end();
    assert_eq!(messages(&ended.requests), [ignore("/still")]);
    for (_, fault) in bad {
        assert!(ended.hints.tally().count(fault) > 0, "{fault:?}");
    }
}

#[test]
fn what_was_written_before_the_end_counts_though_nobody_waited() {
    let runner = Runner::start(&[]);
    let channel = runner.channel.clone();
    let said: Vec<Message> = (0..500).map(|n| ignore(&format!("/{n}"))).collect();
    for message in &said {
        send(&mut connect(&channel), message);
    }
    let ended = runner.end();
    assert_eq!(ended.requests.len(), said.len());
    assert!(!ended.hints.tally().lost());
}

#[test]
fn half_a_frame_is_counted_and_nothing_is_cached() {
    let runner = Runner::start(&[]);
    let mut stream = runner.connect();
    send(&mut stream, &ignore("/whole"));
    stream.write_all(&wrap(&ignore("/half").encode()).unwrap()[..9]).unwrap();
    drop(stream);
    let ended = runner.end();
    assert_eq!(messages(&ended.requests), [ignore("/whole")]);
    assert_eq!(ended.hints.tally().count(Fault::HalfWritten), 1);
    assert!(ended.hints.tally().lost());
}

#[test]
fn a_process_that_stays_connected_does_not_hold_up_the_end() {
    let runner = Runner::start(&[]);
    let mut stream = runner.connect();
    send(&mut stream, &ignore("/a"));
    assert_eq!(receive(&mut stream), Reply::Done);
    let ended = runner.end();
    assert_eq!(ended.hints.left_open(), 1);
    assert!(!ended.hints.tally().lost());
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
}

#[test]
fn a_client_that_never_reads_is_closed_and_told_as_lost() {
    let runner = Runner::start(&[]);
    let mut stream = runner.connect();
    let frame = wrap(&ignore("/a").encode()).unwrap().repeat(1000);
    let error = (0..2000).find_map(|_| stream.write_all(&frame).err()).unwrap();
    assert!(matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset), "{error}");
    let ended = runner.end();
    assert_eq!(ended.hints.tally().count(Fault::NeverReads), 1);
    assert!(ended.hints.tally().lost());
}

#[test]
fn more_hints_than_one_step_may_leave_are_refused_and_told_as_lost() {
    let runner = Runner::start(&[]);
    let mut stream = runner.connect();
    let most = ipc::server::MAX_DISTINCT;
    let mut refused = 0;
    for n in 0..most + 3 {
        send(&mut stream, &ignore(&format!("/{n}")));
        refused += usize::from(receive(&mut stream) != Reply::Done);
    }
    let ended = runner.end();
    assert_eq!((refused, ended.requests.len()), (3, most));
    assert_eq!(ended.hints.tally().count(Fault::Flood), 3);
}

#[test]
fn more_clients_than_places_take_turns() {
    let runner = Runner::start(&[]);
    let mut idle: Vec<_> = (0..400)
        .map(|n| {
            let mut stream = runner.connect();
            send(&mut stream, &ignore(&format!("/{n}")));
            assert_eq!(receive(&mut stream), Reply::Done);
            stream
        })
        .collect();
    assert_eq!(idle[0].read(&mut [0]).unwrap(), 0, "the longest idle made room");
    send(&mut idle[399], &ignore("/last"));
    assert_eq!(receive(&mut idle[399]), Reply::Done);
    let ended = runner.end();
    assert_eq!(ended.requests.len(), 401);
    assert!(!ended.hints.tally().lost());
}

#[test]
fn a_client_that_only_closes_its_sending_side_gets_its_answer() {
    let runner = Runner::start(&[("A", "1")]);
    let mut stream = runner.connect();
    send(&mut stream, &Message::GetEnv(b"A".into(), true));
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(receive(&mut stream), Reply::Value(vec![b"1".into()]));
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    runner.end();
}

#[test]
fn garbage_in_another_protocol_hurts_nobody_else() {
    let runner = Runner::start(&[]);
    let mut http = runner.connect();
    http.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let mut stream = runner.connect();
    send(&mut stream, &ignore("/a"));
    assert_eq!(receive(&mut stream), Reply::Done);
    drop(http);
    let ended = runner.end();
    assert_eq!(ended.requests.len(), 1);
    assert!(ended.hints.tally().lost());
}

#[test]
fn socket_and_file_are_private_and_go_with_the_run() {
    use std::os::unix::fs::PermissionsExt;
    let runner = Runner::start(&[]);
    let mode = |path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&runner.dir), 0o700);
    assert_eq!(mode(&runner.file), 0o600);
    let dir = runner.dir.clone();
    runner.end();
    assert!(!dir.exists());
}
