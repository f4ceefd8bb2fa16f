//! Permission bits that a run keeps from what it finds: which of them it would have given itself.

use std::collections::{HashMap, HashSet};

use policy::{Look, is_on};
use stat::{Kind, join};

use crate::prepare::Before;
use crate::step::Step;
use crate::workspace::Workspace;

impl Workspace {
    /// Own paths whose bits came about in another way than this run would give them: neither does the
    /// standing result, made under the same weak fingerprint, have them so, nor does the umask. A
    /// directory that its runs found so had them from elsewhere.
    pub(crate) fn odd_modes(&self, step: &Step, before: &Before) -> HashSet<Vec<u8>> {
        if !is_on("own-mode") {
            return HashSet::new();
        }
        let found: HashSet<Vec<u8>> = before
            .reads
            .iter()
            .filter(|(op, _)| op.look == Look::Bits)
            .filter_map(|(op, _)| self.roots.path(&op.place))
            .collect();
        let alike = before.standing.as_ref().filter(|standing| standing.weak == step.spec.weak);
        let known: HashMap<Vec<u8>, u32> = alike
            .into_iter()
            .flat_map(|standing| &standing.left)
            .map(|left| (join(&self.roots.workspace, &left.path), left.mode))
            .filter(|(path, _)| !found.contains(path))
            .collect();
        let umask = umask();
        let is_odd = |path: &[u8], kind, mode: u32| match known.get(path) {
            Some(left) => *left != mode,
            None => !umask.is_some_and(|umask| is_plain(kind, mode, umask)),
        };
        let kept = before.own.iter().filter(|(_, owned)| owned.kind() != Kind::Link);
        kept.filter(|(path, owned)| is_odd(path, owned.kind(), owned.id.permissions()))
            .map(|(path, _)| path.clone())
            .collect()
    }
}

/// Whether these are the bits of a file or directory that was made without a word about them. A
/// directory may have its parent's set-group-id.
pub(crate) fn is_plain(kind: Kind, mode: u32, umask: u32) -> bool {
    match kind {
        Kind::Dir => mode & !0o2000 == 0o777 & !umask,
        _ => mode == 0o666 & !umask,
    }
}

/// The umask of this process, which its steps are given; `None` if the system does not tell.
pub(crate) fn umask() -> Option<u32> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("Umask:"))?;
    u32::from_str_radix(line.trim(), 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_bits_are_those_that_the_umask_leaves() {
        assert!(is_plain(Kind::File, 0o644, 0o022) && is_plain(Kind::Dir, 0o755, 0o022));
        assert!(is_plain(Kind::Dir, 0o2755, 0o022), "set-group-id is the parent's");
        assert!(!is_plain(Kind::File, 0o644, 0o077) && !is_plain(Kind::Dir, 0o755, 0o077));
        assert!(!is_plain(Kind::File, 0o755, 0o022) && !is_plain(Kind::Dir, 0o1755, 0o022));
    }

    #[test]
    fn the_umask_is_known_here() {
        assert!(umask().is_some_and(|umask| umask <= 0o777));
    }
}
