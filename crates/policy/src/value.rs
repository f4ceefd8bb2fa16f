//! Values: what an operation of a path set finds, now or when the entry was made.

use std::fmt;

use digest::{Digest, Hasher, hash_bytes};
use serde::{Deserialize, Serialize};
use stat::Kind;

use crate::pathset::Look;
use crate::reason::MissKind;

/// What one operation finds.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Value {
    /// Nothing is there.
    Absent,
    /// Nothing is there, or bytes that this step left.
    OwnOrAbsent,
    /// A regular file, by content and [`mode_class`].
    File(Digest, u32),
    /// A directory that was looked at, by [`mode_class`].
    Dir(u32),
    /// Something of this kind, whatever it holds.
    Kind(Kind),
    /// The target of a symbolic link, by digest.
    Link(Digest),
    /// The bits that were granted.
    Access(u8),
    /// The visible names of a directory, by digest.
    Listing(Digest),
    /// A place, a set of matched files: anything whose text is digested.
    Text(Digest),
    /// It could not be looked at: `errno`.
    Error(i32),
    /// Variables by name, each with the keyed digest of its value; sorted.
    Variables(Vec<(Vec<u8>, Digest)>),
}

impl Value {
    /// The target of a link.
    #[must_use]
    pub fn link(target: &[u8]) -> Self {
        Self::Link(hash_bytes(target))
    }

    /// Any text.
    #[must_use]
    pub fn text(bytes: &[u8]) -> Self {
        Self::Text(hash_bytes(bytes))
    }

    fn digest_into(&self, hasher: &mut Hasher) {
        let (tag, digest, extra): (u8, Option<&Digest>, u32) = match self {
            Self::Absent => (0, None, 0),
            Self::OwnOrAbsent => (1, None, 0),
            Self::File(digest, class) => (2, Some(digest), *class),
            Self::Dir(class) => (9, None, *class),
            Self::Kind(kind) => (3, None, *kind as u32),
            Self::Link(digest) => (4, Some(digest), 0),
            Self::Access(bits) => (5, None, u32::from(*bits)),
            Self::Listing(digest) => (6, Some(digest), 0),
            Self::Text(digest) => (7, Some(digest), 0),
            Self::Error(errno) => (8, None, errno.cast_unsigned()),
            Self::Variables(found) => (10, Some(&digest_of_variables(found)), 0),
        };
        hasher.field(&[tag]);
        hasher.field(&extra.to_le_bytes());
        hasher.field(digest.map_or(&[][..], |digest| digest.as_bytes()));
    }

    /// How a change from `self` to `now` is called, as the answer to `look`.
    #[must_use]
    pub fn difference(&self, now: &Self, look: Look) -> MissKind {
        match (look, self, now) {
            (Look::Env(_) | Look::Envs(_), Self::Absent, _) => MissKind::EnvAdded,
            (Look::Env(_) | Look::Envs(_), _, Self::Absent) => MissKind::EnvRemoved,
            (Look::Env(_) | Look::Envs(_), ..) => MissKind::EnvChanged,
            (Look::Own, ..) => MissKind::OutputEdited,
            (Look::Lookup, ..) => MissKind::LookupChanged,
            (Look::Here | Look::InPlace, ..) => MissKind::RootMoved,
            (Look::Declared | Look::Beneath, ..) => MissKind::GlobChanged,
            (_, _, Self::Error(_)) => MissKind::Unreadable,
            (_, Self::Absent, _) => MissKind::InputCreated,
            (_, _, Self::Absent) => MissKind::InputRemoved,
            (_, Self::File(old, _), Self::File(new, _)) if old != new => MissKind::InputChanged,
            (_, Self::File(..), Self::File(..))
            | (_, Self::Dir(_), Self::Dir(_))
            | (_, Self::Access(_), Self::Access(_)) => MissKind::ModeChanged,
            (_, Self::Link(_), Self::Link(_)) => MissKind::LinkChanged,
            (_, Self::Listing(_), Self::Listing(_)) => MissKind::ListingChanged,
            _ => MissKind::KindChanged,
        }
    }
}

/// In words, short and stable: for people, and for who compares explanations.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("absent"),
            Self::OwnOrAbsent => f.write_str("own or absent"),
            Self::File(digest, mode) => write!(f, "file {} {mode:04o}", short(digest)),
            Self::Dir(mode) => write!(f, "directory {mode:04o}"),
            Self::Kind(Kind::File) => f.write_str("a file"),
            Self::Kind(Kind::Dir) => f.write_str("a directory"),
            Self::Kind(Kind::Link) => f.write_str("a link"),
            Self::Kind(Kind::Special) => f.write_str("a special file"),
            Self::Link(target) => write!(f, "link to {}", short(target)),
            Self::Access(bits) => write!(f, "access {bits}"),
            Self::Listing(names) => write!(f, "listing {}", short(names)),
            Self::Text(text) => write!(f, "text {}", short(text)),
            Self::Error(errno) => write!(f, "errno {errno}"),
            Self::Variables(found) => write!(f, "{} variables", found.len()),
        }
    }
}

