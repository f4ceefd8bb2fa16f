//! Whether the trace names all that can have decided the result: processes that go on, and others that
//! were asked.

use fspy_trace::{Incomplete, Peer, Trace};

use crate::judge::Judgement;
use crate::reason::{NotCached, NotCachedKind};

/// Refuses what the trace cannot vouch for.
pub(crate) fn refuse_incomplete(trace: &Trace, judgement: &mut Judgement) {
    for reason in &trace.incomplete {
        judgement.refuse(match reason {
            Incomplete::StillWriting(path) => NotCached::at(NotCachedKind::StillWriting, path),
            Incomplete::StillTalking => NotCached::plain(NotCachedKind::StillTalking),
            Incomplete::UnreadableMemory => incomplete("the memory of a process could not be read"),
            Incomplete::ForeignNamespace => {
                incomplete("a process entered a mount namespace or root directory of its own")
            }
            Incomplete::ForeignArchitecture => {
                incomplete("a program of another architecture made file calls")
            }
            Incomplete::HelperLost => incomplete("the tracer's helper process was lost"),
        });
    }
    for peer in &trace.peers {
        match peer {
            Peer::Unix(path) if is_harmless_socket(path) => {}
            Peer::Unix(path) => judgement.refuse(NotCached::at(NotCachedKind::AskedPeer, path)),
            Peer::Loopback(53) | Peer::Remote(_) => {}
            Peer::Loopback(port) => judgement
                .refuse(NotCached::because(NotCachedKind::AskedPeer, format!("localhost:{port}"))),
        }
    }
}

/// Local services whose answers are no input, or are covered otherwise.
fn is_harmless_socket(path: &[u8]) -> bool {
    const HARMLESS: [&[u8]; 6] = [
        b"/var/run/nscd/socket",
        b"/run/nscd/socket",
        b"/dev/log",
        b"/run/systemd/journal/dev-log",
        b"/run/systemd/journal/socket",
        b"/run/systemd/resolve/io.systemd.Resolve",
    ];
    HARMLESS.contains(&path)
}

fn incomplete(detail: &str) -> NotCached {
    NotCached::because(NotCachedKind::Incomplete, detail)
}
