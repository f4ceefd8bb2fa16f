//! What holds of the fold whatever the events are.

use std::collections::HashSet;

use fspy_trace::{Change, Fold, Op, Record, Seen, State};
use proptest::prelude::*;
use stat::{Kind, StatId};

type Event = (Vec<u8>, Op, State);

fn op() -> impl Strategy<Value = Op> {
    let names =
        prop::collection::vec((prop::sample::select(vec![b"x".to_vec()]), Just(Kind::File)), 0..2);
    prop_oneof![
        Just(Op::Read),
        Just(Op::Exec),
        Just(Op::Stat),
        (0_u8..8).prop_map(Op::Access),
        Just(Op::Exists),
        names.prop_map(Op::List),
        Just(Op::Follow),
        change().prop_map(Op::Change),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    prop::sample::select(vec![
        Change::Create,
        Change::Replace,
        Change::Overwrite,
        Change::Write,
        Change::Modify,
        Change::Append,
        Change::Delete,
        Change::Meta,
        Change::Times,
        Change::LinkCount,
    ])
}

fn state() -> impl Strategy<Value = State> {
    let id = |size| StatId { dev: 1, ino: 2, size, mtime_ns: 3, ctime_ns: 4, mode: 0o100_644 };
    prop_oneof![
        Just(State::Absent),
        (0_u64..3).prop_map(move |size| State::Present(id(size))),
        Just(State::Error(13)),
    ]
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let path = prop::sample::select(vec![b"/a".to_vec(), b"/a/b".to_vec(), b"/c".to_vec()]);
    prop::collection::vec((path, op(), state()), 0..24)
}

fn fold(events: &[Event]) -> Vec<Record> {
    let mut fold = Fold::new();
    for (path, op, before) in events {
        fold.add(path, op.clone(), before);
    }
    fold.into_records()
}

/// Whether an event decides what became of the old bytes.
fn decides(op: &Op) -> bool {
    matches!(op, Op::Change(change) if !marks(*change))
}

fn marks(change: Change) -> bool {
    matches!(change, Change::Meta | Change::Times | Change::LinkCount)
}

/// The events of the one path that a record is about.
fn of<'a>(events: &'a [Event], record: &Record) -> Vec<&'a Event> {
    events.iter().filter(|(path, ..)| *path == record.path).collect()
}

proptest! {
    #[test]
    fn every_path_has_one_record_in_first_touch_order(events in events()) {
        let mut known = HashSet::new();
        let first: Vec<_> = events.iter().map(|(path, ..)| path).filter(|path| known.insert(*path)).collect();
        let records = fold(&events);
        prop_assert_eq!(records.iter().map(|record| &record.path).collect::<Vec<_>>(), first);
    }

    #[test]
    fn paths_do_not_influence_each_other(events in events()) {
        for record in fold(&events) {
            let alone: Vec<_> = of(&events, &record).into_iter().cloned().collect();
            prop_assert_eq!(fold(&alone), vec![record]);
        }
    }

    #[test]
    fn the_first_event_says_what_was_there(events in events()) {
        for record in fold(&events) {
            prop_assert_eq!(&record.before, &of(&events, &record)[0].2);
        }
    }

    #[test]
    fn nothing_is_observed_of_what_the_command_made(events in events()) {
        for record in fold(&events) {
            let before: Vec<_> = of(&events, &record).into_iter().cloned()
                .take_while(|(_, op, _)| !decides(op)).collect();
            let seen = fold(&before).pop().map_or_else(Seen::default, |record| record.seen);
            prop_assert_eq!(seen, record.seen);
        }
    }

    #[test]
    fn the_first_deciding_change_stands(events in events()) {
        for record in fold(&events) {
            let events = of(&events, &record);
            let first = events.iter().position(|(_, op, _)| decides(op));
            let expected = first.map(|at| match (&events[at].1, events.get(at + 1).map(|next| &next.1)) {
                // Opened for writing, then cut to nothing: no old byte was wanted.
                (Op::Change(Change::Write), Some(Op::Change(Change::Replace))) => Change::Replace,
                (Op::Change(change), _) => *change,
                (op, _) => panic!("{op:?} decides nothing"),
            });
            prop_assert_eq!(record.change, expected);
        }
    }

    #[test]
    fn marks_are_kept_apart(events in events()) {
        for record in fold(&events) {
            let marked = of(&events, &record).iter()
                .any(|(_, op, _)| matches!(op, Op::Change(change) if marks(*change)));
            prop_assert_eq!(record.touched, marked);
            prop_assert!(record.at_change.is_none() || record.change.is_some());
        }
    }

    #[test]
    fn saying_an_observation_twice_adds_nothing(events in events()) {
        let twice: Vec<_> = events.iter().flat_map(|event| {
            let again = !matches!(event.1, Op::Change(_) | Op::List(_));
            std::iter::once(event).chain(again.then_some(event))
        }).cloned().collect();
        prop_assert_eq!(fold(&twice), fold(&events));
    }

    #[test]
    fn a_known_listing_would_add_nothing(events in events()) {
        for (path, ..) in &events {
            let mut known = Fold::new();
            for (path, op, before) in &events {
                known.add(path, op.clone(), before);
            }
            let listing = (path.clone(), Op::List(vec![(b"new".to_vec(), Kind::Dir)]), State::Absent);
            let with = [&events[..], &[listing]].concat();
            let seen = |records: Vec<Record>| {
                records.into_iter().find(|record| record.path == *path).map(|record| record.seen)
            };
            prop_assert_eq!(seen(fold(&with)) == seen(fold(&events)), known.knows_listing(path));
        }
    }
}

#[test]
fn a_trace_survives_the_wire() {
    let events = [(b"/a".to_vec(), Op::Read, State::Absent)];
    let bytes = fspy_trace::wire::encode(&fold(&events)).expect("bytes");
    assert_eq!(fspy_trace::wire::decode::<Vec<Record>>(&bytes).expect("records"), fold(&events));
}
