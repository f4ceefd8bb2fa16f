//! Symlink farms for the resolver.

use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::fs::symlink;
use std::path::Path;

use tempfile::TempDir;

use super::*;

/// A directory with the given links, files (text ends in nothing) and directories (`/` at the end).
fn farm(entries: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, target) in entries {
        let path = dir.path().join(name);
        match *target {
            "file" => fs::write(path, "x").unwrap(),
            "dir" => fs::create_dir_all(path).unwrap(),
            target => symlink(target, path).unwrap(),
        }
    }
    dir
}

fn start(dir: &Path) -> Start {
    Start {
        thread: Thread(std::process::id()),
        dir: stat::as_bytes(&dir.canonicalize().unwrap()).to_vec(),
        root: b"/".to_vec(),
    }
}

/// The place as text relative to the farm: path, what was found, links crossed.
fn place(dir: &TempDir, path: &str, follow: bool) -> (String, String, Vec<String>) {
    let start = start(dir.path());
    let relative = |path: &[u8]| {
        let rest = path.strip_prefix(&start.dir[..]).map_or(path, |rest| rest);
        String::from_utf8_lossy(rest).into_owned()
    };
    let place = resolve(&start, path.as_bytes(), follow);
    let found = match &place.found {
        Found::Here(state) => format!("{:?}", state.kind().unwrap()),
        other => match other {
            Found::NotDirectory(_) => "not a directory".to_owned(),
            other => format!("{other:?}"),
        },
    };
    let crossed = place.crossed.iter().map(|(path, _)| relative(path)).collect();
    (relative(&place.path), found, crossed)
}

fn expect(dir: &TempDir, path: &str, follow: bool, want: (&str, &str, &[&str])) {
    let (at, found, crossed) = place(dir, path, follow);
    assert_eq!((at.as_str(), found.as_str()), (want.0, want.1), "{path}");
    assert_eq!(crossed, want.2, "{path}");
}

#[test]
fn plain_paths_are_normalised() {
    let farm = farm(&[("d", "dir"), ("d/f", "file")]);
    expect(&farm, ".//d/../d/./f", true, ("/d/f", "File", &[]));
    expect(&farm, "d/", true, ("/d", "Dir", &[]));
    expect(&farm, ".", true, ("", "Dir", &[]));
}

#[test]
fn the_first_missing_component_is_named() {
    let farm = farm(&[("d", "dir")]);
    expect(&farm, "d/a/b/c", true, ("/d/a", "Missing { last: false }", &[]));
    expect(&farm, "d/a", true, ("/d/a", "Missing { last: true }", &[]));
    expect(&farm, "d/a/", true, ("/d/a", "Missing { last: true }", &[]));
    expect(&farm, "a/../d", true, ("/a", "Missing { last: false }", &[]));
}

#[test]
fn a_file_in_the_middle_ends_the_path() {
    let farm = farm(&[("f", "file"), ("l", "f")]);
    expect(&farm, "f/x", true, ("/f", "not a directory", &[]));
    expect(&farm, "f/", true, ("/f", "not a directory", &[]));
    expect(&farm, "l/x", true, ("/f", "not a directory", &["/l"]));
}

#[test]
fn every_link_crossed_is_reported_in_order() {
    let farm = farm(&[("f", "file"), ("a", "b"), ("b", "c"), ("c", "f")]);
    expect(&farm, "a", true, ("/f", "File", &["/a", "/b", "/c"]));
    expect(&farm, "a", false, ("/a", "Link", &[]));
}

#[test]
fn dot_dot_goes_up_from_where_a_link_led() {
    let farm = farm(&[("one/deep", "dir"), ("one/f", "file"), ("x", "one/deep"), ("f", "dir")]);
    expect(&farm, "x/../f", true, ("/one/f", "File", &["/x"]));
}

#[test]
fn a_trailing_slash_follows_the_last_link() {
    let farm = farm(&[("d", "dir"), ("l", "d")]);
    expect(&farm, "l/", false, ("/d", "Dir", &["/l"]));
    expect(&farm, "l/.", false, ("/d", "Dir", &["/l"]));
}

