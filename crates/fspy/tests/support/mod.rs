//! What the tests share: running a step to its end, and the fold as text.
#![allow(dead_code, unused_imports, reason = "no test program uses everything")]
#![allow(clippy::print_stderr, reason = "what is skipped is said")]

mod again;
mod files;
pub(crate) mod strace;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fspy::{Event, Exit, Incomplete, Record, Spawn, State, Stream, Supervisor, Trace, Untraced};

pub(crate) use again::{as_nobody, is_rerun, on_rung, on_the_fast_way, rerun_with};
pub(crate) use files::{MUSL, compiled, copied, executable, fill, given, scratch, text};

/// How long any step of a test may take before the test fails.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// How a step went.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    pub(crate) exit: Exit,
    pub(crate) wall: Duration,
    pub(crate) trace: Result<Trace, Untraced>,
}

impl Ran {
    pub(crate) fn trace(&self) -> &Trace {
        self.trace.as_ref().expect("a trace")
    }

    pub(crate) fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    pub(crate) fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// The record of a path, if there is one.
    pub(crate) fn record(&self, path: &Path) -> Option<&Record> {
        self.trace().records.iter().find(|record| record.path == stat::as_bytes(path))
    }

    pub(crate) fn assert_complete(&self) -> &Self {
        assert_eq!(self.trace().incomplete, Vec::<Incomplete>::new(), "{}", self.stderr());
        self
    }
}

/// A supervisor with the helper just built.
pub(crate) fn supervisor() -> Supervisor {
    let (helper, scratch) = (helper(), std::env::temp_dir());
    let supervisor = match std::env::var_os(PRELOAD) {
        Some(preload) => Supervisor::start_fast(&helper, Path::new(&preload), &scratch),
        None => Supervisor::start(&helper, &scratch),
    };
    supervisor.expect("a supervisor")
}

/// Whether steps are traced the fast way.
pub(crate) fn is_fast() -> bool {
    std::env::var_os(PRELOAD).is_some()
}

/// The helper just built, or a copy of it that another user can reach.
pub(crate) fn helper() -> PathBuf {
    std::env::var_os(HELPER).map_or_else(|| fspy::BUILT_HELPER.into(), PathBuf::from)
}

/// The environment in which a program of these tests finds the same helper.
pub(crate) fn helper_env() -> Option<(Vec<u8>, Vec<u8>)> {
    let value = std::env::var_os(HELPER)?;
    Some((HELPER.into(), value.into_encoded_bytes()))
}

/// Whether steps can be traced here; says so if not.
pub(crate) fn can_trace() -> bool {
    let (fidelity, reason) = supervisor().fidelity();
    if let Ok(rung) = std::env::var(RUNG) {
        assert_eq!(fspy::fidelity_word(fidelity), rung, "{reason:?}");
    }
    if fidelity == fspy::Fidelity::None {
        eprintln!("skipped: no tracing here: {}", reason.unwrap_or_default());
    }
    fidelity != fspy::Fidelity::None
}

/// A traced step with a plain environment.
pub(crate) fn step(argv: &[&str], cwd: &Path) -> Spawn {
    let path = std::env::var("PATH").unwrap_or_default();
    Spawn {
        id: 1,
        argv: argv.iter().map(|text| text.as_bytes().to_vec()).collect(),
        env: vec![(b"PATH".to_vec(), path.into_bytes()), (b"LC_ALL".to_vec(), b"C".to_vec())],
        cwd: stat::as_bytes(cwd).to_vec(),
        traced: true,
        interactive: false,
    }
}

/// Runs one step under a supervisor of its own.
pub(crate) fn run(spawn: &Spawn) -> Ran {
    let mut supervisor = supervisor();
    supervisor.spawn(spawn).expect("the step spawns");
    finish(&mut supervisor, spawn.id)
}

