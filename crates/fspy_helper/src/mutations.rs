//! A tracer that is blind to one thing: only in a build for the check that the tests would notice.

use std::env;

use fspy_trace::{Change, Op, State};

use crate::describe::{Event, Findings};

/// Names what is left out.
const DROP: &str = "TASKRUNNER_TEST_DROP";

/// The findings but for what the environment names.
pub(crate) fn without(mut findings: Findings) -> Findings {
    let Ok(dropped) = env::var(DROP) else { return findings };
    match dropped.as_str() {
        "execs" => findings.execs.clear(),
        "peers" => findings.peers.clear(),
        "renames" => findings.renames.clear(),
        "incomplete" => findings.incomplete.clear(),
        "named" => findings.named.clear(),
        "session" => findings.new_session = false,
        "world" => findings.world_changes = false,
        kind => findings.events.retain(|event| !is(event, kind)),
    }
    findings
}

fn is(event: &Event, kind: &str) -> bool {
    match kind {
        "absent" => event.before == State::Absent && event.op == Op::Exists,
        "error" => matches!(event.before, State::Error(_)),
        _ => name(&event.op) == kind,
    }
}

fn name(op: &Op) -> &'static str {
    match op {
        Op::Read => "read",
        Op::Exec => "exec",
        Op::Stat => "stat",
        Op::Access(_) => "access",
        Op::Exists => "exists",
        Op::List(_) => "list",
        Op::Follow => "follow",
        Op::Change(change) => match change {
            Change::Create => "create",
            Change::Replace => "replace",
            Change::Overwrite => "overwrite",
            Change::Write => "write",
            Change::Modify => "modify",
            Change::Append => "append",
            Change::Delete => "delete",
            Change::Meta => "meta",
            Change::Times => "times",
            Change::LinkCount => "link-count",
        },
    }
}
