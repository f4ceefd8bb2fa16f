//! Named exceptions: the closed tables of paths that a cache must treat in a way of their own.
//!
//! Each table is documented in `docs/semantics.md` and has its test. Nothing else is ever ignored.

use stat::{file_name, is_within};

use crate::noise::Noise;
use crate::pathset::{Look, Op};
use crate::place::{Root, Roots};
use crate::switch::is_on;

/// Where a path lies, as far as the rules care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zone {
    /// In the workspace: the rules of inputs and outputs hold.
    Workspace,
    /// In a directory for temporary files.
    Temp,
    /// In such a directory, but a tool's known cache, which holds nothing that decides a result.
    TempCache,
    /// Elsewhere: what is read there is the toolchain; writing there is not cached.
    Outside,
    /// Elsewhere, but a tool's known droppings: written without consequence, read as `Outside`.
    Droppings,
    /// Neither input nor output.
    Ignored,
}

/// Logs and dependency files through which the steps of one build tool (`cmake`, then `make` or `ninja`)
/// hand on what they know of objects that they look at anyway. A path ends with one of these.
const TOOL_STATE: [&[u8]; 9] = [
    b"/.ninja_log",
    b"/.ninja_deps",
    b"/compiler_depend.make",
    b"/compiler_depend.internal",
    b"/compiler_depend.ts",
    b"/CMakeFiles/CMakeOutput.log",
    b"/CMakeFiles/CMakeError.log",
    b"/CMakeFiles/CMakeConfigureLog.yaml",
    b"/CMakeFiles/CMakeRuleHashes.txt",
];

/// Build descriptions that a tool reads each time without making again what it made by the old one.
/// A path ends with one of these.
const BUILD_DESCRIPTIONS: [&[u8]; 4] = [b"/Makefile", b"/makefile", b"/GNUmakefile", b".mk"];

/// Files that describe the machine, not the toolchain: what they lead to is digested anyway.
const MACHINE_FILES: [&[u8]; 16] = [
    b"/etc/ld.so.cache",
    b"/etc/ld.so.preload",
    b"/etc/resolv.conf",
    b"/etc/hosts",
    b"/etc/host.conf",
    b"/etc/hostname",
    b"/etc/nsswitch.conf",
    b"/etc/passwd",
    b"/etc/group",
    b"/etc/mtab",
    b"/etc/machine-id",
    b"/etc/localtime",
    b"/etc/gai.conf",
    b"/etc/services",
    b"/etc/protocols",
    b"/var/run/nscd",
];

/// Directories of the kernel's own file systems.
const KERNEL_DIRS: [&[u8]; 3] = [b"/proc", b"/sys", b"/dev"];

/// Directories for temporary files, besides the one named by `TMPDIR`.
const TEMP_DIRS: [&[u8]; 3] = [b"/tmp", b"/var/tmp", b"/dev/shm"];

/// What tools keep in directories for temporary files from one run to the next, by the beginning of
/// the name: compiled forms of sources that they look at again, and notes about running processes.
const TEMP_CACHES: [&[u8]; 8] = [
    b"hsperfdata_",
    b"jest_",
    b"node-compile-cache",
    b"v8-compile-cache",
    b"pytest-of-",
    b"tsx-",
    b"pymp-",
    b"ccache-tmp",
];

/// Download and compile caches below the home directory: named by version or by content, so what
/// they hold follows from other inputs.
const DOWNLOAD_CACHES: [&[u8]; 9] = [
    b".cargo/registry",
    b".cargo/git",
    b"go/pkg/mod",
    b".cache/go-build",
    b".cache/pip",
    b".cache/uv",
    b".cache/ccache",
    b".ccache",
    b".npm/_cacache",
];

/// Caches of tools below the home directory that, warm, look at every file they look at cold. What
/// pylint keeps there, the score of the run before, it only prints; npm lists its logs to remove old ones.
const HOME_CACHES: [&[u8]; 5] =
    [b".cache/black", b".cache/pylint", b".cache/mypy", b".cache/ruff", b".npm/_logs"];

/// Directories in the home directory that anybody may make.
const HOME_DIRS: [&[u8]; 7] =
    [b".cache", b".config", b".config/go", b".local", b".local/share", b".npm", b".cargo"];

/// What tools drop in the home directory without meaning anything by it.
const DROPPINGS: [&[u8]; 6] = [
    b".npm/_update-notifier-last-checked",
    b".config/configstore",
    b".cargo/.package-cache",
    b".cargo/.package-cache-mutate",
    b".cargo/.global-cache",
    b".config/go/telemetry",
];

/// Parts of `.git` that are noise: content-named objects, logs, locks.
const GIT_NOISE: [&[u8]; 3] = [b"objects", b"logs", b"COMMIT_EDITMSG"];

