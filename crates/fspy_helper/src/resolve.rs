//! Resolves a path as the kernel is about to: base, links, `..`, `/proc`'s magic links, and where
//! it ends if it ends early.

use std::collections::VecDeque;

use fspy_trace::State;
use rustix::io::Errno;
use stat::{Kind, join};

use crate::look;
use crate::thread::{Target, Thread, target};

/// The kernel's own limit on links in one path.
const MAX_LINKS: usize = 40;

/// Where a path starts.
#[derive(Clone, Debug)]
pub(crate) struct Start {
    /// The thread whose `/proc/self` is meant.
    pub(crate) thread: Thread,
    /// Directory of a relative path, without links.
    pub(crate) dir: Vec<u8>,
    /// Directory that `/` means, for `openat2` with `RESOLVE_IN_ROOT`; else `/`.
    pub(crate) root: Vec<u8>,
}

/// Where a path leads.
#[derive(Debug)]
pub(crate) struct Place {
    /// The path without links: of what is there, or of the component at which it ends.
    pub(crate) path: Vec<u8>,
    /// What is there.
    pub(crate) found: Found,
    /// Links crossed on the way, in order.
    pub(crate) crossed: Vec<(Vec<u8>, State)>,
}

/// What is at the end of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Something; a link only if the last one is not to be followed.
    Here(State),
    /// The component [`Place::path`] names is missing.
    Missing {
        /// It is the last component, so a call may make it.
        last: bool,
    },
    /// [`Place::path`] is not a directory, but more components follow.
    NotDirectory(State),
    /// [`Place::path`] can't be looked at: the `errno`.
    Refused(i32),
    /// No file of this world: a pipe, a deleted file, nothing.
    Elsewhere,
}

/// Resolves `path`; a link in the last component is followed if `follow`.
pub(crate) fn resolve(start: &Start, path: &[u8], follow: bool) -> Place {
    if path.is_empty() {
        return Place { path: Vec::new(), found: Found::Elsewhere, crossed: Vec::new() };
    }
    Walk::new(start, path, follow).run()
}

fn joined(parts: &[&[u8]]) -> Vec<u8> {
    if parts.is_empty() {
        return b"/".to_vec();
    }
    parts.iter().flat_map(|part| std::iter::once(&b'/').chain(*part)).copied().collect()
}

fn components(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|&byte| byte == b'/').filter(|part| !part.is_empty() && *part != b".")
}

/// The first component of `path` that is missing, and whether it is the last, given that something
/// is missing and no link comes before it. `None` if `..` makes that hard to tell.
fn first_missing(path: &[u8]) -> Option<(Vec<u8>, bool)> {
    let parts: Vec<_> = components(path).collect();
    if parts.contains(&&b".."[..]) {
        return None;
    }
    for length in (0..parts.len()).rev() {
        match look::state(&joined(parts.get(..length)?)) {
            Ok(State::Present(id)) if id.kind() == Kind::Dir => {
                return Some((joined(parts.get(..=length)?), length + 1 == parts.len()));
            }
            Err(Errno::NOENT) => {}
            _ => return None,
        }
    }
    None
}

/// Where a walk ends: path, and what is there.
type End = (Vec<u8>, Found);

/// Component by component, as the kernel walks.
struct Walk<'a> {
    start: &'a Start,
    follow: bool,
    /// Directory reached so far, without links.
    current: Vec<u8>,
    /// Components still to go. An empty one demands a directory (a trailing slash).
    ahead: VecDeque<Vec<u8>>,
    crossed: Vec<(Vec<u8>, State)>,
    /// Links followed, magic ones too.
    links: usize,
}

impl<'a> Walk<'a> {
    fn new(start: &'a Start, path: &[u8], follow: bool) -> Self {
        let current = if path.starts_with(b"/") { &start.root } else { &start.dir };
        let (current, ahead) = (current.clone(), VecDeque::new());
        let mut walk = Self { start, follow, current, ahead, crossed: Vec::new(), links: 0 };
        walk.prepend(path);
        walk
    }

    fn run(mut self) -> Place {
        let mut ended = self.leap();
        while ended.is_none() {
            let links = self.links;
            let Some(part) = self.ahead.pop_front() else { break };
            ended = match &part[..] {
                b"" | b"." => None,
                b".." => self.up(),
                name => self.enter(name),
            };
            if ended.is_none() && self.links > links {
                ended = self.leap();
            }
        }
        let (path, found) = ended.unwrap_or_else(|| {
            let found = found_at(&self.current);
            (std::mem::take(&mut self.current), found)
        });
        Place { path, found, crossed: self.crossed }
    }

