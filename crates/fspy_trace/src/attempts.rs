//! Joins the traces of several attempts at one command into the trace of one run.
//!
//! `tool || tool` is one run: what the second attempt sees of the first one's work is the command's
//! own work. So the later trace is folded onto the earlier one by the rules of [`crate::Fold`].

use std::collections::HashMap;

use stat::Kind;

use crate::trace::{Record, Seen, Trace};

impl Trace {
    /// The trace of this attempt and the one after it.
    #[must_use]
    pub fn followed_by(mut self, later: Self) -> Self {
        let index: HashMap<Vec<u8>, usize> =
            self.records.iter().enumerate().map(|(at, record)| (record.path.clone(), at)).collect();
        for record in later.records {
            match index.get(&record.path) {
                Some(&at) => add(&mut self.records[at], record),
                None => self.records.push(record),
            }
        }
        add_new(&mut self.execs, later.execs);
        self.renames.extend(later.renames);
        add_new(&mut self.peers, later.peers);
        add_new(&mut self.variables, later.variables);
        self.variables.sort_unstable();
        add_new(&mut self.incomplete, later.incomplete);
        self.calls += later.calls;
        self.recorded += later.recorded;
        self
    }
}

/// What is seen of a path after the command's own first change of it is its own work.
fn add(record: &mut Record, later: Record) {
    record.touched |= later.touched;
    if record.change.is_some() {
        return;
    }
    // A directory's identity moves with every change of its entries, the command's own too.
    let is_dir = later.before.kind() == Some(Kind::Dir);
    let moved = later.before != record.before && !record.touched && !is_dir;
    if later.change.is_some() {
        record.at_change = later.at_change.or_else(|| moved.then_some(later.before));
    }
    record.change = later.change;
    see(&mut record.seen, later.seen);
}

fn see(seen: &mut Seen, later: Seen) {
    seen.read |= later.read;
    seen.exec |= later.exec;
    seen.stat |= later.stat;
    seen.access |= later.access;
    seen.exists |= later.exists;
    seen.follow |= later.follow;
    if seen.list.is_none() {
        seen.list = later.list;
    }
}

fn add_new<T: PartialEq>(all: &mut Vec<T>, later: Vec<T>) {
    for one in later {
        if !all.contains(&one) {
            all.push(one);
        }
    }
}

#[cfg(test)]
mod tests {
    use stat::StatId;

    use super::*;
    use crate::{Change, Fidelity, Fold, Incomplete, Op, State};

    type Call<'a> = (&'a str, Op, State);

    fn file(size: u64) -> State {
        let (dev, ino, mode) = (1, 1, 0o100_644);
        State::Present(StatId { dev, ino, size, mtime_ns: 0, ctime_ns: 0, mode })
    }

    fn trace(calls: &[Call<'_>]) -> Trace {
        let mut fold = Fold::new();
        for (path, op, before) in calls {
            fold.add(path.as_bytes(), op.clone(), before);
        }
        Trace {
            fidelity: Fidelity::Notify,
            records: fold.into_records(),
            execs: vec![b"/bin/tool".to_vec()],
            renames: Vec::new(),
            peers: Vec::new(),
            variables: Vec::new(),
            incomplete: Vec::new(),
            started_ns: 7,
            calls: 1,
            recorded: 1,
        }
    }

    /// Wherever the command is cut into attempts, its trace is that of the whole.
    #[test]
    fn two_attempts_are_folded_as_one_run() {
        let (old, new) = (file(1), file(2));
        let calls: Vec<Call<'_>> = vec![
            ("in", Op::Stat, old.clone()),
            ("in", Op::Read, old.clone()),
            ("out", Op::Exists, State::Absent),
            ("out", Op::Change(Change::Create), State::Absent),
            ("out", Op::Read, new.clone()),
            ("both", Op::Read, old.clone()),
            ("both", Op::Change(Change::Meta), old.clone()),
            ("both", Op::Change(Change::Replace), new.clone()),
            ("foreign", Op::Read, old),
            ("foreign", Op::Change(Change::Append), new),
            ("list", Op::List(vec![(b"a".to_vec(), Kind::File)]), State::Absent),
            ("list", Op::List(vec![(b"b".to_vec(), Kind::File)]), State::Absent),
        ];
        let whole = trace(&calls);
        for cut in 0..=calls.len() {
            let joined = trace(&calls[..cut]).followed_by(trace(&calls[cut..]));
            assert_eq!(joined.records, whole.records, "cut at {cut}");
            assert_eq!((joined.started_ns, joined.calls, joined.recorded), (7, 2, 2));
            assert_eq!(joined.execs, whole.execs);
        }
    }

    #[test]
    fn what_made_one_attempt_incomplete_makes_the_run_incomplete() {
        let mut first = trace(&[]);
        first.incomplete.push(Incomplete::StillTalking);
        assert_eq!(first.followed_by(trace(&[])).incomplete, [Incomplete::StillTalking]);
    }

    #[test]
    fn variables_of_all_attempts_are_those_of_the_run() {
        let looked_up = |names: &[&str]| Trace {
            variables: names.iter().map(|name| name.as_bytes().to_vec()).collect(),
            ..trace(&[])
        };
        let joined = looked_up(&["B", "C"]).followed_by(looked_up(&["A", "B"]));
        assert_eq!(joined.variables, [b"A", b"B", b"C"]);
    }
}