/// The zone of an absolute, resolved path.
#[must_use]
pub fn zone_of(path: &[u8], roots: &Roots, noise: &Noise) -> Zone {
    if noise.is_in(path) {
        return Zone::Ignored;
    }
    if is_within(path, &roots.workspace) {
        let rel = path[roots.workspace.len()..].trim_ascii_start_matches_slash();
        return if is_own_state(rel) || is_git_noise(rel) {
            Zone::Ignored
        } else {
            Zone::Workspace
        };
    }
    if let Some(rel) = below_temp(path, roots).filter(|_| !is_home_below_temp(path, roots)) {
        return if is_temp_cache(rel) { Zone::TempCache } else { Zone::Temp };
    }
    if is_in_any(path, &KERNEL_DIRS) || is_in_any(path, &MACHINE_FILES) {
        return Zone::Ignored;
    }
    zone_in_home(path, &roots.home).unwrap_or(Zone::Outside)
}

/// Whether a name never counts in a listing: neutral caches, editors' temporary files, our own
/// directory.
#[must_use]
pub fn is_unlisted_name(name: &[u8], noise: &Noise) -> bool {
    noise.is_name(name)
        || name == b".taskrunner"
        || name == b"4913"
        || name.ends_with(b"~")
        || (name.starts_with(b".") && (name.ends_with(b".swp") || name.ends_with(b".swx")))
        || name.starts_with(b".#")
        || (name.starts_with(b"#") && name.ends_with(b"#"))
}

fn zone_in_home(path: &[u8], home: &[u8]) -> Option<Zone> {
    if home.len() < 2 || !is_within(path, home) {
        return None;
    }
    let rel = path[home.len()..].trim_ascii_start_matches_slash();
    let below = |table: &[&[u8]]| table.iter().any(|entry| is_within(rel, entry));
    if below(&DOWNLOAD_CACHES) {
        return Some(if counts_even_in_caches(rel) { Zone::Outside } else { Zone::Ignored });
    }
    if below(&HOME_CACHES) {
        return Some(Zone::Ignored);
    }
    (below(&DROPPINGS) || HOME_DIRS.contains(&rel)).then_some(Zone::Droppings)
}

/// The path relative to the directory for temporary files that it lies in, the step's own first.
fn below_temp<'a>(path: &'a [u8], roots: &Roots) -> Option<&'a [u8]> {
    let mut dirs = std::iter::once(&roots.temp[..]).chain(TEMP_DIRS);
    let dir = dirs.find(|dir| is_within(path, dir))?;
    Some(path[dir.len()..].trim_ascii_start_matches_slash())
}

/// A home directory in a directory for temporary files, as in containers and tests, is a home.
fn is_home_below_temp(path: &[u8], roots: &Roots) -> bool {
    let home = &roots.home;
    is_within(path, home) && below_temp(home, roots).is_some_and(|rel| !rel.is_empty())
}

fn is_temp_cache(rel: &[u8]) -> bool {
    let first = rel.split(|&byte| byte == b'/').next().unwrap_or_default();
    TEMP_CACHES.iter().any(|cache| first.starts_with(cache))
}

/// Whether a path is a build tool's own state: an output, but no input, and its step's whoever wrote
/// there last.
#[must_use]
pub fn is_tool_state(path: &[u8]) -> bool {
    is_on("tool-state") && TOOL_STATE.iter().any(|state| path.ends_with(state))
}

/// Whether a tool that finds another file at this place may still trust what it made before: the
/// toolchain, installed packages, build descriptions, variables. Sources it looks at again and goes by.
#[must_use]
pub fn is_foundation(op: &Op) -> bool {
    let place = &op.place;
    let named =
        || BUILD_DESCRIPTIONS.iter().any(|name| [b"/", &place.rel[..]].concat().ends_with(name));
    if op.look == Look::Ignored {
        return false;
    }
    match place.root {
        Root::Absolute | Root::Home | Root::Path | Root::Env => true,
        Root::Workspace => is_package_file(&place.rel) || named(),
        Root::Above | Root::Temp => false,
    }
}

/// Whether a path lies in a directory of installed packages.
#[must_use]
pub(crate) fn is_package_file(path: &[u8]) -> bool {
    let package_dir = |name: &[u8]| name == b"site-packages" || name == b"node_modules";
    path.split(|&byte| byte == b'/').any(package_dir)
}

/// Installed code counts wherever it lies: whole environments live in cache directories.
fn counts_even_in_caches(rel: &[u8]) -> bool {
    let program = |name: &[u8]| name == b"bin" || is_library(name);
    is_package_file(rel) || rel.split(|&byte| byte == b'/').any(program)
}

fn is_library(name: &[u8]) -> bool {
    name.windows(3).any(|part| part == b".so")
}

fn is_own_state(rel: &[u8]) -> bool {
    is_within(rel, b".taskrunner")
}

fn is_git_noise(rel: &[u8]) -> bool {
    let mut names = rel.split(|&byte| byte == b'/');
    let in_git = names.by_ref().any(|name| name == b".git");
    in_git
        && (names.next().is_some_and(|name| GIT_NOISE.contains(&name))
            || file_name(rel).ends_with(b".lock"))
}