/// Waits for a step to end.
pub(crate) fn finish(supervisor: &mut Supervisor, step: u64) -> Ran {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let until = Instant::now() + DEADLINE;
    while Instant::now() < until {
        for event in supervisor.next_events(1, Some(DEADLINE)) {
            match event {
                Event::Output { stream: Stream::Stdout, data, .. } => stdout.extend(data),
                Event::Output { stream: Stream::Stderr, data, .. } => stderr.extend(data),
                Event::Exited { id, exit, wall, trace } if id == step => {
                    return Ran { stdout, stderr, exit, wall, trace };
                }
                Event::Started { .. } | Event::Exited { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }
    panic!("the step did not end in {DEADLINE:?}");
}

/// Waits for an event that is looked for.
pub(crate) fn wait_for<T>(
    supervisor: &mut Supervisor,
    mut wanted: impl FnMut(&Event) -> Option<T>,
) -> T {
    let until = Instant::now() + DEADLINE;
    while Instant::now() < until {
        for event in supervisor.next_events(1, Some(DEADLINE)) {
            if let Some(found) = wanted(&event) {
                return found;
            }
        }
    }
    panic!("nothing of the kind in {DEADLINE:?}");
}

/// Waits until something is so.
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let until = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < until, "not in {DEADLINE:?}: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Records at and below `dir` as text, sorted: path, what was there, what was seen, what was done.
pub(crate) fn folded(trace: &Trace, dir: &Path) -> Vec<String> {
    let dir = dir.canonicalize().expect("the directory");
    let within = |record: &&Record| stat::is_within(&record.path, stat::as_bytes(&dir));
    let mut lines: Vec<_> =
        trace.records.iter().filter(within).map(|record| line(record, &dir)).collect();
    lines.sort();
    lines
}

fn line(record: &Record, dir: &Path) -> String {
    let path = &record.path[stat::as_bytes(dir).len()..];
    let path = String::from_utf8_lossy(path.strip_prefix(b"/").unwrap_or(b".")).into_owned();
    let before = match &record.before {
        State::Absent => "absent".to_owned(),
        State::Error(errno) => format!("error{errno}"),
        state => format!("{:?}", state.kind().expect("a kind")).to_lowercase(),
    };
    let seen = &record.seen;
    let mut words = vec![path, before];
    let flags = [
        ("read", seen.read),
        ("exec", seen.exec),
        ("stat", seen.stat),
        ("exists", seen.exists),
        ("follow", seen.follow),
    ];
    words.extend(flags.iter().filter(|(_, set)| *set).map(|(word, _)| (*word).to_owned()));
    words.extend((seen.access != 0).then(|| format!("access{}", seen.access)));
    words.extend(seen.list.as_ref().map(|list| {
        let names = list.iter().map(|(name, _)| String::from_utf8_lossy(name));
        format!("list[{}]", names.collect::<Vec<_>>().join(","))
    }));
    words.extend(record.change.map(|change| format!("{change:?}").to_lowercase()));
    words.extend(record.touched.then(|| "touched".to_owned()));
    words.extend(record.at_change.as_ref().map(|_| "changed-before".to_owned()));
    words.join(" ")
}

/// Where compiled programs are kept.
const PROGRAMS: &str = "FSPY_TEST_PROGRAMS";
/// The preload library; if set, steps are traced the fast way.
const PRELOAD: &str = "FSPY_TEST_PRELOAD";
/// The helper to use instead of the one just built.
const HELPER: &str = "FSPY_TEST_HELPER";
/// The rung of the ladder that must be found.
const RUNG: &str = "FSPY_TEST_RUNG";

/// Whether a tool is there; says so if not.
pub(crate) fn has(tool: &str) -> bool {
    let found = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .any(|dir| dir.join(tool).is_file());
    if !found {
        eprintln!("skipped: {tool} is missing");
    }
    found
}

/// A tool from the npm registry, in a directory that `make test-tools` fills and names; says so if it
/// is not there.
pub(crate) fn fetched(tool: &str) -> Option<PathBuf> {
    let tools = std::env::var_os("FSPY_TEST_NODE_TOOLS");
    if tools.is_none() {
        eprintln!("skipped: {tool} is fetched by `make test-tools` only");
    }
    Some(Path::new(&tools?).join("node_modules/.bin").join(tool))
}

/// Whether the tests run as root; says so if not.
pub(crate) fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!("skipped: only root may do that");
    }
    root
}
