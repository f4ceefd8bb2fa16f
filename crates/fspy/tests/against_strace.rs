//! Real tools against strace: both see the same calls of the same run, as a multiset of (call, path).
#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]
#![allow(clippy::print_stderr, reason = "what is skipped is said")]

#[path = "support/mod.rs"]
mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use support::strace::compare;
use support::{fetched, has, on_the_fast_way};

fn c_file(dir: &Path) {
    fs::write(dir.join("a.h"), "#define A 1\n").unwrap();
    let text = "#include <stdio.h>\n#include \"a.h\"\nint main(void) { return A - 1; }\n";
    fs::write(dir.join("a.c"), text).unwrap();
}

fn prepared(dir: &Path, program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).current_dir(dir).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
}

/// What steps have unless another way is asked for.
#[test]
fn on_rung_notify_the_fast_way_sees_the_same() {
    on_the_fast_way(&[]);
}

#[test]
fn gcc() {
    compare(&["gcc", "-I", "none", "-c", "a.c"], c_file);
    compare(&["gcc", "-MD", "-o", "a", "a.c"], c_file);
    let library =
        "gcc -c a.c && ar rcs liba.a a.o && ranlib liba.a && cp -a . ../copy && rm -r ../copy";
    compare(&["sh", "-c", library], c_file);
    let header = "gcc -x c-header a.h -o a.h.gch && gcc -I one -I two -I . -include a.h -c a.c";
    compare(&["sh", "-c", header], c_file);
}

/// `gcc` finds each as `ld.NAME`; `cargo` comes with a linker of its own, LLVM's.
#[test]
fn linkers() {
    for linker in ["bfd", "gold", "mold", "lld"] {
        if has(&format!("ld.{linker}")) {
            compare(&["gcc", &format!("-fuse-ld={linker}"), "-o", "a", "a.c"], c_file);
        }
    }
}

#[test]
fn clang() {
    compare(&["clang", "-I", "none", "-MD", "-c", "a.c"], c_file);
}

#[test]
fn javac() {
    let prepare = |dir: &Path| {
        let text = "public class A { public static void main(String[] a) {} }\n";
        fs::write(dir.join("A.java"), text).unwrap();
    };
    compare(&["javac", "-J-XX:TieredStopAtLevel=1", "A.java"], prepare);
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
    compare(&["git", "rev-parse", "--show-toplevel"], prepare);
    let commit = "git -c user.name=n -c user.email=e@x commit -qm one && git tag v1 && \
         git describe --dirty && git log --stat && git gc -q";
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
    // Cold, and warm.
    let script = "export GOCACHE=$PWD/cache GOPATH=$PWD/path GOFLAGS=-mod=mod; \
                  go build -o a . && go build -o a .";
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
fn ruff() {
    let ruff = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.venv/bin/ruff");
    if !ruff.exists() {
        eprintln!("skipped: no .venv with ruff");
        return;
    }
    let prepare = |dir: &Path| fs::write(dir.join("a.py"), "import sys\nprint(sys)\n").unwrap();
    compare(&[ruff.to_str().unwrap(), "check", "."], prepare);
}

#[test]
fn npm() {
    let script = "export npm_config_cache=$PWD/cache npm_config_update_notifier=false; \
                  npm install --offline --no-audit --no-fund ./dep && npm run build";
    if has("npm") {
        compare(&["sh", "-c", script], dependent);
    }
}

fn dependent(dir: &Path) {
    let package =
        "{\"name\": \"a\", \"version\": \"1.0.0\", \"scripts\": {\"build\": \"echo built\"}}\n";
    fs::write(dir.join("package.json"), package).unwrap();
    fs::create_dir(dir.join("dep")).unwrap();
    fs::write(dir.join("dep/package.json"), package.replace("\"a\"", "\"dep\"")).unwrap();
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

fn node_tool(name: &str, arguments: &[&str], prepare: impl Fn(&Path)) {
    let Some(program) = fetched(name) else { return };
    let modules = program.ancestors().nth(2).unwrap();
    let argv = [&[program.to_str().unwrap()], arguments].concat();
    let prepare = |dir: &Path| {
        std::os::unix::fs::symlink(modules, dir.join("node_modules")).unwrap();
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

#[test]
fn bun_builds() {
    node_tool("bun", &["build", "a.ts", "--outfile=out.js"], web_page);
}

#[test]
fn deno_checks() {
    let Some(deno) = fetched("deno") else { return };
    let script = format!(
        "DENO_NO_UPDATE_CHECK=1 DENO_DIR=$PWD/cache {} check --no-config a.ts",
        deno.display()
    );
    compare(&["sh", "-c", &script], web_page);
}

#[test]
fn pnpm() {
    let Some(pnpm) = fetched("pnpm") else { return };
    let script = format!(
        "npm_config_update_notifier=false HOME=$PWD/home XDG_CACHE_HOME=$PWD/cache {} install --offline --store-dir store ./dep",
        pnpm.display()
    );
    compare(&["sh", "-c", &script], dependent);
}