fn is_in_any(path: &[u8], dirs: &[&[u8]]) -> bool {
    dirs.iter().any(|dir| is_within(path, dir))
}

trait TrimSlash {
    fn trim_ascii_start_matches_slash(&self) -> &[u8];
}

impl TrimSlash for [u8] {
    fn trim_ascii_start_matches_slash(&self) -> &[u8] {
        self.strip_prefix(b"/").unwrap_or(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::Place;

    fn roots() -> Roots {
        Roots {
            workspace: b"/home/ann/ws".to_vec(),
            home: b"/home/ann".to_vec(),
            temp: b"/scratch".to_vec(),
            runner: Vec::new(),
        }
    }

    #[test]
    fn every_table_has_its_zone() {
        for (path, zone) in [
            (&b"/home/ann/ws/src/a.c"[..], Zone::Workspace),
            (b"/home/ann/ws", Zone::Workspace),
            (b"/home/ann/ws/.taskrunner/state.db", Zone::Ignored),
            (b"/home/ann/ws/pkg/__pycache__/a.pyc", Zone::Ignored),
            (b"/usr/lib/python3/__pycache__/a.pyc", Zone::Ignored),
            (b"/home/ann/ws/.git/HEAD", Zone::Workspace),
            (b"/home/ann/ws/.git/objects/ab/cd", Zone::Ignored),
            (b"/home/ann/ws/.git/index.lock", Zone::Ignored),
            (b"/home/ann/ws/package.lock", Zone::Workspace),
            (b"/tmp/x", Zone::Temp),
            (b"/tmp/pytest-of-ann/pytest-0", Zone::TempCache),
            (b"/scratch/jest_rs/haste-map", Zone::TempCache),
            (b"/scratch/x", Zone::Temp),
            (b"/dev/shm/x", Zone::Temp),
            (b"/dev/null", Zone::Ignored),
            (b"/proc/self/maps", Zone::Ignored),
            (b"/etc/ld.so.cache", Zone::Ignored),
            (b"/etc/ssl/openssl.cnf", Zone::Outside),
            (b"/usr/bin/cc", Zone::Outside),
            (b"/home/ann/.cargo/registry/src/x/lib.rs", Zone::Ignored),
            (b"/home/ann/.npm/_logs/1.log", Zone::Ignored),
            (b"/home/ann/.cache/black/24.1/cache.pickle", Zone::Ignored),
            (b"/home/ann/.cache", Zone::Droppings),
            (b"/home/ann/.cache/pypoetry/virtualenvs/a/x.py", Zone::Outside),
            (b"/home/ann/.npmrc", Zone::Outside),
        ] {
            assert_eq!(
                zone_of(path, &roots(), &Noise::default()),
                zone,
                "{}",
                String::from_utf8_lossy(path)
            );
        }
    }

    #[test]
    fn installed_code_counts_even_in_a_download_cache() {
        for path in [
            &b"/home/ann/.cache/uv/env/lib/site-packages/numpy/__init__.py"[..],
            b"/home/ann/.cache/uv/env/bin/python",
            b"/home/ann/.cache/pip/x/libfoo.so.1",
        ] {
            assert_eq!(zone_of(path, &roots(), &Noise::default()), Zone::Outside);
        }
    }

    #[test]
    fn a_home_below_a_temporary_directory_is_a_home() {
        let roots = Roots { home: b"/tmp/pytest-of-ann/home".to_vec(), ..roots() };
        assert_eq!(
            zone_of(b"/tmp/pytest-of-ann/home/.npmrc", &roots, &Noise::default()),
            Zone::Outside
        );
        assert_eq!(zone_of(b"/tmp/pytest-of-ann/x", &roots, &Noise::default()), Zone::TempCache);
    }

    #[test]
    fn what_a_tool_trusts_without_looking_again_is_its_foundation() {
        for (root, rel, expected) in [
            (Root::Absolute, &b"usr/bin/gcc"[..], true),
            (Root::Home, b".npmrc", true),
            (Root::Workspace, b"node_modules/a/index.js", true),
            (Root::Workspace, b"Makefile", true),
            (Root::Workspace, b"sub/rules.mk", true),
            (Root::Workspace, b"src/main.c", false),
            (Root::Workspace, b"NotAMakefile", false),
            (Root::Temp, b"x", false),
            (Root::Env, b"CFLAGS", true),
        ] {
            let place = Place { root, rel: rel.to_vec() };
            assert_eq!(
                is_foundation(&Op { look: Look::Content, place }),
                expected,
                "{}",
                rel.escape_ascii()
            );
        }
    }

    #[test]
    fn a_workspace_below_a_temporary_directory_is_the_workspace() {
        let roots = Roots { workspace: b"/tmp/ws".to_vec(), ..roots() };
        assert_eq!(zone_of(b"/tmp/ws/a", &roots, &Noise::default()), Zone::Workspace);
        assert_eq!(zone_of(b"/tmp/other", &roots, &Noise::default()), Zone::Temp);
    }
}
