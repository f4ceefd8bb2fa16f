//! The folded trace of one traced command, and the single observations it is folded from.

use serde::{Deserialize, Serialize};
use stat::{Kind, StatId};

/// Version of the encoding of [`Trace`]: helper and runner come from one wheel and must agree.
pub const FORMAT: u32 = 2;

/// What was at a path at the moment a call named it, before the call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// Nothing. The path is the first component that is missing.
    Absent,
    /// A regular file, directory or special file.
    Present(StatId),
    /// A symbolic link and its target text.
    Link(StatId, Vec<u8>),
    /// It could not be looked at: the `errno` (`EACCES`, `ELOOP`, …).
    Error(i32),
}

impl State {
    /// Identity of what is there, if anything is.
    #[must_use]
    pub fn id(&self) -> Option<&StatId> {
        match self {
            Self::Present(id) | Self::Link(id, _) => Some(id),
            Self::Absent | Self::Error(_) => None,
        }
    }

    /// Kind of what is there, if anything is.
    #[must_use]
    pub fn kind(&self) -> Option<Kind> {
        self.id().map(StatId::kind)
    }
}

/// A name in a directory, with its kind, as a listing gave it.
pub type Listed = (Vec<u8>, Kind);

/// What one call did to, or wanted to know of, one path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Op {
    /// Opened for reading.
    Read,
    /// Executed, or opened by the kernel as the interpreter of what was executed.
    Exec,
    /// Looked at by the `stat` family.
    Stat,
    /// `access` for these `R_OK | W_OK | X_OK` bits.
    Access(u8),
    /// Only its existence or kind mattered: working directory, `mkdir` that found one, `statfs`.
    Exists,
    /// Directory entries were read: all names but `.` and `..`, sorted.
    List(Vec<Listed>),
    /// A symbolic link was crossed or its target read.
    Follow,
    /// Something changed it.
    Change(Change),
}

/// The ways in which a call changes a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Change {
    /// A name was made where none was: `O_CREAT`, `mkdir`, `symlink`, `link`, rename target.
    Create,
    /// What was there was replaced without regard to its bytes: `O_TRUNC`, rename over it.
    Replace,
    /// The same, by a command that knew that something was there: it did not ask for a file to be
    /// made, so the permission bits that stay are an earlier file's.
    Overwrite,
    /// Opened for writing alone, in place; some of the old bytes may stay, but none were read.
    Write,
    /// Opened for reading and writing in place; some of the old bytes may stay.
    Modify,
    /// Opened for appending.
    Append,
    /// The name was taken away: `unlink`, `rmdir`, renamed to elsewhere.
    Delete,
    /// Permission bits, owner or extended attributes.
    Meta,
    /// Times alone.
    Times,
    /// A further hard link was made to it, or one removed: its `ctime` moved, nothing else.
    LinkCount,
}

/// What was seen of a path before the command's own first change of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each with a name")]
pub struct Seen {
    /// Content was read.
    pub read: bool,
    /// It was executed.
    pub exec: bool,
    /// It was looked at by `stat`.
    pub stat: bool,
    /// Union of the bits asked for by `access`, `F_OK` counted as [`Seen::exists`].
    pub access: u8,
    /// Its existence or kind mattered.
    pub exists: bool,
    /// It was crossed, or read, as a symbolic link.
    pub follow: bool,
    /// The names in it, as given the first time.
    pub list: Option<Vec<Listed>>,
}

impl Seen {
    /// Whether anything was observed at all.
    #[must_use]
    pub fn any(&self) -> bool {
        self.content() || self.access != 0 || self.exists || self.follow || self.list.is_some()
    }

    /// Whether bytes were read, by open or by execution, or may have been inferred by `stat`.
    #[must_use]
    pub fn content(&self) -> bool {
        self.read || self.exec || self.stat
    }
}

/// Everything known about one path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Absolute path with every parent resolved: no symbolic link but possibly the last component.
    pub path: Vec<u8>,
    /// What was there when the command first touched it.
    pub before: State,
    /// What was seen of it before the command's own first change.
    pub seen: Seen,
    /// First change that decides what the old bytes meant; see [`crate::Fold`].
    pub change: Option<Change>,
    /// Whether the permission bits, the times or the link count were changed as well.
    pub touched: bool,
    /// What was there when it was first changed, if that differs from `before`: somebody else
    /// was at work.
    pub at_change: Option<State>,
}

/// Why a trace can't be relied on to name everything the command looked at.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Incomplete {
    /// Arguments of a call could not be read from the process: it is not dumpable, or another user's.
    UnreadableMemory,
    /// A process entered a mount namespace or root directory of its own, where paths mean other files.
    ForeignNamespace,
    /// A program of another architecture made file calls whose numbers are not known here.
    ForeignArchitecture,
    /// The helper was killed, or lost records.
    HelperLost,
    /// A process still running had a file open for writing; its path.
    StillWriting(Vec<u8>),
    /// A process still running holds the command's output.
    StillTalking,
}

/// A process outside the command's own tree that it asked for something.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Peer {
    /// A Unix socket by path (abstract names begin with NUL).
    Unix(Vec<u8>),
    /// A port on the loopback interface.
    Loopback(u16),
    /// Another host; the text of address and port.
    Remote(String),
}

/// How a trace was made; part of the weak fingerprint, so traces of unlike completeness never mix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Fidelity {
    /// Kernel filter with user notification: complete.
    Notify,
    /// Kernel filter that stops calls for `ptrace`: complete.
    PtraceFilter,
    /// `ptrace` stops at every call: complete.
    Ptrace,
    /// Not traced.
    None,
}

/// All observations of one command, folded per path, in first-touch order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// How it was made.
    pub fidelity: Fidelity,
    /// One record per path.
    pub records: Vec<Record>,
    /// Programs that were started, as named: parents resolved, last component not.
    pub execs: Vec<Vec<u8>>,
    /// What was renamed, from and to, in order; links resolved as in [`Record::path`]. The records
    /// of both names say what that meant; this says only that it was one call.
    pub renames: Vec<(Vec<u8>, Vec<u8>)>,
    /// Processes outside the tree that were asked for something.
    pub peers: Vec<Peer>,
    /// Variables that were looked up and not found, as far as that was seen: names, sorted.
    pub variables: Vec<Vec<u8>>,
    /// Why it is incomplete; empty if it is complete.
    pub incomplete: Vec<Incomplete>,
    /// Moment before the command started, by the clock that stamps files (nanoseconds).
    pub started_ns: i64,
    /// How many calls were seen.
    pub calls: u64,
    /// How many of them were recorded by the preload library, and not notified.
    pub recorded: u64,
}
