//! The fast way: it must see what notification sees, and be seen by nobody.
#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]
#![allow(clippy::print_stderr, reason = "what is skipped is said")]
#![cfg(target_arch = "x86_64")]

#[path = "../support/mod.rs"]
mod support;
mod syscall;
mod variables;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use fspy::{Spawn, Supervisor, Trace};
use support::{Ran, can_trace, compiled, finish, folded, given, has, helper, step};
use tempfile::TempDir;

fn fast_supervisor() -> Supervisor {
    let preload = Path::new(fspy::BUILT_PRELOAD);
    Supervisor::start_fast(&helper(), preload, &std::env::temp_dir()).unwrap()
}

fn fast(spawn: &Spawn) -> Ran {
    let mut supervisor = fast_supervisor();
    supervisor.spawn(spawn).unwrap();
    finish(&mut supervisor, spawn.id)
}

fn notified(spawn: &Spawn) -> Ran {
    let mut supervisor = Supervisor::start(&helper(), &std::env::temp_dir()).unwrap();
    supervisor.spawn(spawn).unwrap();
    finish(&mut supervisor, spawn.id)
}

fn program() -> Option<&'static Path> {
    static PROGRAM: OnceLock<Option<PathBuf>> = OnceLock::new();
    let build = || if can_trace() { compiled("fast", include_str!("fast.c"), &[]) } else { None };
    PROGRAM.get_or_init(build).as_deref()
}

fn fresh() -> TempDir {
    let dir =
        given(&[("f", "file"), ("g", "file"), ("d/x", "file"), ("d/y", "file"), ("e/z", "file")]);
    fs::hard_link(dir.path().join("d/x"), dir.path().join("e/x")).unwrap();
    dir
}

/// Runs a command both ways and untraced: it does the same, and the folds are the same. Returns
/// how it went the fast way.
fn same(argv: &[&str]) -> Ran {
    let dirs = [fresh(), fresh(), fresh()];
    let [one, other, plain] = dirs.each_ref().map(|dir| step(argv, dir.path()));
    let (fast, slow) = (fast(&one), notified(&other));
    let plain = support::run(&Spawn { traced: false, ..plain });
    fast.assert_complete();
    for ran in [&slow, &plain] {
        assert_eq!(fast.stdout(), ran.stdout(), "{argv:?}");
        assert_eq!(fast.stderr(), ran.stderr(), "{argv:?}");
        assert_eq!(fast.exit, ran.exit, "{argv:?}");
    }
    // Names that git makes up.
    let made_up = |line: &String| line.starts_with(".git/t");
    let folds = [(&fast, &dirs[0]), (&slow, &dirs[1])].map(|(ran, dir)| {
        let mut folded = folded(ran.trace(), dir.path());
        folded.retain(|line| !made_up(line));
        folded
    });
    assert_eq!(folds[0], folds[1], "{argv:?}");
    fast
}

fn case(name: &str) -> Option<Ran> {
    Some(same(&[program()?.to_str().unwrap(), name]))
}

fn counted(name: &str, count: u64) -> Option<Ran> {
    Some(same(&[program()?.to_str().unwrap(), name, &count.to_string()]))
}

#[test]
fn nearly_all_calls_of_a_dynamic_program_are_recorded() {
    let Some(ran) = counted("many", 10_000) else { return };
    let trace = ran.trace();
    assert!(trace.recorded * 100 >= trace.calls * 95, "{} of {}", trace.recorded, trace.calls);
    assert!(trace.records.len() > 10_000);
}

/// Every call of a tool counts, those of its loader too.
#[test]
fn nearly_all_calls_of_real_tools_are_recorded() {
    if !can_trace() {
        return;
    }
    let dir = fresh();
    for number in 0..1_000 {
        fs::write(dir.path().join(format!("d/{number}")), "text\n").unwrap();
    }
    for argv in [&["find", ".", "-size", "+9"][..], &["grep", "-r", "none", "."]] {
        if has(argv[0]) {
            let ran = fast(&step(argv, dir.path()));
            let Trace { calls, recorded, .. } = *ran.assert_complete().trace();
            assert!(calls > 1_000 && recorded * 100 >= calls * 95, "{recorded} of {calls}");
        }
    }
}

#[test]
fn a_call_made_a_million_times_is_counted_and_adds_nothing() {
    let Some(ran) = counted("repeated", 1_000_000) else { return };
    assert!(ran.trace().calls > 1_000_000);
    assert!(ran.trace().records.len() < 100);
}

