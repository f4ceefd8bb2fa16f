//! Files for steps to find: directories made ready, programs written and compiled.

use std::fs;
use std::io::Read;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

use super::{PROGRAMS, has};

/// A directory with files, directories (`dir`), programs (`script`) and links (their target).
pub(crate) fn given(entries: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    fill(dir.path(), entries);
    dir
}

/// Puts such entries into a directory.
pub(crate) fn fill(dir: &Path, entries: &[(&str, &str)]) {
    for (name, what) in entries {
        let path = dir.join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("its parent");
        match *what {
            "file" => fs::write(path, "content\n").expect("a file"),
            "dir" => fs::create_dir(path).expect("a directory"),
            "script" => executable(&path, "#!/bin/sh\n"),
            target => symlink(target, path).expect("a link"),
        }
    }
}

/// Writes a script to be executed.
///
/// Another process does it, as with every program of these tests: what this one has open for writing,
/// the children have too that other tests fork meanwhile, and until those execute something, whoever
/// executes the file is told that it is busy.
pub(crate) fn executable(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a parent")).expect("its parent");
    let mut shell = Command::new("sh");
    shell.args(["-c", "printf %s \"$1\" >\"$0\" && chmod 755 \"$0\""]).arg(path).arg(text);
    assert!(shell.status().expect("a shell").success(), "{}", path.display());
}

/// Copies a program to be executed, as [`executable`] writes one.
pub(crate) fn copied(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg(from).arg(to).status().expect("cp");
    assert!(copied.success(), "{}", from.display());
}

/// Reads a whole file as text; empty if it is not there.
pub(crate) fn text(path: &Path) -> String {
    let mut text = String::new();
    if let Ok(mut file) = fs::File::open(path) {
        file.read_to_string(&mut text).expect("text");
    }
    text
}

static COUNT: AtomicU32 = AtomicU32::new(0);

/// A directory for them.
pub(crate) fn scratch() -> PathBuf {
    std::env::var_os(PROGRAMS).unwrap_or_else(|| env!("CARGO_TARGET_TMPDIR").into()).into()
}

/// For `compiled`: with musl as the C library, and the kernel's headers, which it lacks.
pub(crate) const MUSL: &str = "-idirafter/usr/include";
const KERNEL_HEADERS: &str = "-idirafter/usr/include/x86_64-linux-gnu";

/// Compiles a C program; `None`, with the reason printed, if that can't be done here.
pub(crate) fn compiled(name: &str, text: &str, flags: &[&str]) -> Option<PathBuf> {
    let compiler = if flags.contains(&MUSL) { "musl-gcc" } else { "gcc" };
    if !has(compiler) {
        return None;
    }
    let target = scratch().join(format!("{name}{}", flags.concat().replace('/', "-")));
    // Tests run side by side, in this process and in others.
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let unfinished = target.with_extension(format!("{}-{number}.x", std::process::id()));
    let source = unfinished.with_extension("c");
    fs::write(&source, text).expect("the source");
    let mut gcc = Command::new(compiler);
    if compiler != "gcc" {
        gcc.arg(KERNEL_HEADERS);
    }
    gcc.args(["-O1", "-w", "-pthread", "-o"]).arg(&unfinished).arg(&source).args(flags);
    let output = gcc.output().expect("gcc");
    fs::remove_file(source).expect("the source goes");
    if output.status.success() {
        fs::rename(unfinished, &target).expect("the program gets its name");
        return Some(target);
    }
    // A flag may ask for what is not installed; without any, the program itself is wrong.
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!flags.is_empty(), "{said}");
    eprintln!("skipped: gcc {flags:?}: {said}");
    None
}
