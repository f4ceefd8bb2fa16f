//! The calls seen against those that `strace -f` sees, as a multiset of (call, path as named).
//!
//! Both watch the same run: strace runs inside the traced step. So no two runs of a tool have to be
//! alike, and no name that a tool makes up at random has to be excused.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use super::{can_trace, finish, given, has, is_fast, step, supervisor};

/// strace cuts longer strings off.
const LONGEST: usize = 4000;

/// A call by a thread: its name, and the path it named.
type Call = (String, String, String);
/// How often a call named a path; who made it does not matter.
type Calls = BTreeMap<(String, String), i64>;

/// Runs a command in a directory made ready for it. Both must see the same.
pub(crate) fn compare(argv: &[&str], prepare: impl Fn(&Path)) {
    if !can_trace() || !has("strace") || !has(argv[0]) {
        return;
    }
    if supervisor().fidelity().0 != fspy::Fidelity::Notify {
        eprintln!("skipped: a process has one tracer");
        return;
    }
    let dir = given(&[]);
    let work = dir.path().join("work");
    fs::create_dir(&work).expect("a directory");
    prepare(&work);
    let (ours, theirs) = watched(argv, &work);
    assert!(!theirs.made.is_empty(), "strace saw nothing");
    // strace's own calls are ours to see and not its own.
    let inside: HashSet<_> = theirs.made.iter().map(|(tid, ..)| tid).collect();
    let ours: Vec<_> = ours.into_iter().filter(|(tid, ..)| inside.contains(tid)).collect();
    let mut difference = Calls::new();
    count(&mut difference, &ours, 1);
    count(&mut difference, &theirs.made, -1);
    let mut cut_short = Calls::new();
    count(&mut cut_short, &theirs.cut_short, 1);
    difference.retain(|call, more| {
        let undecided = cut_short.get(call).copied().unwrap_or(0);
        !(0..=undecided).contains(more) && knows(&call.0)
    });
    assert_eq!(difference, Calls::new(), "{argv:?}: more (positive) or less seen than by strace");
}

fn count(calls: &mut Calls, all: &[Call], by: i64) {
    for (_, call, path) in all {
        *calls.entry((call.clone(), path.clone())).or_default() += by;
    }
}

/// What this tracer and strace saw of one run.
fn watched(argv: &[&str], dir: &Path) -> (Vec<Call>, Theirs) {
    let [our_log, log] = ["calls", "strace"].map(|name| dir.with_extension(name));
    let told = log.to_str().expect("text");
    let strace = ["strace", "-f", "-qq", "-xx", "-s", "4096", "-e", "signal=none"];
    let calls = ["-e", "trace=%file,bind,connect,socketcall", "-o", told];
    let argv = [&strace[..], &calls, argv].concat();
    let mut supervisor = supervisor();
    let file = fs::File::create(&our_log).expect("a log");
    supervisor.spawn_logged(&step(&argv, dir), file.into()).expect("the step spawns");
    let ran = finish(&mut supervisor, 1);
    ran.assert_complete();
    let ours = fs::read(our_log).expect("our log");
    let ours = ours.split(|&byte| byte == 0).filter(|line| !line.is_empty()).map(our_call);
    // strace shows a directory's descriptor, not its name.
    let ours = ours.filter(|(_, call, _)| !call.starts_with("getdents")).collect();
    let theirs = fs::read_to_string(&log).expect("strace's log");
    (ours, Theirs::read(&theirs))
}

/// What strace's log tells.
#[derive(Debug, Default)]
struct Theirs {
    made: Vec<Call>,
    /// Never returned from, as the process was killed meanwhile: they may have been made or not.
    cut_short: Vec<Call>,
}

