//! The output manifest of an entry: which paths, of which kind, mode and time, and which archive
//! holds their bytes; and what the tools of the run had to say.

use digest::Digest;
use policy::Place;
use serde::{Deserialize, Serialize};
use stat::Kind;

/// What an output is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ItemKind {
    /// A regular file.
    File {
        /// Digest of its bytes.
        digest: Digest,
        /// Size in bytes.
        size: u64,
        /// The archive that holds the bytes; the zero digest for an empty file.
        archive: Digest,
    },
    /// A symbolic link and its target.
    Link(Vec<u8>),
    /// A directory.
    Dir,
}

impl ItemKind {
    /// The kind of what will stand there.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::File { .. } => Kind::File,
            Self::Link(_) => Kind::Link,
            Self::Dir => Kind::Dir,
        }
    }
}

/// One output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Where.
    pub place: Place,
    /// What.
    pub kind: ItemKind,
    /// Permission bits.
    pub mode: u32,
    /// Time of last modification, nanoseconds since the epoch.
    pub mtime_ns: i64,
}

/// All outputs of an entry, sorted by place: a directory comes before what is in it. What a run leaves
/// besides files is here too, but for its log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The outputs.
    pub items: Vec<Item>,
    /// [`policy::Hinted::provenance`] of the run that made them.
    pub provenance: Vec<u8>,
}

impl Manifest {
    /// Encodes for the store.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_stdvec(self).expect("BUG: a manifest is plain data")
    }

    /// The inverse of [`Manifest::encode`]; `None` for bytes of another format.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        postcard::from_bytes(bytes).ok()
    }

    /// The archives that hold bytes of this result.
    pub fn archives(&self) -> impl Iterator<Item = Digest> + '_ {
        self.items.iter().filter_map(|item| match &item.kind {
            ItemKind::File { archive, .. } if *archive != Digest::ZERO => Some(*archive),
            _ => None,
        })
    }
}
