//! Starting programs: interpreters, lookups in `PATH`, descriptors, threads.
#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use super::support::{compiled, copied, executable, folded, given, has, is_root, run, step};
use super::{program, run_case, write};

fn execs(trace: &fspy::Trace, dir: &Path) -> Vec<String> {
    let dir = format!("{}/", dir.canonicalize().unwrap().display());
    let names = trace.execs.iter().map(|path| String::from_utf8_lossy(path).into_owned());
    names.filter_map(|path| path.strip_prefix(&dir).map(str::to_owned)).collect()
}

#[test]
fn scripts_name_their_interpreters_all_the_way_down() {
    let Some(program) = program() else { return };
    let dir = given(&[]);
    executable(&dir.path().join("inner"), "#!/bin/sh\nexit 0\n");
    executable(&dir.path().join("prog"), "#!./inner with an argument\n");
    let ran = run_case(program, "exec_from_thread", &dir);
    assert_eq!(folded(ran.trace(), dir.path()), ["inner file read exec", "prog file exec"]);
    assert_eq!(execs(ran.trace(), dir.path()), ["prog"]);
    let shell = fs::canonicalize("/bin/sh").unwrap();
    assert!(ran.record(&shell).unwrap().seen.exec);
    assert_eq!(ran.exit.code, Some(0));
}

#[test]
fn execvp_looks_in_each_element_of_path() {
    let Some(program) = program() else { return };
    let dir = given(&[("one", "dir"), ("two/prog", "file")]);
    executable(&dir.path().join("three/prog"), "#!/bin/sh\n");
    let ran = run_case(program, "execvp", &dir);
    let fold = ["one/prog absent exists", "three/prog file read exec", "two/prog file access1"];
    assert_eq!(folded(ran.trace(), dir.path()), fold);
    assert_eq!(execs(ran.trace(), dir.path()), ["three/prog"]);
}

#[test]
fn posix_spawnp_does_so_in_the_child() {
    let Some(program) = program() else { return };
    let dir = given(&[("one", "dir")]);
    executable(&dir.path().join("two/prog"), "#!/bin/sh\n");
    let ran = run_case(program, "spawnp", &dir);
    let fold = ["one/prog absent exists", "two/prog file read exec"];
    assert_eq!(folded(ran.trace(), dir.path()), fold);
    assert_eq!(ran.stdout(), "ok\n");
}

#[test]
fn a_linked_program_is_known_by_the_name_it_was_called_by() {
    let Some(program) = program() else { return };
    let dir = given(&[]);
    symlink("/bin/true", dir.path().join("prog")).unwrap();
    let ran = run_case(program, "exec_from_thread", &dir);
    assert_eq!(folded(ran.trace(), dir.path()), ["prog link follow"]);
    assert_eq!(execs(ran.trace(), dir.path()), ["prog"]);
    assert!(ran.record(&fs::canonicalize("/bin/true").unwrap()).unwrap().seen.exec);
}

#[test]
fn open_descriptors_are_executed() {
    let Some(program) = program() else { return };
    let dir = given(&[]);
    copied(Path::new("/bin/true"), &dir.path().join("prog"));
    let ran = run_case(program, "execveat_fd", &dir);
    assert_eq!(folded(ran.trace(), dir.path()), ["prog file read exec"]);
    assert_eq!((ran.exit.code, ran.stdout()), (Some(0), String::new()));
}

#[test]
fn a_program_in_memory_still_names_its_loader() {
    let Some(program) = program() else { return };
    let dir = given(&[]);
    let ran = run_case(program, "fexecve_memfd", &dir);
    assert_eq!(ran.exit.code, Some(0));
    assert!(!ran.trace().records.iter().any(|record| record.path.starts_with(b"/memfd")));
    ran.assert_complete();
}

#[test]
fn a_missing_loader_is_an_absence() {
    let (Some(_), true) = (program(), has("gcc")) else { return };
    let dir = given(&[]);
    let source = write(dir.path().join("noloader.c"), "int main(void) { return 0; }\n");
    let loader = dir.path().canonicalize().unwrap().join("gone/ld.so");
    let flag = format!("-Wl,--dynamic-linker={}", loader.display());
    let mut gcc = std::process::Command::new("gcc");
    gcc.arg(&source).arg("-o").arg(dir.path().join("prog")).arg(flag);
    assert!(gcc.status().unwrap().success());
    let ran = run(&step(&["sh", "-c", "exec ./prog"], dir.path()));
    assert_ne!(ran.exit.code, Some(0));
    assert!(folded(ran.trace(), dir.path()).contains(&"gone absent exists".to_owned()));
}