    /// All the rest at once, as long as no link is on the way but in the last component: so most
    /// paths are done with. `None` if it takes single steps.
    fn leap(&mut self) -> Option<End> {
        while self.start.root == b"/" && !self.ahead.is_empty() {
            let parts: Vec<_> = self.ahead.iter().map(Vec::as_slice).collect();
            let single = matches!(parts[..], [name] if name != b".." && !name.is_empty());
            let absolute = join(&self.current, &parts.join(&b'/'));
            // One name in a directory that was walked to crosses nothing.
            let looked =
                if single { look::state(&absolute) } else { look::without_links(&absolute) };
            match looked {
                Ok(state @ State::Link(..)) if self.follow => {
                    self.ahead.clear();
                    let path = stat::normal(&absolute);
                    self.current = stat::parent(&path).unwrap_or(b"/").to_vec();
                    if let Some(end) = self.cross(path, state) {
                        return Some(end);
                    }
                }
                Ok(state) => return Some((stat::normal(&absolute), Found::Here(state))),
                Err(Errno::NOENT) => {
                    let (path, last) = first_missing(&absolute)?;
                    return Some((path, Found::Missing { last }));
                }
                Err(_) => return None,
            }
        }
        None
    }

    fn up(&mut self) -> Option<End> {
        if self.current != self.start.root {
            self.current = stat::parent(&self.current).unwrap_or(b"/").to_vec();
        }
        None
    }

    /// Goes one component down. Returns where the path ends, if it ends here.
    fn enter(&mut self, name: &[u8]) -> Option<End> {
        let path = join(&self.current, name);
        let last = self.ahead.is_empty();
        match look::state(&path) {
            Ok(State::Link(..)) if last && !self.follow => Some((path.clone(), found_at(&path))),
            Ok(state @ State::Link(..)) => self.cross(path, state),
            Ok(state) if last => Some((path, Found::Here(state))),
            Ok(state) if state.kind() != Some(Kind::Dir) => {
                Some((path, Found::NotDirectory(state)))
            }
            Ok(_) => {
                self.current = path;
                None
            }
            Err(Errno::NOENT) => Some((path, Found::Missing { last: self.nothing_ahead() })),
            Err(Errno::NOTDIR) => {
                let found = Found::NotDirectory(look::state_or_error(&self.current));
                Some((self.current.clone(), found))
            }
            Err(errno) => Some((path, Found::Refused(errno.raw_os_error()))),
        }
    }

    /// Whether only slashes and dots are left.
    fn nothing_ahead(&self) -> bool {
        self.ahead.iter().all(|part| part.is_empty() || part == b".")
    }

    fn cross(&mut self, path: Vec<u8>, state: State) -> Option<End> {
        self.links += 1;
        if self.links > MAX_LINKS {
            return Some((path, Found::Refused(Errno::LOOP.raw_os_error())));
        }
        if let Some(process) = self.own_directory(&path) {
            self.current = process;
            return None;
        }
        if is_magic(&path) {
            return self.jump(&path);
        }
        let State::Link(_, text) = &state else { return None };
        if text.starts_with(b"/") {
            self.current.clone_from(&self.start.root);
        }
        self.prepend(text);
        self.crossed.push((path, state));
        None
    }

    /// `/proc/self` is this process to this process: what it is to the caller.
    fn own_directory(&self, path: &[u8]) -> Option<Vec<u8>> {
        let thread = self.start.thread;
        match path {
            b"/proc/self" => Some(format!("/proc/{}", thread.process()?).into_bytes()),
            b"/proc/thread-self" => {
                Some(format!("/proc/{}/task/{}", thread.process()?, thread.0).into_bytes())
            }
            _ => None,
        }
    }

    /// A magic link leads to a file, whatever its text says.
    fn jump(&mut self, link: &[u8]) -> Option<End> {
        match target(link) {
            Target::Path(path) => {
                self.current = path;
                None
            }
            Target::Deleted(_) | Target::Nameless => Some((link.to_vec(), Found::Elsewhere)),
        }
    }

    fn prepend(&mut self, path: &[u8]) {
        let trailing = path.ends_with(b"/") || path.ends_with(b"/.");
        let parts: Vec<_> = components(path).chain(trailing.then_some(&b""[..])).collect();
        for part in parts.into_iter().rev() {
            self.ahead.push_front(part.to_vec());
        }
    }
}

/// What is at a path that has been walked to.
fn found_at(path: &[u8]) -> Found {
    match look::state(path) {
        Ok(state) => Found::Here(state),
        Err(Errno::NOENT) => Found::Missing { last: true },
        Err(errno) => Found::Refused(errno.raw_os_error()),
    }
}

/// Whether a link at `path` is one of the links below `/proc/<pid>/`.
fn is_magic(path: &[u8]) -> bool {
    let Some(rest) = path.strip_prefix(b"/proc/") else { return false };
    rest.first().is_some_and(u8::is_ascii_digit) && rest.contains(&b'/')
}

#[cfg(test)]
#[path = "resolve_tests.rs"]
mod tests;
