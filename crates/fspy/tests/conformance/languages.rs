//! The same operations from other languages: each reaches the kernel in its own way, and the folds
//! must be the same.
#![allow(clippy::print_stderr, reason = "what is skipped is said")]

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::support::strace::compare;
use super::support::{can_trace, fetched, fill, folded, given, has, run, step};
use super::{Case, write};

/// One operation, and the fold it must leave from whatever language.
const OPERATIONS: &[Case] = &[
    case("read", &[("f", "file")], &["f file read"]),
    case("missing", &[], &["nope absent exists"]),
    case("create", &[], &["n absent create"]),
    case("append", &[("f", "file")], &["f file append"]),
    case("rename", &[("f", "file")], &["f file delete", "g absent create"]),
    case("unlink", &[("f", "file")], &["f file delete"]),
    case("mkdir", &[], &["d absent exists create"]),
    case("list", &[("f", "file")], &[". dir exists list[f]"]),
    case("stat", &[("f", "file")], &["f file stat"]),
    case("symlink", &[("f", "file")], &["n absent exists create"]),
    case("readlink", &[("l", "nowhere")], &["l link follow"]),
    case("chdir", &[("d/f", "file")], &["d dir exists", "d/f file read"]),
    case("spawn", &[("prog", "script")], &["prog file read exec"]),
];

const fn case(
    name: &'static str,
    given: &'static [(&'static str, &'static str)],
    expected: &'static [&'static str],
) -> Case {
    Case { name, given, expected }
}

/// Runs every operation of a program, checks its fold, and compares its calls with strace's.
fn check(argv: &[&str], own: &[Case]) {
    if !can_trace() || !has(argv[0]) {
        return;
    }
    let mut wrong = Vec::new();
    for operation in OPERATIONS {
        let expected = own.iter().find(|case| case.name == operation.name).unwrap_or(operation);
        let argv = [argv, &[operation.name]].concat();
        let dir = given(operation.given);
        let ran = run(&step(&argv, dir.path()));
        assert_eq!(ran.exit.code, Some(0), "{argv:?}: {}", ran.stderr());
        let mut fold = folded(ran.trace(), dir.path());
        // Without `PWD` shells look at where they are, each when it pleases.
        for line in &mut fold {
            *line = line.replace("dir stat", "dir");
        }
        fold.retain(|line| line != ". dir");
        // bun looks around before it begins.
        if operation.name != "list" {
            fold.retain(|line| !line.starts_with(". dir exists list"));
        }
        fold.retain(|line| line != "bunfig.toml absent exists");
        if fold != expected.expected {
            wrong.push(format!("{}: {fold:?}", operation.name));
        }
        ran.assert_complete();
        compare(&argv, |dir| fill(dir, operation.given));
    }
    assert_eq!(wrong, Vec::<String>::new(), "{argv:?}");
}

fn source(dir: &TempDir, name: &str, text: &str) -> PathBuf {
    write(dir.path().join(name), text)
}

#[test]
fn python() {
    let dir = given(&[]);
    let ops = source(&dir, "ops.py", include_str!("languages/ops.py"));
    // What `PATH` finds may be a script that looks for the interpreter.
    let say = ["-c", "import sys; print(end=sys.executable)"];
    let Ok(said) = Command::new("python3").args(say).output() else { return };
    let python = String::from_utf8(said.stdout).unwrap();
    check(&[&python, "-IS", ops.to_str().unwrap()], &[]);
}

#[test]
fn node() {
    let dir = given(&[]);
    let ops = source(&dir, "ops.js", include_str!("languages/ops.js"));
    check(&["node", ops.to_str().unwrap()], &[]);
}

#[test]
fn bun_and_deno() {
    // It also sets modes, looks before it unlinks, and opens the directory that children start in.
    let deno = [
        case("append", &[("f", "file")], &["f file append touched"]),
        UNLINK_LOOKING,
        case("spawn", &[("prog", "script")], &[". dir exists", "prog file read exec"]),
    ];
    // It makes files without emptying what might be there, so that this mattered.
    let bun = [case("create", &[], &["n absent exists create"])];
    for (name, arguments, own) in
        [("bun", &["run"][..], &bun[..]), ("deno", &["run", "--allow-all"], &deno)]
    {
        let Some(program) = fetched(name) else { continue };
        let dir = given(&[]);
        let ops = source(&dir, &format!("{name}.cjs"), include_str!("languages/ops.js"));
        let argv = [&[program.to_str().unwrap()], arguments, &[ops.to_str().unwrap()]].concat();
        check(&argv, own);
    }
}

#[test]
fn perl() {
    let dir = given(&[]);
    let ops = source(&dir, "ops.pl", include_str!("languages/ops.pl"));
    // It looks whether it is a directory that it was asked to remove.
    check(&["perl", ops.to_str().unwrap()], &[UNLINK_LOOKING]);
}

#[test]
fn shells() {
    let dir = given(&[]);
    let ops = source(&dir, "ops.sh", include_str!("languages/ops.sh"));
    // `rm` looks first.
    for shell in ["dash", "bash"] {
        check(&[shell, ops.to_str().unwrap()], &[UNLINK_LOOKING]);
    }
}

#[test]
fn rust() {
    if !has("rustc") {
        return;
    }
    let dir = given(&[]);
    let ops = source(&dir, "ops.rs", include_str!("languages/ops.rs"));
    let program = ops.with_extension("rust");
    built(Command::new("rustc").args(["--edition=2024", "-o"]).arg(&program).arg(&ops));
    check(&[program.to_str().unwrap()], &[]);
}

#[test]
fn go() {
    if !has("go") {
        return;
    }
    let dir = given(&[]);
    let ops = source(&dir, "ops.go", include_str!("languages/ops.go"));
    let program = ops.with_extension("go-program");
    for cgo in ["0", "1"] {
        built(
            Command::new("go")
                .args(["build", "-o"])
                .arg(&program)
                .arg(&ops)
                .env("CGO_ENABLED", cgo),
        );
        // It opens new files for reading too, and looks before it renames.
        let create = case("create", &[], &["n absent exists create"]);
        let rename = case("rename", &[("f", "file")], &["f file delete", "g absent exists create"]);
        check(&[program.to_str().unwrap()], &[create, rename]);
    }
}

/// Static, and without a C library.
#[test]
fn zig() {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.venv/bin/python");
    if !can_trace() || !python.exists() {
        return;
    }
    let dir = given(&[("f", "file")]);
    let text = "const linux = @import(\"std\").os.linux;\n\
        pub fn main() void { _ = linux.open(\"f\", .{}, 0); }\n";
    write(dir.path().join("prog.zig"), text);
    let mut zig = Command::new(python);
    zig.args(["-m", "ziglang", "build-exe", "-fstrip", "prog.zig"]).current_dir(dir.path());
    zig.envs(["ZIG_GLOBAL_CACHE_DIR", "ZIG_LOCAL_CACHE_DIR"].map(|name| (name, dir.path())));
    let said = zig.output().unwrap();
    if !said.status.success() {
        eprintln!("skipped: no zig: {}", String::from_utf8_lossy(&said.stderr));
        return;
    }
    let ran = run(&step(&["./prog"], dir.path()));
    assert_eq!(folded(ran.trace(), dir.path()), ["f file read", "prog file exec"]);
}

const UNLINK_LOOKING: Case = case("unlink", &[("f", "file")], &["f file stat delete"]);

fn built(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