#[test]
fn no_call_is_interrupted_that_would_not_have_been() {
    let Some(program) = program() else { return };
    // Two calls each.
    let argv = [program.to_str().unwrap(), "interrupted", "500000"];
    let dir = fresh();
    let ran = fast(&step(&argv, dir.path()));
    assert_eq!(ran.stdout(), "0 failed, interrupted: yes\n");
    assert_eq!(folded(ran.trace(), dir.path()), ["f file read"]);
    ran.assert_complete();
}

#[test]
fn handlers_that_jump_away_lose_nothing() {
    case("jumps");
}

#[test]
fn a_handler_on_a_small_stack_has_room() {
    let Some(ran) = case("small_stack") else { return };
    assert_eq!(ran.stdout(), "100\n");
}

#[test]
fn a_child_that_borrows_its_parents_memory_has_its_own_directory() {
    case("vforks");
}

#[test]
fn registers_are_left_alone() {
    let Some(ran) = case("registers") else { return };
    assert_eq!(ran.stdout(), "0 wrong\n");
}

#[test]
fn a_filter_of_the_programs_own_is_not_hurt() {
    for name in ["own_filter", "own_filter_by_prctl"] {
        let Some(ran) = case(name) else { return };
        assert_eq!(ran.stdout(), "0\n");
    }
}

#[test]
fn a_blocking_open_can_be_cancelled() {
    let Some(ran) = case("cancelled") else { return };
    assert_eq!(ran.stdout(), "cancelled, cleaned\n");
}

#[test]
fn broken_pointers_fail_as_they_should() {
    case("bad");
}

#[test]
fn links_and_directories_that_the_program_moves_are_followed_as_they_were() {
    case("own_links");
}

#[test]
fn the_same_file_by_another_link_is_another_call() {
    case("relinked");
}

#[test]
fn relative_paths_start_where_threads_and_processes_are() {
    case("threads_move");
    case("processes_move");
}

#[test]
fn directories_are_listed_as_they_were() {
    case("lists");
}

/// Somebody may make an entry in the same tick of the clock, and nothing would show it.
#[test]
fn a_directory_that_changed_a_moment_ago_is_not_listed_unseen() {
    for (name, recorded) in [("listed_fresh", false), ("listed_settled", true)] {
        let Some(ran) = counted(name, 1_000) else { return };
        // Two calls that list for each that opens.
        let trace = ran.trace();
        assert_eq!(trace.recorded * 2 > trace.calls, recorded, "{name}: {trace:?}");
    }
}

#[test]
fn calls_that_fail_fail_as_they_should() {
    case("refused");
}

#[test]
fn long_paths_go_the_slow_way() {
    case("long_paths");
}

#[test]
fn neither_descriptors_nor_environment_nor_list_show_it() {
    case("nothing_to_see");
}

#[test]
fn the_loader_lists_no_library_that_is_not_the_programs() {
    if can_trace() && has("ldd") {
        let ran = fast(&step(&["ldd", "/bin/ls"], Path::new("/")));
        assert!(ran.stdout().contains("libc.so"), "{}", ran.stdout());
        assert!(!ran.stdout().contains("taskrunner"), "{}", ran.stdout());
    }
}

#[test]
fn a_program_built_with_a_sanitizer_runs() {
    for flag in ["-fsanitize=address", "-fsanitize=thread", "-fsanitize=undefined"] {
        if !can_trace() {
            return;
        }
        let Some(program) = compiled("fast", include_str!("fast.c"), &[flag]) else { continue };
        // Whatever it says, it says untraced, too.
        same(&[program.to_str().unwrap(), "own_links"]);
    }
}

#[test]
fn small_programs_are_soon_left_alone() {
    if !can_trace() {
        return;
    }
    let dir = fresh();
    let script = "i=0; while [ $i -lt 20 ]; do /bin/cat f; i=$((i+1)); done";
    let ran = fast(&step(&["sh", "-c", script], dir.path()));
    assert_eq!(ran.stdout(), "content\n".repeat(20));
    assert_eq!(folded(ran.trace(), dir.path()), ["f file read"]);
}

