//! A run loop in a thread, with an environment of its own, and raw connections to talk to it.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use ipc::env_glob::EnvGlob;
use ipc::frame::wrap;
use ipc::server::{Request, RunDir, Source, StepHints};
use ipc::{Message, Reply, names};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tempfile::TempDir;

/// Far longer than anything here takes: a test that waits so long has hung.
pub(crate) const HUNG: Duration = Duration::from_secs(60);

/// How often the run loop looks whether the step has ended.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 2_000_000 };

pub(crate) type Env = BTreeMap<Vec<u8>, Vec<u8>>;

/// A runner with one step, served by a thread.
pub(crate) struct Runner {
    pub(crate) channel: PathBuf,
    pub(crate) file: PathBuf,
    pub(crate) dir: PathBuf,
    ended: Arc<AtomicBool>,
    pub(crate) said: Arc<Mutex<Vec<Request>>>,
    thread: JoinHandle<StepHints>,
    _temp: TempDir,
}

/// What the step has left.
pub(crate) struct Ended {
    pub(crate) hints: StepHints,
    pub(crate) requests: Vec<Request>,
}

impl Runner {
    pub(crate) fn start(env: &[(&str, &str)]) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let dir = RunDir::create([temp.path()]).unwrap();
        let hints = StepHints::open(&dir, 7).unwrap();
        let env = env.iter().map(|(n, v)| (n.as_bytes().to_vec(), v.as_bytes().to_vec())).collect();
        let (ended, said) = (Arc::default(), Arc::default());
        let path = |name| {
            let (_, path) = hints.variables().into_iter().find(|(n, _)| *n == name).unwrap();
            PathBuf::from(path)
        };
        let (channel, file) = (path(names::CHANNEL), path(names::HINT_FILE));
        let (stop, log, at) = (Arc::clone(&ended), Arc::clone(&said), dir.path().to_path_buf());
        let thread = std::thread::spawn(move || serve(dir, hints, &env, &stop, &log));
        Self { channel, file, dir: at, ended, said, thread, _temp: temp }
    }

    pub(crate) fn connect(&self) -> UnixStream {
        connect(&self.channel)
    }

    /// Ends the step: closes the channel, then reads the file.
    pub(crate) fn end(self) -> Ended {
        self.ended.store(true, Ordering::Release);
        let hints = self.thread.join().unwrap();
        let requests = std::mem::take(&mut *self.said.lock().unwrap());
        Ended { hints, requests }
    }
}

pub(crate) fn connect(path: &Path) -> UnixStream {
    let stream = UnixStream::connect(path).unwrap();
    stream.set_read_timeout(Some(HUNG)).unwrap();
    stream.set_write_timeout(Some(HUNG)).unwrap();
    stream
}

fn serve(
    dir: RunDir,
    mut hints: StepHints,
    env: &Env,
    ended: &AtomicBool,
    said: &Mutex<Vec<Request>>,
) -> StepHints {
    while !ended.load(Ordering::Acquire) {
        {
            let fd = hints.fd().unwrap();
            let mut fds = [PollFd::new(&fd, PollFlags::IN)];
            if poll(&mut fds, Some(&LOOK)).unwrap() == 0 {
                continue;
            }
        }
        let requests = hints.poll_ready();
        for request in &requests {
            if let (Source::Connection(conn), true) =
                (request.source, request.message.is_question())
            {
                hints.reply(conn, &answer(env, &request.message));
            }
        }
        said.lock().unwrap().extend(requests);
    }
    let last = [hints.close_channel(), hints.read_file()].concat();
    said.lock().unwrap().extend(last);
    drop(dir);
    hints
}

fn answer(env: &Env, question: &Message) -> Reply {
    match question {
        Message::GetEnv(name, _) => Reply::Value(env.get(name).cloned().into_iter().collect()),
        Message::GetEnvsPrefix(prefix, _) => matching(env, |name| name.starts_with(prefix)),
        Message::GetEnvsGlob(glob, _) => match EnvGlob::new(glob) {
            Ok(glob) => matching(env, |name| glob.matches(name)),
            Err(why) => Reply::Refused(ipc::Refusal { code: "bad-glob".into(), text: why.into() }),
        },
        _ => Reply::Done,
    }
}

fn matching(env: &Env, wanted: impl Fn(&[u8]) -> bool) -> Reply {
    let pairs = env.iter().filter(|(name, _)| wanted(name));
    Reply::Value(pairs.flat_map(|(n, v)| [n.clone(), v.clone()]).collect())
}

pub(crate) fn send(stream: &mut UnixStream, message: &Message) {
    stream.write_all(&wrap(&message.encode()).unwrap()).unwrap();
}

pub(crate) fn receive(stream: &mut UnixStream) -> Reply {
    let mut header = [0; 4];
    stream.read_exact(&mut header).unwrap();
    let mut body = vec![0; u32::from_le_bytes(header) as usize];
    stream.read_exact(&mut body).unwrap();
    Reply::decode(&body).unwrap()
}

pub(crate) fn messages(requests: &[Request]) -> Vec<Message> {
    requests.iter().map(|request| request.message.clone()).collect()
}

pub(crate) fn ignore(path: &str) -> Message {
    Message::IgnoreInput(path.as_bytes().to_vec())
}
