//! Which processes belong to a step.
//!
//! The helper is subreaper, so every process of every step descends from it. Each step leads a
//! session, and leaving a session (`setsid`) is notified: so the sessions known here cover a traced
//! step's processes however often they fork and however orphaned they are. Processes of a step that
//! is not traced are known by a variable besides, which they inherit unless they clear it.

#![expect(unsafe_code, reason = "kill(2) by number, on processes that only this program reaps")]

use std::collections::{HashMap, HashSet};
use std::fs;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::look;

/// How often the processes of a step are looked for again while some are killed: each round catches
/// what those of the round before forked meanwhile.
const KILL_ROUNDS: usize = 32;
/// How long a process that is just being forked has to show itself.
const KILL_PAUSE: Duration = Duration::from_millis(5);

/// A process, as `/proc/<pid>/stat` shows it.
#[derive(Clone, Copy, Debug)]
struct Process {
    pid: i32,
    parent: i32,
    session: i32,
    dead: bool,
}

/// The variable that processes of an untraced step are known by.
const MARK: &str = "TASKRUNNER_STEP";

/// `NAME=value` for the environment of an untraced step: no two steps of living helpers share one.
pub(crate) fn mark(id: u64) -> Vec<u8> {
    format!("{MARK}={}-{id}", std::process::id()).into_bytes()
}

/// No process has this number.
const NOBODY: i32 = 0;

/// What the processes of one step are known by.
#[derive(Debug, Default)]
pub(crate) struct Family(Mutex<Marks>);

#[derive(Debug, Default)]
struct Marks {
    main: i32,
    sessions: HashSet<i32>,
    mark: Option<Vec<u8>>,
}

impl Family {
    /// The step's environment holds this [`mark`].
    pub(crate) fn is_marked(&self, mark: Vec<u8>) {
        self.marks().mark = Some(mark);
    }

    /// The main process was started: it leads the step's first session.
    pub(crate) fn begins(&self, main: i32) {
        let mut marks = self.marks();
        marks.main = main;
        marks.sessions.insert(main);
    }

    /// The main process was reaped: its number may become another's. What it left behind is found
    /// by session.
    pub(crate) fn loses_main(&self) {
        self.marks().main = NOBODY;
    }

    /// A process of the step is about to lead a session of its own.
    pub(crate) fn adds_session(&self, leader: i32) {
        self.marks().sessions.insert(leader);
    }

    /// Processes of the step that still run, the main process first.
    pub(crate) fn members(&self) -> Vec<i32> {
        let all = processes();
        let own = own_pid();
        let marks = self.marks();
        let belongs = |process: &&Process| {
            let ancestors = ancestors(process, &all);
            let of_ours = ancestors.contains(&own);
            of_ours
                && (marks.sessions.contains(&process.session)
                    || process.pid == marks.main
                    || ancestors.contains(&marks.main)
                    || marks.mark.as_ref().is_some_and(|mark| carries(process.pid, mark)))
        };
        let members = all.values().filter(|process| !process.dead).filter(belongs);
        let mut members: Vec<_> = members.map(|process| process.pid).collect();
        members.sort_unstable_by_key(|&pid| (pid != marks.main, pid));
        members
    }

    /// Whether a process of the step holds one of these sockets.
    pub(crate) fn owns_socket(&self, inodes: &[u64]) -> bool {
        let texts: Vec<_> = inodes.iter().map(|inode| format!("socket:[{inode}]")).collect();
        let wanted = |link: &Vec<u8>| texts.iter().any(|text| text.as_bytes() == link.as_slice());
        self.members().into_iter().any(|pid| descriptors(pid).any(|(_, link)| wanted(&link)))
    }

    fn marks(&self) -> MutexGuard<'_, Marks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Every process of the step gets the signal once, the main process first, so that it does not see
/// the others go. Those signalled may have been forking, so it is looked again, until nothing new
/// is found twice: a shell that is interrupted while it starts a program waits for that program.
pub(crate) fn kill_family(family: &Family, signal: i32) {
    let mut signalled = Vec::new();
    let mut quiet = false;
    for _ in 0..KILL_ROUNDS {
        let mut members = family.members();
        members.retain(|pid| !signalled.contains(pid));
        match (members.is_empty(), quiet) {
            (true, true) => return,
            (true, false) => std::thread::sleep(KILL_PAUSE),
            (false, _) => members.iter().for_each(|&pid| send(pid, signal)),
        }
        quiet = members.is_empty();
        signalled.extend(members);
    }
}

/// Sends one process a signal.
pub(crate) fn send(pid: i32, signal: i32) {
    if pid > 0 {
        // SAFETY: a system call on numbers.
        unsafe { libc::kill(pid, signal) };
    }
}

/// Open descriptors of a process: numbers and what their links say.
pub(crate) fn descriptors(pid: i32) -> impl Iterator<Item = (String, Vec<u8>)> {
    let dir = format!("/proc/{pid}/fd");
    let entries = fs::read_dir(&dir).into_iter().flatten().flatten();
    entries.filter_map(move |entry| {
        let number = entry.file_name().into_string().ok()?;
        let link = look::link(format!("{dir}/{number}").as_bytes()).ok()?;
        Some((number, link))
    })
}

fn carries(pid: i32, mark: &[u8]) -> bool {
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environment.split(|&byte| byte == 0).any(|variable| variable == mark)
}

fn own_pid() -> i32 {
    i32::try_from(std::process::id()).unwrap_or(0)
}

fn ancestors(process: &Process, all: &HashMap<i32, Process>) -> HashSet<i32> {
    let mut ancestors = HashSet::new();
    let mut parent = process.parent;
    // A set that stops growing also ends a circle, which a changing table might show.
    while parent > 0 && ancestors.insert(parent) {
        parent = all.get(&parent).map_or(0, |process| process.parent);
    }
    ancestors
}

fn processes() -> HashMap<i32, Process> {
    let pids = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter_map(|pid| Some((pid, process(pid)?))).collect()
}

fn process(pid: i32) -> Option<Process> {
    let line = fs::read(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may hold anything; the last one closes it.
    let after_name = line.iter().rposition(|&byte| byte == b')')? + 1;
    let columns = String::from_utf8_lossy(line.get(after_name..)?).into_owned();
    let mut columns = columns.split_whitespace();
    let state = columns.next()?;
    let mut number = || columns.next()?.parse().ok();
    let (parent, _group, session) = (number()?, number()?, number()?);
    Some(Process { pid, parent, session, dead: matches!(state, "Z" | "X" | "x") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::CommandExt;
    use std::process::{Command, Stdio};

    #[test]
    fn children_of_the_main_process_belong_to_it_and_others_do_not() {
        let sleep = || Command::new("sleep").arg("60").process_group(0).spawn().unwrap();
        let mut shell = Command::new("sh");
        shell.args(["-c", "sleep 60 & echo; wait"]).stdout(Stdio::piped());
        let mut main = shell.spawn().unwrap();
        std::io::Read::read_exact(main.stdout.as_mut().unwrap(), &mut [0]).unwrap();
        let mut other = sleep();
        let family = Family::default();
        family.begins(i32::try_from(main.id()).unwrap());
        let members = family.members();
        assert_eq!(members.len(), 2);
        assert!(members.contains(&i32::try_from(main.id()).unwrap()));
        for pid in members {
            let _ = Command::new("kill").args(["-9", &pid.to_string()]).status();
        }
        other.kill().unwrap();
        other.wait().unwrap();
        main.wait().unwrap();
    }

    #[test]
    fn sockets_of_the_family_are_known() {
        let family = Family::default();
        assert!(!family.owns_socket(&[1]));
    }
}