/// As many digits as tell two values apart for people.
fn short(digest: &Digest) -> String {
    digest.to_string().chars().take(12).collect()
}

fn digest_of_variables(found: &[(Vec<u8>, Digest)]) -> Digest {
    let mut hasher = Hasher::new();
    for (name, digest) in found {
        hasher.field(name).field(digest.as_bytes());
    }
    hasher.finish()
}

/// Permission bits as far as they are a value.
///
/// The modes that version control and the usual umasks (`002`, `022`, none) give count as two,
/// executable and not: a checkout by another user is the same input. Any other mode was chosen by
/// somebody, and `cp` and `tar` pass it on: it counts as it is.
#[must_use]
pub fn mode_class(permissions: u32) -> u32 {
    match permissions {
        0o644 | 0o664 | 0o666 => 0o644,
        0o755 | 0o775 | 0o777 => 0o755,
        other => other,
    }
}

/// The value of a directory listing: names and kinds, in any order, as one digest.
#[must_use]
pub fn listing_value<'a>(names: impl IntoIterator<Item = (&'a [u8], Kind)>) -> Value {
    let mut names: Vec<(&[u8], Kind)> = names.into_iter().collect();
    names.sort_unstable();
    let mut hasher = Hasher::new();
    for (name, kind) in names {
        hasher.field(name);
        hasher.field(&[kind as u8]);
    }
    Value::Listing(hasher.finish())
}

/// The digest of a weak fingerprint, a path set and what the set's operations found.
#[must_use]
pub fn strong_fingerprint(weak: &Digest, set: &Digest, values: &[Value]) -> Digest {
    let mut hasher = Hasher::new();
    hasher.field(weak.as_bytes());
    hasher.field(set.as_bytes());
    for value in values {
        value.digest_into(&mut hasher);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pathset::Asked;

    fn digest(byte: u8) -> Digest {
        hash_bytes(&[byte])
    }

    #[test]
    fn a_listing_does_not_depend_on_order_but_on_kinds() {
        let ab = listing_value([(&b"a"[..], Kind::File), (b"b", Kind::Dir)]);
        let ba = listing_value([(&b"b"[..], Kind::Dir), (b"a", Kind::File)]);
        let other_kind = listing_value([(&b"a"[..], Kind::Dir), (b"b", Kind::Dir)]);
        assert_eq!(ab, ba);
        assert_ne!(ab, other_kind);
    }

    #[test]
    fn every_value_gives_a_strong_fingerprint_of_its_own() {
        let values = [
            Value::Absent,
            Value::OwnOrAbsent,
            Value::File(digest(1), 0o644),
            Value::File(digest(1), 0o755),
            Value::File(digest(2), 0o644),
            Value::Dir(0o755),
            Value::Dir(0o700),
            Value::Kind(Kind::Dir),
            Value::Kind(Kind::File),
            Value::Link(digest(1)),
            Value::Access(1),
            Value::Listing(digest(1)),
            Value::Text(digest(1)),
            Value::Error(13),
            Value::Variables(vec![]),
            Value::Variables(vec![(b"A".to_vec(), digest(1))]),
            Value::Variables(vec![(b"A".to_vec(), digest(2))]),
        ];
        let prints: std::collections::HashSet<Digest> = values
            .iter()
            .map(|value| strong_fingerprint(&digest(8), &digest(9), std::slice::from_ref(value)))
            .collect();
        assert_eq!(prints.len(), values.len());
    }

    #[test]
    fn a_checkout_under_another_umask_is_the_same_input() {
        assert_eq!(mode_class(0o664), mode_class(0o644));
        assert_eq!(mode_class(0o775), mode_class(0o755));
        assert_ne!(mode_class(0o644), mode_class(0o755));
        assert_ne!(mode_class(0o600), mode_class(0o644));
    }

    #[test]
    fn differences_are_named_by_what_happened() {
        let file = |byte, mode| Value::File(digest(byte), mode_class(mode));
        for (old, new, look, kind) in [
            (file(1, 0o644), file(2, 0o644), Look::Content, MissKind::InputChanged),
            (file(1, 0o644), file(1, 0o755), Look::Content, MissKind::ModeChanged),
            (file(1, 0o644), file(1, 0o600), Look::Content, MissKind::ModeChanged),
            (Value::Absent, file(1, 0o644), Look::Kind, MissKind::InputCreated),
            (file(1, 0o644), Value::Absent, Look::Content, MissKind::InputRemoved),
            (file(1, 0o644), Value::Kind(Kind::Dir), Look::Content, MissKind::KindChanged),
            (Value::OwnOrAbsent, file(1, 0o644), Look::Own, MissKind::OutputEdited),
            (Value::Absent, Value::text(b"a"), Look::Env(Asked::Runner), MissKind::EnvAdded),
            (Value::text(b"a"), Value::Absent, Look::Env(Asked::Process), MissKind::EnvRemoved),
            (Value::text(b"a"), Value::text(b"b"), Look::Env(Asked::Runner), MissKind::EnvChanged),
        ] {
            assert_eq!(old.difference(&new, look), kind);
        }
    }
}
