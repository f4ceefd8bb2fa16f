//! A trace in plain words: what a command did with each path, for people and for JSON.
//!
//! The words are a closed list, so that what is printed is decided in one place.

use std::collections::HashSet;

use fspy_trace::{Change, Fidelity, Incomplete, Listed, Peer, Record, Seen, State, Trace};
use stat::Kind;

/// One path of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touched {
    /// Absolute, without symbolic links but possibly the last component.
    pub path: Vec<u8>,
    /// What was there when the command first touched it: a kind, `absent` or `error`.
    pub before: &'static str,
    /// The `errno` if it could not be looked at.
    pub errno: Option<i32>,
    /// What is there now: as `before`.
    pub after: &'static str,
    /// What the command did, in the order of the list in `docs/trace.md`.
    pub did: Vec<&'static str>,
    /// Which bits `access` asked for: of `rwx`.
    pub access: &'static str,
    /// What a listing showed: names and kinds.
    pub names: Option<Vec<(Vec<u8>, &'static str)>>,
}

/// Every path of a trace, in first-touch order. Those that were changed are looked at again.
#[must_use]
pub fn touched(trace: &Trace) -> Vec<Touched> {
    let moved: HashSet<_> = trace.renames.iter().flat_map(|(from, to)| [from, to]).collect();
    trace.records.iter().map(|record| one(record, moved.contains(&record.path))).collect()
}

fn one(record: &Record, renamed: bool) -> Touched {
    let (before, errno) = state_word(&record.before);
    let after = if record.change.is_some() { word_now(&record.path) } else { before };
    Touched {
        path: record.path.clone(),
        before,
        errno,
        after,
        did: words(record, renamed),
        access: access_word(record.seen.access),
        names: record.seen.list.as_deref().map(named),
    }
}

fn words(record: &Record, renamed: bool) -> Vec<&'static str> {
    let Seen { read, exec, stat, access, exists, follow, ref list } = record.seen;
    let observed = [
        (read, "read"),
        (exec, "exec"),
        (stat, "stat"),
        (access != 0, "access"),
        (exists, "exists"),
        (follow, "link"),
        (list.is_some(), "list"),
    ];
    let mut words: Vec<_> = observed.iter().filter(|(is, _)| *is).map(|(_, word)| *word).collect();
    words.extend(record.change.map(change_word));
    words.extend(record.touched.then_some("attributes"));
    words.extend(renamed.then_some("rename"));
    words
}

fn change_word(change: Change) -> &'static str {
    match change {
        Change::Create => "create",
        Change::Replace | Change::Overwrite => "replace",
        Change::Write | Change::Modify => "write",
        Change::Append => "append",
        Change::Delete => "delete",
        // The fold keeps these apart from changes of content.
        Change::Meta | Change::Times | Change::LinkCount => "attributes",
    }
}

fn state_word(state: &State) -> (&'static str, Option<i32>) {
    match state {
        State::Absent => ("absent", None),
        State::Error(errno) => ("error", Some(*errno)),
        State::Present(id) | State::Link(id, _) => (kind_word(id.kind()), None),
    }
}

fn word_now(path: &[u8]) -> &'static str {
    stat::lstat(path).map_or_else(
        |error| match error.kind() {
            std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => "absent",
            _ => "error",
        },
        |id| kind_word(id.kind()),
    )
}

fn kind_word(kind: Kind) -> &'static str {
    match kind {
        Kind::File => "file",
        Kind::Dir => "dir",
        Kind::Link => "link",
        Kind::Special => "special",
    }
}

fn access_word(bits: u8) -> &'static str {
    ["", "x", "w", "wx", "r", "rx", "rw", "rwx"][usize::from(bits & 7)]
}

fn named(names: &[Listed]) -> Vec<(Vec<u8>, &'static str)> {
    names.iter().map(|(name, kind)| (name.clone(), kind_word(*kind))).collect()
}

/// The name of a rung of the ladder, as `docs/tracing.md` lists them.
#[must_use]
pub fn fidelity_word(fidelity: Fidelity) -> &'static str {
    match fidelity {
        Fidelity::Notify => "notify",
        Fidelity::PtraceFilter => "ptrace-filter",
        Fidelity::Ptrace => "ptrace",
        Fidelity::None => "none",
    }
}

/// Why a trace is incomplete: a word of a closed list, and the path it is about, if any.
#[must_use]
pub fn incomplete_word(reason: &Incomplete) -> (&'static str, Option<&[u8]>) {
    match reason {
        Incomplete::UnreadableMemory => ("unreadable-memory", None),
        Incomplete::ForeignNamespace => ("foreign-namespace", None),
        Incomplete::ForeignArchitecture => ("foreign-architecture", None),
        Incomplete::HelperLost => ("helper-lost", None),
        Incomplete::StillWriting(path) => ("still-writing", Some(path)),
        Incomplete::StillTalking => ("still-talking", None),
    }
}

/// Who was asked: the kind of peer, and its address as bytes; abstract names begin with `@`.
#[must_use]
pub fn peer_word(peer: &Peer) -> (&'static str, Vec<u8>) {
    match peer {
        Peer::Unix(name) => match name.strip_prefix(b"\0") {
            Some(rest) => ("unix", [b"@", rest].concat()),
            None => ("unix", name.clone()),
        },
        Peer::Loopback(port) => ("loopback", port.to_string().into_bytes()),
        Peer::Remote(address) => ("remote", address.clone().into_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fspy_trace::{Fold, Op};

    fn trace(events: &[(&[u8], Op, State)], renames: &[(&[u8], &[u8])]) -> Trace {
        let mut fold = Fold::new();
        for (path, op, before) in events {
            fold.add(path, op.clone(), before);
        }
        Trace {
            fidelity: Fidelity::Notify,
            records: fold.into_records(),
            execs: Vec::new(),
            renames: renames.iter().map(|(from, to)| (from.to_vec(), to.to_vec())).collect(),
            peers: Vec::new(),
            variables: Vec::new(),
            incomplete: Vec::new(),
            started_ns: 0,
            calls: 0,
            recorded: 0,
        }
    }

    #[test]
    fn every_observation_has_its_word_in_order() {
        let path = &b"/no/such/path"[..];
        let ops = [
            Op::List(vec![(b"n".to_vec(), Kind::Dir)]),
            Op::Follow,
            Op::Exists,
            Op::Access(5),
            Op::Stat,
            Op::Exec,
            Op::Read,
            Op::Change(Change::Meta),
            Op::Change(Change::Append),
        ];
        let events: Vec<_> = ops.into_iter().map(|op| (path, op, State::Error(13))).collect();
        let found = touched(&trace(&events, &[(path, b"/elsewhere")])).remove(0);
        let all = ["read", "exec", "stat", "access", "exists", "link", "list"];
        assert_eq!(found.did, [&all[..], &["append", "attributes", "rename"]].concat());
        assert_eq!((found.before, found.errno, found.after), ("error", Some(13), "absent"));
        assert_eq!((found.access, found.names), ("rx", Some(vec![(b"n".to_vec(), "dir")])));
    }

    #[test]
    fn abstract_names_are_shown_as_the_tools_show_them() {
        assert_eq!(peer_word(&Peer::Unix(b"\0x".to_vec())), ("unix", b"@x".to_vec()));
        assert_eq!(peer_word(&Peer::Loopback(80)), ("loopback", b"80".to_vec()));
    }
}
