//! Real tools against strace: both see the same calls of the same run, as a multiset of (call, path).
#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]
#![allow(clippy::print_stderr, reason = "what is skipped is said")]

#[path = "support/mod.rs"]
mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use support::has;
use support::strace::compare;

fn c_file(dir: &Path) {
    fs::write(dir.join("a.h"), "#define A 1\n").unwrap();
    let text = "#include <stdio.h>\n#include \"a.h\"\nint main(void) { return A - 1; }\n";
    fs::write(dir.join("a.c"), text).unwrap();
}

fn prepared(dir: &Path, program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).current_dir(dir).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn gcc() {
    compare(&["gcc", "-I", "none", "-c", "a.c"], c_file);
    compare(&["gcc", "-MD", "-o", "a", "a.c"], c_file);
    let library =
        "gcc -c a.c && ar rcs liba.a a.o && ranlib liba.a && cp -a . ../copy && rm -r ../copy";
    compare(&["sh", "-c", library], c_file);
}

#[test]
fn make() {
    let prepare = |dir: &Path| {
        c_file(dir);
        fs::write(dir.join("Makefile"), "a: a.o\n\tgcc -o $@ $<\na.o: a.c a.h\n").unwrap();
    };
    compare(&["make"], prepare);
}

#[test]
fn cmake_and_ninja() {
    if !has("ninja") {
        return;
    }
    let prepare = |dir: &Path| {
        c_file(dir);
        let lists = "cmake_minimum_required(VERSION 3.18)\nproject(a C)\nadd_executable(a a.c)\n";
        fs::write(dir.join("CMakeLists.txt"), lists).unwrap();
    };
    let script = "cmake -G Ninja -S . -B build >log && ninja -C build >>log";
    compare(&["sh", "-c", script], prepare);
}

#[test]
fn git() {
    let prepare = |dir: &Path| {
        c_file(dir);
        prepared(dir, "git", &["init", "-q"]);
        prepared(dir, "git", &["add", "a.c"]);
    };
    compare(&["git", "status"], prepare);
    let commit =
        "git -c user.name=n -c user.email=e@x commit -qm one && git log --stat && git gc -q";
    compare(&["sh", "-c", commit], prepare);
}

#[test]
fn tar() {
    compare(&["tar", "cf", "x.tar", "."], c_file);
    compare(&["sh", "-c", "tar czf x.tgz a.c && mkdir d && tar xzf x.tgz -C d"], c_file);
}

#[test]
fn rsync() {
    if has("rsync") {
        compare(&["rsync", "-a", "./", "copy/"], c_file);
    }
}

#[test]
fn cargo() {
    if !has("cargo") {
        return;
    }
    let prepare = |dir: &Path| {
        let manifest = "[package]\nname = \"a\"\nversion = \"0.1.0\"\nedition = \"2021\"\n";
        fs::write(dir.join("Cargo.toml"), manifest).unwrap();
        fs::create_dir(dir.join("src")).unwrap();
        fs::write(dir.join("src/main.rs"), "fn main() { println!(\"{}\", 1); }\n").unwrap();
    };
    let script = "CARGO_HOME=$PWD/home cargo build -q --offline";
    compare(&["sh", "-c", script], prepare);
}

#[test]
fn go_build() {
    if !has("go") {
        return;
    }
    let prepare = |dir: &Path| {
        fs::write(dir.join("go.mod"), "module a\n\ngo 1.20\n").unwrap();
        fs::write(dir.join("main.go"), "package main\n\nfunc main() { println(1) }\n").unwrap();
    };
    let script = "GOCACHE=$PWD/cache GOPATH=$PWD/path GOFLAGS=-mod=mod go build -o a .";
    compare(&["sh", "-c", script], prepare);
}

#[test]
fn pytest() {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.venv/bin/python");
    let Ok(python) = python.canonicalize().map(|_| python) else {
        eprintln!("skipped: no .venv with pytest");
        return;
    };
    let prepare = |dir: &Path| {
        fs::write(dir.join("test_a.py"), "def test_a():\n    assert 1 + 1 == 2\n").unwrap();
    };
    let python = python.to_str().unwrap();
    let argv = [python, "-m", "pytest", "-q", "-p", "no:randomly", "-p", "no:cacheprovider"];
    compare(&argv, prepare);
}

#[test]
fn pip() {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.venv/bin/python");
    if !python.exists() {
        eprintln!("skipped: no .venv with pip");
        return;
    }
    let prepare = |dir: &Path| {
        fs::create_dir(dir.join("wheel")).unwrap();
        let make = "import zipfile; z = zipfile.ZipFile('a-1-py3-none-any.whl', 'w'); \
            z.writestr('a.py', 'x = 1\\n'); \
            z.writestr('a-1.dist-info/METADATA', 'Metadata-Version: 2.1\\nName: a\\nVersion: 1\\n'); \
            z.writestr('a-1.dist-info/WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n'); \
            z.writestr('a-1.dist-info/RECORD', ''); z.close()";
        prepared(dir, "python3", &["-c", make]);
    };
    let python = python.to_str().unwrap();
    let argv = [
        python,
        "-m",
        "pip",
        "install",
        "--no-index",
        "--no-deps",
        "--no-cache-dir",
        "--disable-pip-version-check",
        "--target",
        "t",
        "./a-1-py3-none-any.whl",
    ];
    compare(&argv, prepare);
}

#[test]
fn python_imports() {
    compare(&["python3", "-c", "import json"], |_| ());
}

#[test]
fn a_shell_with_pipes_links_and_renames() {
    let script = "ls | sort >list; ln -s list link; cat link | tr a b >t; mv t u; rm -f u none; \
                  mkdir -p d/e; cp list d/e; mv d f; find f | xargs ls -ld; test -x none; cd f; pwd";
    compare(&["sh", "-c", script], c_file);
}

#[test]
fn a_search_through_a_tree() {
    compare(&["grep", "-r", "define", "."], c_file);
}

/// A tool from the npm registry, in a directory that `FSPY_TEST_NODE_TOOLS` names: `make test-tools`
/// puts it there.
fn node_tool(name: &str, arguments: &[&str], prepare: impl Fn(&Path)) {
    let Some(tools) = std::env::var_os("FSPY_TEST_NODE_TOOLS") else {
        eprintln!("skipped: {name} is fetched by `make test-tools` only");
        return;
    };
    let program = Path::new(&tools).join("node_modules/.bin").join(name);
    let argv = [&[program.to_str().unwrap()], arguments].concat();
    let prepare = |dir: &Path| {
        std::os::unix::fs::symlink(
            Path::new(&tools).join("node_modules"),
            dir.join("node_modules"),
        )
        .unwrap();
        prepare(dir);
    };
    compare(&argv, prepare);
}

fn web_page(dir: &Path) {
    fs::write(dir.join("index.html"), "<script type=module src=./a.ts></script>\n").unwrap();
    fs::write(dir.join("a.ts"), "export const a: number = 1;\nconsole.log(a);\n").unwrap();
    let config = "{\"compilerOptions\": {\"outDir\": \"out\", \"incremental\": true}, \"files\": [\"a.ts\"]}\n";
    fs::write(dir.join("tsconfig.json"), config).unwrap();
    fs::write(dir.join("package.json"), "{\"name\": \"a\", \"type\": \"module\"}\n").unwrap();
}

#[test]
fn tsc() {
    node_tool("tsc", &["-p", "."], web_page);
}

#[test]
fn esbuild() {
    node_tool("esbuild", &["a.ts", "--bundle", "--outfile=out.js"], web_page);
}

#[test]
fn vite() {
    node_tool("vite", &["build"], web_page);
}
