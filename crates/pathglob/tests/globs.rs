//! The dialect, the walk, and that the two agree.

#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;

use pathglob::{GlobSet, check};
use proptest::prelude::*;
use stat::as_bytes;

fn matched(pattern: &str, path: &str) -> bool {
    GlobSet::new(&[pattern], &[]).unwrap().matches(path.as_bytes())
}

#[test]
fn the_dialect_is_as_documented() {
    let cases: &[(&str, &[&str], &[&str])] = &[
        ("src", &["src", "src/a", "src/a/b"], &["srcs", "a/src", "sr"]),
        ("src/", &["src", "src/a"], &["srcs"]),
        ("./src", &["src", "src/a"], &["a/src"]),
        ("src//a", &["src/a", "src/a/b"], &["src/b"]),
        (".", &["a", "a/b", ".hidden"], &[]),
        ("*", &["a", ".hidden"], &["a/b"]),
        ("*/", &["a/b", "a/b/c"], &["a"]),
        ("src/*.ts", &["src/a.ts", "src/.ts"], &["src/a/b.ts", "src/a.tsx", "a.ts"]),
        ("**", &["a", "a/b", ".git/x"], &[]),
        ("**/test", &["test", "a/test", "a/b/test", "a/test/c"], &["a/tests"]),
        ("src/**", &["src/a", "src/a/b"], &["src", "srcs/a"]),
        ("src/**/*.c", &["src/a.c", "src/a/b/c.c"], &["a.c"]),
        ("packages/*/dist", &["packages/a/dist", "packages/a/dist/x"], &["packages/a/b/dist"]),
        ("a?c", &["abc"], &["ac", "a/c", "abbc"]),
        ("a[b-d]c", &["abc", "adc"], &["aec", "a/c"]),
        ("a[!b]c", &["aac"], &["abc", "a/c"]),
        ("{a,b/c}/d", &["a/d", "b/c/d", "a/d/e"], &["b/d"]),
        ("a{,.bak}", &["a", "a.bak"], &["a.old"]),
        ("\\*", &["*"], &["a"]),
        ("a\\{b", &["a{b"], &["ab"]),
        ("ä*", &["ä", "äb"], &["a"]),
    ];
    for (pattern, yes, no) in cases {
        for path in *yes {
            assert!(matched(pattern, path), "{pattern} must match {path}");
        }
        for path in *no {
            assert!(!matched(pattern, path), "{pattern} must not match {path}");
        }
    }
}

#[test]
fn bytes_that_are_no_text_are_matched() {
    let set = GlobSet::new(&["src/*"], &["**/*\u{e4}"]).unwrap();
    assert!(set.matches(b"src/\xff\n"));
    assert!(!set.matches("src/\u{e4}".as_bytes()));
}

#[test]
fn excludes_win_and_are_told_apart() {
    let set = GlobSet::new(&["src"], &["src/gen", "**/*.tmp"]).unwrap();
    assert!(set.matches(b"src/a") && !set.excludes(b"src/a"));
    for path in [&b"src/gen"[..], b"src/gen/a", b"src/b.tmp"] {
        assert!(set.excludes(path) && !set.matches(path));
    }
    assert!(set.excludes(b"elsewhere/c.tmp"));
    assert!(!GlobSet::new(&[], &[]).unwrap().matches(b"a"));
}

#[test]
fn what_is_wrong_with_a_pattern_is_said() {
    let cases = [
        ("", "empty"),
        ("/etc", "absolute"),
        ("../a", ".."),
        ("a/../b", ".."),
        ("{a,..}/b", ".."),
        ("a\0b", "NUL"),
        ("a**", "**"),
        ("a/**b/c", "**"),
        ("[a", "no `]`"),
        ("[]", "empty"),
        ("[ä]", "ASCII"),
        ("[+-9]", "/"),
        ("{a", "unclosed"),
        ("a}", "unopened"),
        ("a\\", "lone"),
        ("[z-a]", "range"),
    ];
    for (pattern, reason) in cases {
        let found = check(pattern).unwrap_or_else(|| panic!("{pattern} must be refused"));
        assert!(found.contains(reason), "{pattern}: {found}");
    }
    assert_eq!(check("a..b"), None);
    let error = GlobSet::new(&["ok"], &["/no"]).unwrap_err();
    assert_eq!(error.to_string().split(':').next(), Some("glob `/no` is not valid"));
}

fn touch(root: &Path, rel: &[u8]) {
    let path = root.join(OsStr::from_bytes(rel));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, "").unwrap();
}

