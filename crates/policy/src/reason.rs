//! The closed enumerations of negative outcomes. Words for them live in `reasons.py`.

/// Defines a fieldless enumeration whose members have stable names.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$member_doc:meta])* $member:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$member_doc])* $member,)* }

        impl $name {
            /// Every member.
            pub const ALL: &'static [Self] = &[$(Self::$member,)*];

            /// The stable name, as it stands in JSON.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$member => $text,)* }
            }

            /// The member of this name.
            #[must_use]
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|member| member.as_str() == name)
            }
        }
    };
}

named! {
    /// Why a look-up found nothing.
    MissKind {
        /// No run of this step is recorded.
        NeverRun = "never-run",
        /// The command, environment, rules or platform differ from the last run's.
        DescriptionChanged = "description-changed",
        /// A file's bytes differ.
        InputChanged = "input-changed",
        /// Something is there that was absent.
        InputCreated = "input-created",
        /// Something is gone that was there.
        InputRemoved = "input-removed",
        /// Another kind of thing is there: a directory for a file, say.
        KindChanged = "kind-changed",
        /// The executable bit, or what may be done with a file, differs.
        ModeChanged = "mode-changed",
        /// Other names in a directory.
        ListingChanged = "listing-changed",
        /// A symbolic link points elsewhere.
        LinkChanged = "link-changed",
        /// An output holds bytes that no recorded run of the step left.
        OutputEdited = "output-edited",
        /// A program's name leads to another program.
        LookupChanged = "lookup-changed",
        /// The outputs contain the path of another workspace directory.
        RootMoved = "root-moved",
        /// A declared input pattern matches other files or contents.
        GlobChanged = "glob-changed",
        /// A tracked variable has another value.
        EnvChanged = "env-changed",
        /// A tracked variable is set that was not.
        EnvAdded = "env-added",
        /// A tracked variable is not set any more.
        EnvRemoved = "env-removed",
        /// The last run with this description was not stored.
        NotStored = "not-stored",
        /// A step before it in the same wavefront has to run first.
        DependencyRan = "dependency-ran",
        /// The stored result was damaged, and has been dropped.
        EntryDamaged = "entry-damaged",
        /// An input could not be looked at.
        Unreadable = "unreadable",
        /// The cache could not be read.
        CacheUnreadable = "cache-unreadable",
    }
}

named! {
    /// Why a result was not stored.
    NotCachedKind {
        /// It exited with a code other than zero.
        Failed = "failed",
        /// A signal ended it.
        Killed = "killed",
        /// The run was cancelled.
        Cancelled = "cancelled",
        /// Configuration says so.
        CacheDisabled = "cache-disabled",
        /// It could not be traced.
        Untraced = "untraced",
        /// The trace does not name everything.
        Incomplete = "incomplete",
        /// A process it left behind has a file open for writing.
        StillWriting = "still-writing",
        /// A process it left behind holds its output.
        StillTalking = "still-talking",
        /// Somebody else changed an input while it ran.
        InputModified = "input-modified",
        /// It read a file and then changed it.
        ModifiedItsInput = "modified-its-input",
        /// It removed a file that it had not made.
        Removed = "removed",
        /// It appended to a file that was there.
        Appended = "appended",
        /// It looked at a file of unknown origin, then replaced it.
        ReplacedUnknown = "replaced-unknown",
        /// A step with no order to it wrote what it used.
        Race = "race",
        /// It left a FIFO, socket or device.
        SpecialFile = "special-file",
        /// It relied on files that its own earlier run left.
        BuiltOnItself = "built-on-itself",
        /// It wrote outside the workspace.
        WroteOutside = "wrote-outside",
        /// It read a temporary file that it had not made.
        ReadTemp = "read-temp",
        /// It asked a process outside its own tree.
        AskedPeer = "asked-peer",
        /// An input could not be read to take its digest.
        InputUnreadable = "input-unreadable",
        /// An output was changed while it was being stored.
        ChangedWhilePacking = "changed-while-packing",
        /// The cache could not be written.
        StoreFailed = "store-failed",
        /// A tool asked not to be cached.
        DisabledByTask = "disabled-by-task",
        /// What a tool said may not have been heard.
        HintsLost = "hints-lost",
        /// A variable that was looked up was set, and not passed on.
        WithheldVariable = "withheld-variable",
        /// A tool gave one key two values.
        ConflictingValues = "conflicting-values",
        /// The result depends on a value that only a run can tell.
        TrackedValue = "tracked-value",
        /// A path that was to be tracked lies outside the workspace.
        TrackedOutside = "tracked-outside",
    }
}

/// A miss, and what it was that differed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Miss {
    /// Which.
    pub kind: MissKind,
    /// Absolute path of what differed, if it is a path.
    pub path: Option<Vec<u8>>,
    /// Further words: a program's name, a pattern, an error.
    pub detail: Option<String>,
}

impl Miss {
    /// A miss that needs no path.
    #[must_use]
    pub fn plain(kind: MissKind) -> Self {
        Self { kind, path: None, detail: None }
    }

    /// A miss because of a path.
    #[must_use]
    pub fn at(kind: MissKind, path: Vec<u8>) -> Self {
        Self { kind, path: Some(path), detail: None }
    }

    /// A miss with an explanation in words.
    #[must_use]
    pub fn because(kind: MissKind, detail: impl Into<String>) -> Self {
        Self { kind, path: None, detail: Some(detail.into()) }
    }
}

/// Why a result is not stored, and because of what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotCached {
    /// Which.
    pub kind: NotCachedKind,
    /// Absolute path that decided, if one did.
    pub path: Option<Vec<u8>>,
    /// Further words: an exit code, a peer, an error.
    pub detail: Option<String>,
}

impl NotCached {
    /// A reason that needs no path.
    #[must_use]
    pub fn plain(kind: NotCachedKind) -> Self {
        Self { kind, path: None, detail: None }
    }

    /// A reason about a path.
    #[must_use]
    pub fn at(kind: NotCachedKind, path: &[u8]) -> Self {
        Self { kind, path: Some(path.to_vec()), detail: None }
    }

    /// A reason with an explanation in words.
    #[must_use]
    pub fn because(kind: NotCachedKind, detail: impl Into<String>) -> Self {
        Self { kind, path: None, detail: Some(detail.into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_unique() {
        let misses: HashSet<&str> = MissKind::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(misses.len(), MissKind::ALL.len());
        let stores: HashSet<&str> = NotCachedKind::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(stores.len(), NotCachedKind::ALL.len());
    }
}