/// A tool in a repository or on a tree of its own: both ways see the same.
/// Programs that start alike, between which everything changes that they look at.
#[test]
fn what_changes_between_programs_that_look_alike_is_seen() {
    const SCRIPT: &str = "
        look() {
            for i in 1 2 3 4 5 6 7; do
                cat f l/x none d/x g/in; readlink l; (cd d && cat x ../f)
            done 2>/dev/null
            [ -x t ] && ./t && echo t is true
        }
        ln -s d l; cp /bin/true t
        look; look
        echo more >> f; rm l; ln -s e l; cp /bin/false u; mv u t
        look
        echo new > none; mv d moved; cp /bin/true t
        look
        mv moved d; rm g; mkdir g; echo in > g/in
        look
        chmod 0 f; rm none t; exec cat l/x";
    same(&["sh", "-c", SCRIPT]);
}

#[test]
fn a_loader_does_not_ask_about_what_it_opened() {
    let Ok(version) = std::process::Command::new("getconf").arg("GNU_LIBC_VERSION").output() else {
        return;
    };
    let minor = String::from_utf8(version.stdout).unwrap();
    let minor = minor.trim().strip_prefix("glibc 2.").and_then(|minor| minor.parse::<u32>().ok());
    if !can_trace() || !minor.is_some_and(|minor| (33..=38).contains(&minor)) {
        eprintln!("skipped: only glibc 2.33 to 2.38 asks by newfstatat");
        return;
    }
    let dir = fresh();
    let script = "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do /bin/true; done";
    let argv = step(&["sh", "-c", script], dir.path());
    // Two for each, of its library and of the cache that says where it is.
    let (fast, notified) = (fast(&argv).trace().calls, notified(&argv).trace().calls);
    assert!(fast + 2 * 8 < notified, "{fast} {notified}");
}

#[test]
fn real_tools_leave_the_same_folds() {
    if !can_trace() {
        return;
    }
    for (tool, script) in [
        ("git", "git init -q . && git status && git ls-files"),
        ("gcc", "echo 'int a;' > a.c && gcc -I none -c a.c && rm a.o"),
        ("make", "printf 'o: f g\\n\\tcat f g > o\\n' > Makefile && make && make"),
        ("find", "find . -name '*x*' -size -9 | sort"),
        ("grep", "grep -r content . | sort"),
        ("python3", "python3 -S -c 'import os, json; print(sorted(os.listdir(\".\")))'"),
        ("tar", "tar cf t.tar d && tar tf t.tar"),
        ("bash", "bash -c 'for x in *; do test -d $x && echo $x; done; cat < f'"),
    ] {
        if has(tool) {
            same(&["sh", "-c", script]);
        }
    }
}

/// As it is shipped: the library beside the helper.
#[test]
fn it_is_the_way_that_is_taken_unless_another_is_asked_for() {
    let Some(program) = program().filter(|_| std::env::var_os("TASKRUNNER_TRACER").is_none())
    else {
        return;
    };
    let (shipped, dir) = (given(&[]), fresh());
    let [helper_file, library] = ["taskrunner-helper", "libtaskrunner_preload.so"];
    fs::copy(helper(), shipped.path().join(helper_file)).unwrap();
    fs::copy(fspy::BUILT_PRELOAD, shipped.path().join(library)).unwrap();
    let recorded = || {
        let helper = shipped.path().join(helper_file);
        let mut supervisor = Supervisor::start_as_asked(&helper, &std::env::temp_dir()).unwrap();
        let spawn = step(&[program.to_str().unwrap(), "many", "100"], dir.path());
        supervisor.spawn(&spawn).unwrap();
        finish(&mut supervisor, 1).assert_complete().trace().recorded
    };
    assert!(recorded() > 0);
    // Without it, all is notified.
    fs::remove_file(shipped.path().join(library)).unwrap();
    assert_eq!(recorded(), 0);
}

#[test]
fn a_library_that_is_not_there_is_done_without() {
    if !can_trace() {
        return;
    }
    let dir = fresh();
    let missing = dir.path().join("none.so");
    let mut supervisor =
        Supervisor::start_fast(&helper(), &missing, &std::env::temp_dir()).unwrap();
    supervisor.spawn(&step(&["cat", "f"], dir.path())).unwrap();
    let ran = finish(&mut supervisor, 1);
    assert_eq!((ran.stdout(), ran.stderr()), ("content\n".to_owned(), String::new()));
    assert_eq!(ran.trace().recorded, 0);
}
