//! What runs inside must not notice: sanitizers, allocators, debuggers, other preloads.

use std::path::Path;

use super::support::{compiled, folded, given, has, run, step};
use super::{program, run_case};

/// Opens `f` from two threads.
const THREADS: &str = "#include <fcntl.h>\n#include <pthread.h>\n\
    static void *reads(void *p) { return (void *)(long)(open(\"f\", O_RDONLY) < 0); }\n\
    int main(void) { pthread_t t; pthread_create(&t, 0, reads, 0); long bad = (long)reads(0);\n\
    pthread_join(t, 0); return bad; }\n";

#[test]
fn sanitizers_run_undisturbed() {
    if program().is_none() {
        return;
    }
    for flags in [
        &["-fsanitize=address"][..],
        &["-fsanitize=address", "-static-libasan"],
        &["-fsanitize=thread"],
        &["-fsanitize=undefined"],
        // Finds leaks by stopping its own process with `ptrace`: see `leaks_are_found`.
        &["-fsanitize=leak"],
    ] {
        let Some(sanitized) = compiled("sanitized", THREADS, flags) else { continue };
        let dir = given(&[("f", "file")]);
        let mut spawn = step(&[sanitized.to_str().unwrap()], dir.path());
        spawn.env.push((b"ASAN_OPTIONS".to_vec(), b"detect_leaks=0".to_vec()));
        spawn.env.push((b"LSAN_OPTIONS".to_vec(), b"detect_leaks=0".to_vec()));
        let ran = run(&spawn);
        assert_eq!((ran.exit.code, ran.stderr()), (Some(0), String::new()), "{flags:?}");
        assert_eq!(folded(ran.trace(), dir.path()), ["f file read"], "{flags:?}");
        ran.assert_complete();
    }
}

#[test]
fn debuggers_work_and_leaks_are_found() {
    let leak = "#include <stdlib.h>\nchar *volatile p; int main(void) { p = malloc(7); p = 0; return 0; }\n";
    let Some(leaks) = compiled("leaks", leak, &["-fsanitize=leak"]) else { return };
    let ran = run(&step(&[leaks.to_str().unwrap()], Path::new("/")));
    assert!(ran.stderr().contains("7 byte(s) leaked"), "{}", ran.stderr());
    assert_eq!(ran.exit.code, Some(23));
}

#[test]
fn debuggers_work_gdb_breaks_and_steps() {
    let (Some(program), true) = (program(), has("gdb")) else { return };
    let dir = given(&[("f", "file")]);
    let argv = [
        "gdb",
        "-batch",
        "-nx",
        "-ex",
        "set debuginfod enabled off",
        "-ex",
        "break case_open_read",
        "-ex",
        "run",
        "-ex",
        "finish",
        "-ex",
        "continue",
        "--args",
        program.to_str().unwrap(),
        "open_read",
    ];
    let ran = run(&step(&argv, dir.path()));
    let said = ran.stdout();
    assert!(said.contains("Breakpoint 1, ") && said.contains("exited normally"), "{said}");
    assert!(folded(ran.trace(), dir.path()).contains(&"f file read".to_owned()));
}

/// Numbers of processes and users differ inside; the files are the same.
#[test]
fn other_namespaces_than_those_of_mounts_make_no_difference() {
    if program().is_none() || !has("unshare") {
        return;
    }
    for argv in [&["unshare", "-r", "cat", "f"][..], &["unshare", "-rpf", "cat", "f"]] {
        let dir = given(&[("f", "file")]);
        let ran = run(&step(argv, dir.path()));
        if ran.exit.code != Some(0) {
            continue; // Not everywhere may users make some.
        }
        assert_eq!(folded(ran.trace(), dir.path()), ["f file read"], "{argv:?}");
        ran.assert_complete();
    }
}

#[test]
fn other_preloads_are_left_alone() {
    let Some(program) = program() else { return };
    for library in ["libjemalloc.so.2", "faketime/libfaketime.so.1"] {
        let library = Path::new("/usr/lib/x86_64-linux-gnu").join(library);
        let Ok(loaded) = library.canonicalize() else { continue };
        let dir = given(&[("f", "file")]);
        let mut spawn = step(&[program.to_str().unwrap(), "open_read"], dir.path());
        spawn.env.push((b"LD_PRELOAD".to_vec(), stat::as_bytes(&library).to_vec()));
        let ran = run(&spawn);
        assert_eq!((ran.stdout().as_str(), ran.stderr().as_str()), ("ok\n", ""), "{library:?}");
        // The second looks for files of its own.
        assert!(folded(ran.trace(), dir.path()).contains(&"f file read".to_owned()), "{library:?}");
        assert!(ran.record(&loaded).is_some(), "{library:?}");
    }
}