#[test]
fn the_loader_as_a_program_reads_what_it_loads() {
    let (Some(program), true) = (program(), Path::new("/lib64/ld-linux-x86-64.so.2").exists())
    else {
        return;
    };
    let dir = given(&[("f", "file")]);
    copied(program, &dir.path().join("prog"));
    let ran = run(&step(&["/lib64/ld-linux-x86-64.so.2", "./prog", "open_read"], dir.path()));
    assert_eq!(folded(ran.trace(), dir.path()), ["f file read", "prog file read"]);
}

#[test]
fn a_script_without_an_interpreter_line_is_run_by_the_shell() {
    if program().is_none() {
        return;
    }
    let dir = given(&[]);
    executable(&dir.path().join("prog"), "echo by the shell \"$@\"\n");
    let ran = run(&step(&["./prog", "one", "two"], dir.path()));
    assert_eq!(ran.stdout(), "by the shell one two\n");
}

#[test]
fn env_in_the_interpreter_line_looks_in_path() {
    if program().is_none() {
        return;
    }
    let dir = given(&[]);
    executable(&dir.path().join("prog"), "#!/usr/bin/env true-or-not\n");
    executable(&dir.path().join("bin/true-or-not"), "#!/bin/sh\n");
    let path = format!("{}:/usr/bin:/bin", dir.path().join("bin").display());
    let mut spawn = step(&["./prog"], dir.path());
    spawn.env = vec![(b"PATH".to_vec(), path.into_bytes())];
    let ran = run(&spawn);
    assert_eq!(ran.exit.code, Some(0), "{}", ran.stderr());
    assert_eq!(execs(ran.trace(), dir.path()), ["prog", "bin/true-or-not"]);
}

#[test]
fn go_programs_are_seen() {
    if program().is_none() || !has("go") {
        return;
    }
    let dir = given(&[("f", "file")]);
    write(
        dir.path().join("main.go"),
        "package main\nimport \"os\"\nfunc main() { os.ReadFile(\"f\") }\n",
    );
    let built = std::process::Command::new("go")
        .args(["build", "-o", "prog", "main.go"])
        .current_dir(dir.path())
        .env("CGO_ENABLED", "0")
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let ran = run(&step(&["./prog"], dir.path()));
    assert_eq!(folded(ran.trace(), dir.path()), ["f file read", "prog file exec"]);
}

/// Two C libraries in one process: no preload would be in the second.
#[test]
fn calls_of_a_second_c_library_are_seen() {
    if program().is_none() {
        return;
    }
    let dir = given(&[("f", "file")]);
    let source = "#define _GNU_SOURCE\n#include <dlfcn.h>\nint main(void) {\n\
        void *second = dlmopen(LM_ID_NEWLM, \"libc.so.6\", RTLD_NOW);\n\
        int (*opens)(const char *, int) = (int (*)(const char *, int))dlsym(second, \"open\");\n\
        return opens(\"f\", 0) < 0; }\n";
    let Some(second) = compiled("second", source, &["-ldl"]) else { return };
    let ran = run(&step(&[second.to_str().unwrap()], dir.path()));
    assert_eq!(ran.exit.code, Some(0), "{}", ran.stderr());
    assert_eq!(folded(ran.trace(), dir.path()), ["f file read"]);
}

/// With `CAP_SYS_ADMIN` over the machine no promise is needed that would keep programs from gaining
/// rights; without, none are gained: see docs/tracing.md.
#[test]
fn setuid_programs_gain_rights_where_the_helper_has_them() {
    let (Some(_), true, true) = (program(), is_root(), has("setpriv")) else { return };
    let text = "#include <stdio.h>\n#include <unistd.h>\nint main(void) { printf(\"%d\\n\", geteuid()); return 0; }\n";
    let Some(built) = compiled("euid", text, &[]) else { return };
    let dir = given(&[]);
    let file = dir.path().join("euid");
    copied(&built, &file);
    for (path, mode) in [(dir.path(), 0o755), (&file, 0o4755)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let argv = ["setpriv", "--reuid=65534", "--clear-groups", file.to_str().unwrap()];
    let ran = run(&step(&argv, dir.path()));
    let plain = run(&fspy::Spawn { traced: false, ..step(&argv, dir.path()) });
    assert_eq!(ran.stdout(), plain.stdout());
}

#[test]
fn raw_system_calls_are_seen() {
    if program().is_none() {
        return;
    }
    let dir = given(&[("f", "file")]);
    let source = "#include <fcntl.h>\n#include <unistd.h>\n#include <sys/syscall.h>\n\
         int main(void) { return syscall(SYS_openat, AT_FDCWD, \"f\", O_RDONLY) < 0; }\n";
    let Some(raw) = compiled("raw", source, &[]) else { return };
    let ran = run(&step(&[raw.to_str().unwrap()], dir.path()));
    assert_eq!(folded(ran.trace(), dir.path()), ["f file read"]);
}