#[test]
fn a_dangling_link_leads_to_what_is_missing() {
    let farm = farm(&[("l", "no/where"), ("m", "new")]);
    expect(&farm, "l", true, ("/no", "Missing { last: false }", &["/l"]));
    expect(&farm, "m", true, ("/new", "Missing { last: true }", &["/m"]));
}

#[test]
fn a_loop_is_an_error_after_its_links() {
    let farm = farm(&[("a", "b"), ("b", "a")]);
    let (_, found, crossed) = place(&farm, "a", true);
    assert_eq!(found, format!("Refused({})", libc::ELOOP));
    assert_eq!((crossed[0].as_str(), crossed[1].as_str(), crossed.len()), ("/a", "/b", MAX_LINKS));
}

#[test]
fn forty_links_are_the_limit() {
    let names: Vec<_> = (0..=41).map(|n| format!("l{n}")).collect();
    let mut entries: Vec<_> = names.windows(2).map(|w| (w[0].as_str(), w[1].as_str())).collect();
    entries.push(("l41", "file"));
    let farm = farm(&entries);
    expect(
        &farm,
        "l1",
        true,
        (
            "/l41",
            "File",
            &names
                .iter()
                .map(|n| format!("/{n}"))
                .collect::<Vec<_>>()
                .iter()
                .map(String::as_str)
                .collect::<Vec<_>>()[1..41],
        ),
    );
    assert_eq!(place(&farm, "l0", true).1, format!("Refused({})", libc::ELOOP));
}

#[test]
fn absolute_targets_start_at_the_root() {
    let farm = farm(&[("f", "file")]);
    let absolute = farm.path().canonicalize().unwrap().join("f");
    symlink(&absolute, farm.path().join("l")).unwrap();
    expect(&farm, "l", true, ("/f", "File", &["/l"]));
}

#[test]
fn names_are_any_bytes() {
    use std::os::unix::ffi::OsStrExt;
    let farm = tempfile::tempdir().unwrap();
    let name = b"new\nline\xff";
    fs::write(farm.path().join(std::ffi::OsStr::from_bytes(name)), "").unwrap();
    let start = start(farm.path());
    assert_eq!(resolve(&start, name, true).path, join(&start.dir, name));
}

#[test]
fn a_name_too_long_is_an_error() {
    let farm = farm(&[]);
    let (_, found, _) = place(&farm, &"x".repeat(300), true);
    assert_eq!(found, format!("Refused({})", libc::ENAMETOOLONG));
}

#[test]
fn proc_self_is_the_callers() {
    let farm = farm(&[("f", "file")]);
    let (file, this) = (fs::File::open(farm.path().join("f")).unwrap(), std::process::id());
    let fd = file.as_raw_fd();
    for path in [format!("/proc/self/fd/{fd}"), format!("/dev/fd/{fd}")] {
        assert_eq!(place(&farm, &path, true).0, "/f", "{path}");
    }
    let (at, found, _) = place(&farm, "/proc/self/status", true);
    assert_eq!((at, found), (format!("/proc/{this}/status"), "File".to_owned()));
    let (at, ..) = place(&farm, "/proc/thread-self/comm", true);
    assert_eq!(at, format!("/proc/{this}/task/{this}/comm"));
}

#[test]
fn magic_links_to_no_file_lead_elsewhere() {
    let farm = farm(&[]);
    let (pipe, _write) = std::io::pipe().unwrap();
    let (_, found, _) = place(&farm, &format!("/proc/self/fd/{}", pipe.as_raw_fd()), true);
    assert_eq!(found, "Elsewhere");
}

#[test]
fn a_root_of_its_own_holds_dot_dot_and_absolute_links() {
    let farm = farm(&[("r/d", "dir"), ("r/f", "file"), ("r/d/l", "/f")]);
    let mut start = start(farm.path());
    start.root = join(&start.dir, b"r");
    start.dir.clone_from(&start.root);
    for path in ["/f", "../../f", "d/l"] {
        assert_eq!(resolve(&start, path.as_bytes(), true).path, join(&start.root, b"f"), "{path}");
    }
}
