//! Calls that look and may have been described before.

use super::Scene;
use crate::fast::{Asked, Repeated};
use crate::memory;
use crate::syscalls::{At, Follow, Meaning};
use crate::thread::Target;

/// Flags of an open that may change something, or are about something else than what is there.
const CHANGING: i32 =
    libc::O_ACCMODE | libc::O_CREAT | libc::O_TRUNC | libc::O_PATH | libc::O_TMPFILE;

impl Scene<'_> {
    /// Describes a call, unless the same is known and still finds the same.
    pub(super) fn describe_once(&mut self, meaning: &Meaning, repeated: &mut Repeated) {
        let asked = self.question(meaning);
        let known = asked.as_ref().and_then(|asked| repeated.knows(asked, self.known));
        if let Some(end) = known {
            self.found.program = end.filter(|_| matches!(meaning, Meaning::Exec { .. }));
            self.found.named.extend(self.read.take().map(|(_, text)| text));
            return;
        }
        if asked.is_none() {
            // Where something is about to change must be sure, whatever others move meanwhile.
            self.places = None;
        }
        self.describe_now(meaning);
        if let Some(asked) = asked {
            repeated.learns(asked, &self.found);
        }
    }

    /// What a call wants to know, if it only looks at one path.
    fn question(&mut self, meaning: &Meaning) -> Option<Asked> {
        let (question, at, follow) = match *meaning {
            Meaning::Stat { at, follow } => ((0, 0), at, self.follows(follow)),
            Meaning::Access { at, mode, flags } => {
                let follow = flags.map_or(Follow::Always, Follow::Unless);
                ((1, self.flags(mode)), at, self.follows(follow))
            }
            Meaning::Readlink { at } => ((2, 0), at, false),
            Meaning::Open { at, flags } if self.int(flags) & CHANGING == 0 => {
                let follow = !self.has_flag(Some(flags), libc::O_NOFOLLOW);
                ((3, self.flags(flags)), at, follow)
            }
            Meaning::Exec { at, flags } => {
                let follow = !self.has_flag(flags, libc::AT_SYMLINK_NOFOLLOW);
                ((4, 0), at, follow)
            }
            _ => return None,
        };
        let path = self.absolute(at)?;
        Some(Asked { question, follow, path })
    }

    fn absolute(&mut self, at: At) -> Option<Vec<u8>> {
        let text = memory::string(self.thread.0, self.arg(at.path)).ok()?;
        if text.is_empty() || memory::is_too_long(&text) {
            return None;
        }
        let mut absolute = Vec::new();
        if !text.starts_with(b"/") {
            let Target::Path(base) = self.started(at) else { return None };
            absolute.extend_from_slice(base);
            absolute.push(b'/');
        }
        absolute.extend_from_slice(&text);
        self.read = Some((at.path, text));
        Some(absolute)
    }

    fn started(&mut self, at: At) -> &Target {
        let target = self.base(at.dir);
        &self.started.insert((at.dir, target)).1
    }
}