#[test]
fn performance_counters_work() {
    let (Some(program), true) = (program(), has("perf")) else { return };
    let dir = given(&[("f", "file")]);
    let program = program.to_str().unwrap();
    let argv = ["perf", "stat", "-e", "task-clock", program, "open_read"];
    let spawn = step(&argv, dir.path());
    let untraced = run(&fspy::Spawn { traced: false, ..spawn.clone() });
    let ran = run(&spawn);
    assert_eq!((ran.stdout(), ran.exit.code), (untraced.stdout(), untraced.exit.code));
    if ran.exit.code == Some(0) {
        assert!(folded(ran.trace(), dir.path()).contains(&"f file read".to_owned()));
    }
}

#[test]
fn fakeroot_keeps_its_fiction() {
    if program().is_none() || !has("fakeroot") {
        return;
    }
    let dir = given(&[("f", "file")]);
    let script = "chown 7:8 f && stat -c %u:%g f";
    let ran = run(&step(&["fakeroot", "sh", "-c", script], dir.path()));
    assert_eq!(ran.stdout(), "7:8\n", "{}", ran.stderr());
}

/// Nothing new in descriptors and environment, and the same answers about itself.
/// `SigQ` counts the signals that wait for all processes of the user; what `ps` says first is whether
/// the shell waits already.
#[test]
fn a_process_sees_itself_as_it_would_untraced() {
    if program().is_none() {
        return;
    }
    let script = "ls /proc/self/fd | wc -l; env | sort; cat /proc/self/cmdline | tr '\\0' ' '; \
        grep -E '^(Sig[^Q]|NoNewPrivs|Cap)' /proc/self/status; ulimit -a; umask; tty; ps -o stat= $$ | cut -c2-";
    let spawn = step(&["sh", "-c", script], Path::new("/"));
    let untraced = run(&fspy::Spawn { traced: false, ..spawn.clone() });
    let expected = untraced.stdout();
    let said = run(&spawn).stdout();
    // Without the right to install a filter the promise to gain no privileges is needed.
    let root = super::support::is_root();
    let plain = |text: &str| {
        // Untraced steps are known by a variable; traced ones need none.
        let own = |line: &&str| !line.starts_with("TASKRUNNER_STEP=");
        let lines = text.lines().filter(own);
        let lines = lines.filter(|line| root || !line.starts_with("NoNewPrivs"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(plain(&said), plain(&expected));
}

/// A program may have a filter of its own, and another listener is refused as anywhere below one.
#[test]
fn filters_of_its_own_work() {
    let text = include_str!("../support/refusing.c");
    let Some(refusing) = compiled("refusing", text, &[]) else { return };
    let Some(program) = program() else { return };
    let dir = given(&[("f", "file")]);
    let argv = [refusing.to_str().unwrap(), "ptrace", program.to_str().unwrap(), "open_read"];
    let ran = run(&step(&argv, dir.path()));
    assert_eq!(ran.stdout(), "ok\n");
    assert_eq!(folded(ran.trace(), dir.path()), ["f file read"]);
}

#[test]
fn jumps_out_of_handlers_and_small_stacks_do_no_harm() {
    let Some(program) = program() else { return };
    for name in ["jump_out_of_handler", "small_signal_stack", "cancelled_open"] {
        let dir = given(&[("f", "file")]);
        let ran = run_case(program, name, &dir);
        assert_eq!((ran.stdout().as_str(), ran.exit.code), ("ok\n", Some(0)), "{name}");
        assert!(folded(ran.trace(), dir.path()).contains(&"f file read".to_owned()), "{name}");
        ran.assert_complete();
    }
}

/// `LD_LIBRARY_PATH` and `RUNPATH` make the loader look in places where nothing is.
#[test]
fn probes_of_the_loader_are_absences() {
    if program().is_none() {
        return;
    }
    let dir = given(&[("lib", "dir")]);
    let path = dir.path().canonicalize().unwrap().join("lib");
    let mut spawn = step(&["/bin/true"], dir.path());
    spawn.env.push((b"LD_LIBRARY_PATH".to_vec(), path.to_str().unwrap().into()));
    let ran = run(&spawn);
    let missing = folded(ran.trace(), &path);
    assert!(missing.contains(&"libc.so.6 absent exists".to_owned()), "{missing:?}");
    let source = "int main(void) { return 0; }\n";
    let flags = [format!("-Wl,-rpath,{}", path.display())];
    let flags: Vec<_> = flags.iter().map(String::as_str).collect();
    let Some(prog) = compiled(&format!("runpath{}", std::process::id()), source, &flags) else {
        return;
    };
    let ran = run(&step(&[prog.to_str().unwrap()], dir.path()));
    let missing = folded(ran.trace(), &path);
    assert!(missing.contains(&"libc.so.6 absent exists".to_owned()), "{missing:?}");
    let _ = std::fs::remove_file(prog);
}

#[test]
fn preload_variables_make_no_difference() {
    let Some(program) = program() else { return };
    let dir = given(&[("f", "file")]);
    let argv = ["env", "-u", "LD_PRELOAD", program.to_str().unwrap(), "open_read"];
    let mut spawn = step(&argv, dir.path());
    spawn.env.push((b"LD_PRELOAD".to_vec(), b"/no/such/library.so".to_vec()));
    assert_eq!(folded(run(&spawn).trace(), dir.path()), ["f file read"]);
}
