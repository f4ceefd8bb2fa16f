//! What the tests share: running a step to its end, the fold as text, programs compiled on the spot.
#![allow(dead_code, reason = "no test program uses everything")]
#![allow(clippy::print_stderr, reason = "what is skipped is said")]

pub(crate) mod strace;

use std::fs;
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use fspy::{Event, Exit, Incomplete, Record, Spawn, State, Stream, Supervisor, Trace, Untraced};
use tempfile::TempDir;

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

/// A directory with files, directories (`dir`), programs (`script`) and links (their target).
pub(crate) fn given(entries: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    fill(dir.path(), entries);
    dir
}

/// Puts such entries into a directory.
pub(crate) fn fill(dir: &Path, entries: &[(&str, &str)]) {
    for (name, what) in entries {
        let path = dir.join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("its parent");
        match *what {
            "file" => fs::write(path, "content\n").expect("a file"),
            "dir" => fs::create_dir(path).expect("a directory"),
            "script" => {
                fs::write(&path, "#!/bin/sh\n").expect("a script");
                let mode = fs::Permissions::from_mode(0o755);
                fs::set_permissions(path, mode).expect("permissions");
            }
            target => symlink(target, path).expect("a link"),
        }
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

/// Runs the tests of this program on a lower rung, but for those whose names contain one of `skip`:
/// what the rungs above need is refused.
pub(crate) fn on_rung(rung: &str, skip: &[&str]) {
    let refused = match rung {
        "notify" => "process_vm_readv",
        "ptrace-filter" => "listener,process_vm_readv",
        "ptrace" => "seccomp",
        _ => "seccomp,ptrace",
    };
    let Some(refusing) = compiled("refusing", include_str!("refusing.c"), &[]) else { return };
    if std::env::var_os(RUNG).is_some() {
        return; // One rung at a time.
    }
    let mut command = Command::new(refusing);
    command.arg(refused).arg(std::env::current_exe().expect("this program")).env(RUNG, rung);
    rerun(command, skip);
}

/// Runs this program's tests with another helper, some variables for it, and arguments.
pub(crate) fn rerun_with(helper: &Path, env: &[(&str, &str)], arguments: &[&str]) -> Output {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.env(HELPER, helper).env("RUST_BACKTRACE", "0").envs(env.iter().copied());
    command.arg("--test-threads=2").args(arguments).output().expect("the tests run")
}

/// Runs `command`, which runs this program's tests, but for those whose names contain one of `skip`:
/// they must pass.
fn rerun(mut command: Command, skip: &[&str]) {
    command.args(["--test-threads=2", "--skip", "on_rung"]);
    command.args(skip.iter().flat_map(|name| ["--skip", name]));
    let output = command.output().expect("the tests run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(!said.contains(" 0 passed"), "no test ran: {said}");
}

static COUNT: AtomicU32 = AtomicU32::new(0);

/// A directory for them.
pub(crate) fn scratch() -> PathBuf {
    std::env::var_os(PROGRAMS).unwrap_or_else(|| env!("CARGO_TARGET_TMPDIR").into()).into()
}

/// For `compiled`: with musl as the C library, and the kernel's headers, which it lacks.
pub(crate) const MUSL: &str = "-idirafter/usr/include";
const KERNEL_HEADERS: &str = "-idirafter/usr/include/x86_64-linux-gnu";

/// Compiles a C program; `None`, with the reason printed, if that can't be done here.
pub(crate) fn compiled(name: &str, text: &str, flags: &[&str]) -> Option<PathBuf> {
    let compiler = if flags.contains(&MUSL) { "musl-gcc" } else { "gcc" };
    if !has(compiler) {
        return None;
    }
    let target = scratch().join(format!("{name}{}", flags.concat().replace('/', "-")));
    // Tests run side by side, in this process and in others.
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let unfinished = target.with_extension(format!("{}-{number}.x", std::process::id()));
    let source = unfinished.with_extension("c");
    fs::write(&source, text).expect("the source");
    let mut gcc = Command::new(compiler);
    if compiler != "gcc" {
        gcc.arg(KERNEL_HEADERS);
    }
    gcc.args(["-O1", "-w", "-pthread", "-o"]).arg(&unfinished).arg(&source).args(flags);
    let output = gcc.output().expect("gcc");
    fs::remove_file(source).expect("the source goes");
    if output.status.success() {
        fs::rename(unfinished, &target).expect("the program gets its name");
        return Some(target);
    }
    // A flag may ask for what is not installed; without any, the program itself is wrong.
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!flags.is_empty(), "{said}");
    eprintln!("skipped: gcc {flags:?}: {said}");
    None
}

/// Runs the tests of this program as `nobody`, but for those whose names contain `skip`.
pub(crate) fn as_nobody(skip: &[&str]) {
    if !is_root() || !has("setpriv") || !can_trace() {
        return;
    }
    // What cargo built may lie where others cannot go.
    let dir = given(&[("scratch", "dir")]);
    let open = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("permissions");
    };
    let copy = |from: &Path| {
        let to = dir.path().join(from.file_name().expect("a name"));
        fs::copy(from, &to).expect("a copy");
        to
    };
    let (tests, helper) = (copy(&std::env::current_exe().expect("this program")), copy(&helper()));
    let preload = std::env::var_os(PRELOAD).map(|library| copy(Path::new(&library)));
    let scratch = dir.path().join("scratch");
    open(dir.path(), 0o755);
    open(&scratch, 0o777);
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(tests)
        .envs([(HELPER, helper.as_os_str()), (PROGRAMS, scratch.as_os_str())])
        .envs([("TMPDIR", &scratch), ("HOME", &scratch)])
        .envs(preload.map(|library| (PRELOAD, library)))
        .current_dir("/");
    rerun(command, skip);
}

/// Whether a tool is there; says so if not.
pub(crate) fn has(tool: &str) -> bool {
    let found = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .any(|dir| dir.join(tool).is_file());
    if !found {
        eprintln!("skipped: {tool} is missing");
    }
    found
}

/// Whether the tests run as root; says so if not.
pub(crate) fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!("skipped: only root may do that");
    }
    root
}

/// Reads a whole file as text; empty if it is not there.
pub(crate) fn text(path: &Path) -> String {
    let mut text = String::new();
    if let Ok(mut file) = fs::File::open(path) {
        file.read_to_string(&mut text).expect("text");
    }
    text
}