fn walked(set: &GlobSet, root: &Path) -> Vec<String> {
    let found = set.walk(as_bytes(root)).unwrap();
    found.iter().map(|path| path.escape_ascii().to_string()).collect()
}

#[test]
fn a_walk_finds_files_and_links_in_order_and_leaves_tools_alone() {
    let dir = tempfile::tempdir().unwrap();
    for path in [&b"b"[..], b"a/x", b"a.c", b".git/index", b"a/.taskrunner/state", b"a/\xff"] {
        touch(dir.path(), path);
    }
    symlink("a", dir.path().join("to-dir")).unwrap();
    symlink("nowhere", dir.path().join("to-nothing")).unwrap();
    fs::create_dir(dir.path().join("empty")).unwrap();
    let _socket = UnixListener::bind(dir.path().join("socket")).unwrap();
    let all = GlobSet::new(&["**"], &[]).unwrap();
    let expected = ["a.c", "a/x", "a/\\xff", "b", "to-dir", "to-nothing"];
    assert_eq!(walked(&all, dir.path()), expected);
}

#[test]
fn a_walk_does_not_look_where_nothing_can_be() {
    let dir = tempfile::tempdir().unwrap();
    touch(dir.path(), b"src/a.c");
    touch(dir.path(), b"src/deep/b.c");
    // A root that is no directory holds nothing.
    let root = [as_bytes(dir.path()), b"/src/a.c"].concat();
    assert_eq!(GlobSet::new(&["**"], &[]).unwrap().walk(&root).unwrap(), [[0; 0]; 0]);
    let sets: [(&[&str], &[&str], &[&str]); 4] = [
        (&["src/*.c"], &[], &["src/a.c"]),
        (&["src"], &["src/deep"], &["src/a.c"]),
        (&["src"], &["**"], &[]),
        (&["other/**"], &[], &[]),
    ];
    for (include, exclude, expected) in sets {
        let set = GlobSet::new(include, exclude).unwrap();
        assert_eq!(walked(&set, dir.path()), expected, "{include:?} {exclude:?}");
    }
}

/// Patterns and paths over few letters, so that they meet.
fn pattern() -> impl Strategy<Value = String> {
    let component = prop_oneof![
        Just("**".to_owned()),
        Just("*".to_owned()),
        Just("{a,b}".to_owned()),
        Just("{a,b/a}".to_owned()),
        Just("[!a]".to_owned()),
        "[ab]{1,2}\\*?",
    ];
    (prop::collection::vec(component, 1..4), prop::bool::ANY)
        .prop_map(|(components, slash)| components.join("/") + if slash { "/" } else { "" })
}

fn path() -> impl Strategy<Value = String> {
    prop::collection::vec("[ab]{1,2}", 1..4).prop_map(|names| names.join("/"))
}

proptest! {
    #[test]
    fn any_text_is_a_pattern_or_an_error(pattern: String, path: Vec<u8>) {
        if let Ok(set) = GlobSet::new(&[&pattern], &[]) {
            let _ = set.matches(&path);
        }
    }

    #[test]
    fn a_name_matches_itself_and_beneath_and_no_neighbour(path in path(), more in "[ab]") {
        let (beneath, neighbour) = ([&path[..], "/", &more[..]].concat(), [&path[..], &more[..]].concat());
        prop_assert!(matched(&path, &path));
        prop_assert!(matched(&path, &beneath));
        prop_assert!(!matched(&path, &neighbour));
    }

    #[test]
    fn a_leading_dot_slash_changes_nothing(pattern in pattern(), path in path()) {
        prop_assert_eq!(matched(&pattern, &path), matched(&format!("./{pattern}"), &path));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_walk_finds_exactly_what_matches(
        include in prop::collection::vec(pattern(), 0..3),
        exclude in prop::collection::vec(pattern(), 0..3),
        paths in prop::collection::btree_set(path(), 0..12),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut files = Vec::new();
        for path in &paths {
            // A path that is another's directory can't be a file as well.
            if !paths.iter().any(|other| other.starts_with(&format!("{path}/"))) {
                touch(dir.path(), path.as_bytes());
                files.push(path.clone());
            }
        }
        let include: Vec<&str> = include.iter().map(String::as_str).collect();
        let exclude: Vec<&str> = exclude.iter().map(String::as_str).collect();
        let set = GlobSet::new(&include, &exclude).unwrap();
        files.retain(|path| set.matches(path.as_bytes()));
        files.sort();
        prop_assert_eq!(walked(&set, dir.path()), files);
    }
}
