//! A runner reduced to its hints: runs one command with a channel and a hint file, prints what the
//! command says as lines of JSON, and takes answers as lines of JSON. For tests and benchmarks.
//!
//! ```text
//! peer [--no-channel] [--no-file] [--snapshot] [--pass NAME]… DIR -- COMMAND [ARG]…
//!
//! out  {"source":"channel"|"file"|"snapshot","conn":N,"verb":"get_env","fields":["hex",…]}
//! in   {"conn":N,"value":["hex",…]}   or   {"conn":N,"refused":["code","text"]}
//! end  {"code":N,"faults":{"kind":N},"lost":bool,"left_open":N}
//! ```
//! Its own environment is the runner's; the command gets the names passed and the protocol's.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use ipc::server::{Request, RunDir, Source, StepHints};
use ipc::{Refusal, Reply, names};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use serde_json::{Value, json};

#[derive(Default)]
struct Options {
    no_channel: bool,
    no_file: bool,
    snapshot: bool,
    pass: Vec<String>,
    dir: String,
    command: Vec<String>,
}

fn main() -> io::Result<()> {
    let options = options();
    let dir = RunDir::create([Path::new(&options.dir)])?;
    let mut hints = StepHints::open(&dir, 1)?;
    let child = spawn(&options, &dir, &hints)?;
    let code = serve(child, &mut hints)?;
    show(hints.close_channel())?;
    show(hints.read_file())?;
    let faults: serde_json::Map<_, _> =
        hints.tally().iter().map(|(fault, n)| (fault.name().to_owned(), json!(n))).collect();
    let (lost, open) = (hints.tally().lost(), hints.left_open());
    say(&json!({
        "code": code,
        "faults": faults,
        "lost": lost,
        "left_open": open,
    }))
}

fn options() -> Options {
    let mut options = Options::default();
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--no-channel" => options.no_channel = true,
            "--no-file" => options.no_file = true,
            "--snapshot" => options.snapshot = true,
            "--pass" => options.pass.extend(args.next()),
            "--" => options.command = args.by_ref().collect(),
            _ => options.dir = arg,
        }
    }
    options
}

fn spawn(options: &Options, dir: &RunDir, hints: &StepHints) -> io::Result<Child> {
    let (program, args) = options.command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let mut command = Command::new(program);
    command.args(args).env_clear().stdin(Stdio::null());
    command.stdout(io::stderr().as_fd().try_clone_to_owned()?);
    let passed = std::env::vars_os().filter(|(n, _)| options.pass.iter().any(|p| n == p.as_str()));
    command.envs(passed).envs(hints.variables());
    if options.no_channel {
        command.env_remove(names::CHANNEL);
    }
    if options.no_file {
        command.env_remove(names::HINT_FILE);
    }
    if options.snapshot {
        let env: Vec<_> = std::env::vars_os().collect();
        let bytes = env.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes()));
        command.env(names::SNAPSHOT, dir.write_snapshot("env", bytes)?);
    }
    command.spawn()
}

fn serve(mut child: Child, hints: &mut StepHints) -> io::Result<Option<i32>> {
    let pid =
        i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::NotFound)?;
    let exit = pidfd_open(pid, PidfdFlags::empty())?;
    let mut answers = Vec::new();
    loop {
        let stdin = io::stdin();
        let channel = hints.fd().ok_or(io::ErrorKind::NotConnected)?;
        let mut fds = [
            PollFd::new(&channel, PollFlags::IN),
            PollFd::new(&stdin, PollFlags::IN),
            PollFd::new(&exit, PollFlags::IN),
        ];
        rustix::io::retry_on_intr(|| poll(&mut fds, None))?;
        let [said, answered, exited] = [0, 1, 2].map(|i| !fds[i].revents().is_empty());
        if said {
            show(hints.poll_ready())?;
        }
        if answered {
            take_answers(&mut answers, hints)?;
        }
        if exited {
            return Ok(child.wait()?.code());
        }
    }
}

fn take_answers(held: &mut Vec<u8>, hints: &mut StepHints) -> io::Result<()> {
    let mut chunk = vec![0; 1 << 16];
    let count = rustix::io::read(io::stdin(), &mut chunk)?;
    held.extend_from_slice(&chunk[..count]);
    while let Some(end) = held.iter().position(|&b| b == b'\n') {
        let line: Vec<u8> = held.drain(..=end).collect();
        let answer: Value = serde_json::from_slice(&line)?;
        hints.reply(answer["conn"].as_u64().unwrap_or(u64::MAX), &reply(&answer));
    }
    Ok(())
}

fn reply(answer: &Value) -> Reply {
    let text = |v: &Value| v.as_str().unwrap_or_default().as_bytes().to_vec();
    if let Some(why) = answer.get("refused") {
        return Reply::Refused(Refusal { code: text(&why[0]), text: text(&why[1]) });
    }
    let fields = answer["value"].as_array().cloned().unwrap_or_default();
    Reply::Value(fields.iter().map(|f| unhex(f.as_str().unwrap_or_default())).collect())
}

fn show(requests: Vec<Request>) -> io::Result<()> {
    for request in requests {
        let fields: Vec<_> = request.message.fields().into_iter().map(hex).collect();
        let (source, conn) = match request.source {
            Source::Connection(conn) => ("channel", Some(conn)),
            Source::File => ("file", None),
            Source::Snapshot => ("snapshot", None),
        };
        let verb = request.message.verb().name();
        say(&json!({"source": source, "conn": conn, "verb": verb, "fields": fields}))?;
    }
    Ok(())
}

fn say(value: &Value) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{value}")
}

fn hex(bytes: &[u8]) -> String {
    let digit = |n: u8| char::from(b"0123456789abcdef"[usize::from(n)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let pair = |at: usize| text.get(at..at + 2).and_then(|p| u8::from_str_radix(p, 16).ok());
    (0..text.len()).step_by(2).filter_map(pair).collect()
}