impl Theirs {
    fn read(log: &str) -> Self {
        let mut theirs = Self::default();
        let mut begun: HashMap<&str, Vec<Call>> = HashMap::new();
        let mut again = HashSet::new();
        for line in log.lines() {
            let Some((tid, rest)) = line.split_once(' ') else { continue };
            let rest = rest.trim_start();
            if !rest.starts_with("<... ") {
                let calls = if again.remove(tid) { Vec::new() } else { their_calls(tid, rest) };
                if is_fast() && looks_again(rest) {
                    again.insert(tid);
                }
                let before = begun.insert(tid, calls);
                theirs.cut_short.extend(before.unwrap_or_default());
            }
            // One that a signal interrupts before it does anything is made again, and counts once.
            if rest.contains("= ? ERESTART") {
                begun.remove(tid);
            } else if returned(rest) {
                theirs.made.extend(begun.remove(tid).unwrap_or_default());
            }
        }
        theirs.cut_short.extend(begun.into_values().flatten());
        theirs
    }
}

/// Whether a line ends with what a call returned: not `<unfinished ...>`, `<detached ...>` or `= ?`.
fn returned(line: &str) -> bool {
    line.rsplit_once(" = ").is_some_and(|(_, result)| !result.starts_with('?'))
}

fn our_call(line: &[u8]) -> Call {
    let mut parts = line.splitn(3, |&byte| byte == b'\t');
    let mut part = || parts.next().expect("three parts").iter().map(|&byte| char::from(byte));
    (part().collect(), part().collect(), part().take(LONGEST).collect())
}

/// The call that a line begins, and the paths in it: `openat(AT_FDCWD, "\x70…", …`.
fn their_calls(tid: &str, line: &str) -> Vec<Call> {
    let call = line.split_once('(').filter(|_| !(is_fast() && is_the_librarys(line)));
    let Some((call, _)) = call else { return Vec::new() };
    let quoted = line.split('"').skip(1).step_by(2);
    let (skipped, taken) = match call {
        // The text of a link is no path that is looked at, nor are a mount's type and options.
        "symlink" | "symlinkat" => (1, 1),
        "rename" | "renameat" | "renameat2" | "link" | "linkat" => (0, 2),
        // Names of Unix sockets are paths, addresses and abstract names are none.
        "bind" | "connect" => (0, usize::from(line.contains("sun_path=\""))),
        "getcwd" | "mount" => (0, 0),
        _ => (0, 1),
    };
    // A descriptor alone is no name.
    let paths = quoted.skip(skipped).take(taken).map(unescaped);
    paths.map(|path| (tid.to_owned(), call.to_owned(), path)).collect()
}

/// Whether a call is the preload library's own, or the loader's for its sake. The program's calls it
/// makes once, as the program would have.
fn is_the_librarys(call: &str) -> bool {
    let path = call.split('"').nth(1).map(unescaped).unwrap_or_default();
    let dirs =
        [fspy_ring::HANDSHAKE_DIR, fspy_ring::REPORT_DIR].map(|dir| format!("openat({dir},"));
    // What the helper answers the loader, where there is no such list.
    let of_loader = path == "/taskrunner-preload.so"
        || (path == "/etc/ld.so.preload" && !Path::new(&path).exists());
    dirs.iter().any(|dir| call.starts_with(dir))
        || (call.starts_with("openat(") && of_loader)
        || (call.starts_with("readlink(") && path.starts_with("/proc//self/fd/"))
        || (call.starts_with("statx(") && call.contains("STATX_MNT_ID|"))
}

/// Whether the library looks what is there, to make the call before this once more.
fn looks_again(call: &str) -> bool {
    call.starts_with("statx(")
        && call.contains("STATX_MNT_ID|")
        && call.split('"').nth(1).is_some_and(|path| !path.is_empty())
}

/// `\x70\x71` as text, byte by byte.
fn unescaped(text: &str) -> String {
    let bytes = text.split("\\x").skip(1).filter_map(|hex| u8::from_str_radix(hex, 16).ok());
    bytes.map(char::from).take(LONGEST).collect()
}

/// Whether this strace has a name for a call: old ones don't know the youngest.
fn knows(call: &str) -> bool {
    let asked =
        Command::new("strace").args(["-qq", "-e", &format!("trace={call}"), "true"]).output();
    asked.is_ok_and(|asked| asked.status.success())
}
