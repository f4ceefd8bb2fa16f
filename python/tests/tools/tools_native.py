"""Compilers and what drives them, and a few tools of the system, in their default configuration."""

from __future__ import annotations

from ..metamorphic.edits import Chmod, Delete, Touch, Write
from ..metamorphic.tree import File
from .tool import Tool

MAIN_C = '#include <stdio.h>\n#include "conf.h"\nint other(void);\nint main(void) { printf("%d %d\\n", ANSWER, other()); }\n'
C_FILES = {
    "main.c": MAIN_C,
    "other.c": "int other(void) { return 7; }\n",
    "conf.h": "#define ANSWER 42\n",
}
C_EDITS = (
    Write("other.c", b"int other(void) { return 1234; }\n"),
    Write("conf.h", b"#define ANSWER 4321\n"),
    Write("main.c", b"int broken(\n"),
    Delete("conf.h"),
    Touch("main.c"),
)
MAKEFILE = """\
CFLAGS = -O1 -MMD
app: main.o other.o
\t$(CC) -o $@ $^
-include main.d other.d
"""
CARGO = "`target/` is ordinary state: what an unfinished or failed build left there is a stranger's"

CMAKE = """\
cmake_minimum_required(VERSION 3.10)
project(app C)
add_executable(app main.c other.c)
"""

MAKE = Tool(
    "make",
    C_FILES | {"Makefile": MAKEFILE},
    "make",
    C_EDITS,
    "./app",
    needs=("make", "gcc"),
    prints=False,
    quick=True,
)

LTO = Tool(
    "gcc -flto",
    C_FILES,
    "gcc -O2 -flto main.c other.c -o app",
    C_EDITS,
    "./app",
    needs=("gcc",),
    quick=True,
)

CMAKE_MAKE = Tool(
    "cmake, make",
    C_FILES | {"CMakeLists.txt": CMAKE},
    "cmake -S . -B build && cmake --build build",
    C_EDITS,
    "build/app",
    needs=("cmake", "make", "gcc"),
    prints=False,
    quick=True,
)

CMAKE_NINJA = Tool(
    "cmake, ninja",
    C_FILES | {"CMakeLists.txt": CMAKE},
    "cmake -S . -B build -G Ninja && cmake --build build",
    C_EDITS,
    "build/app",
    needs=("cmake", "ninja", "gcc"),
    prints=False,
)

CONFIGURE_SH = """\
#!/bin/sh
set -e
rm -rf conftest* && printf 'int main(void){return 0;}' > conftest.c
${CC-cc} conftest.c -o conftest && ./conftest && echo '#define HAVE_CC 1' > config.h
grep -q word features && echo '#define ANSWER 5' >> config.h || echo '#define ANSWER 6' >> config.h
rm -f conftest*
sed 's/@CFLAGS@/-O1/' Makefile.in > Makefile
echo "ANSWER: $(grep -c . config.h)" > config.log
"""

CONFIGURE = Tool(
    "a configure script, make",
    {
        "configure": File(CONFIGURE_SH.encode(), 0o755),
        "Makefile.in": "CFLAGS = @CFLAGS@\napp: main.o\n\t$(CC) -o $@ $^\nmain.o: config.h\n",
        "main.c": '#include <stdio.h>\n#include "config.h"\nint main(void) { printf("%d\\n", ANSWER); }\n',
        "features": "word\n",
    },
    "./configure && make",
    (
        Write("features", b"none\n"),
        Write("main.c", b"int main(void) { return 3; }\n"),
        Chmod("configure", 0o644),
    ),
    "./app",
    needs=("make", "cc"),
    quick=True,
)

CARGO_FILES = {
    "Cargo.toml": '[package]\nname = "app"\nversion = "0.1.0"\nedition = "2021"\n'
    "[workspace]\n",
    "Cargo.lock": 'version = 4\n\n[[package]]\nname = "app"\nversion = "0.1.0"\n',
    "src/main.rs": 'mod part;\nfn main() { println!("{} {}", part::word(), include_str!("word.txt")); }\n',
    "src/part.rs": "pub fn word() -> u32 { 1 }\n#[cfg(test)]\nmod tests {\n    #[test]\n"
    "    fn words() { assert!(super::word() > 0); }\n}\n",
    "src/word.txt": "word\n",
}
CARGO_EDITS = (
    Write("src/part.rs", b"pub fn word() -> u32 { 22 }\n"),
    Write("src/word.txt", b"other words\n"),
    Write("src/main.rs", b"fn main( {\n"),
    Touch("src/main.rs"),
)


def cargo(verb: str, probe: str) -> Tool:
    """A cargo command on a package without dependencies."""
    return Tool(
        f"cargo {verb}", CARGO_FILES, f"cargo {verb} --offline", CARGO_EDITS, probe,
        needs=("cargo", "cc"), prints=False, not_yet=CARGO,
    )  # fmt: skip


GO_FILES = {
    "go.mod": "module example.com/app\n\ngo 1.20\n",
    "main.go": 'package main\n\nimport (\n\t"fmt"\n\n\t"example.com/app/part"\n)\n\n'
    "func main() { fmt.Println(part.Word()) }\n",
    "part/part.go": "package part\n\n// Word is one.\nfunc Word() int { return 1 }\n",
    "part/part_test.go": 'package part\n\nimport "testing"\n\nfunc TestWord(t *testing.T) {\n'
    "\tif Word() < 1 {\n\t\tt.Fatal(Word())\n\t}\n}\n",
}
GO_EDITS = (
    Write("part/part.go", b"package part\n\n// Word is two.\nfunc Word() int { return 2222 }\n"),
    Write("part/more.go", b"package part\n\nfunc more() int { return 3 }\n"),
    Write("part/part.go", b"package part\n\nfunc Word() int { return }\n"),
    Touch("main.go"),
)


def go(verb: str, command: str, probe: str = "true") -> Tool:
    """A go command on a module without dependencies."""
    return Tool(
        f"go {verb}", GO_FILES, command, GO_EDITS, probe, needs=("go",), prints=False
    )


JAVA = Tool(
    "javac, jar",
    {
        "src/app/Main.java": "package app;\npublic class Main {\n  public static void main(String[] a) {"
        " System.out.println(Part.word()); }\n}\n",
        "src/app/Part.java": 'package app;\nclass Part { static String word() { return "one"; } }\n',
    },
    "javac -d out $(find src -name '*.java' | sort) &&"
    " jar --create --file app.jar --date 2020-01-01T00:00:00Z --main-class app.Main -C out .",
    (
        Write(
            "src/app/Part.java",
            b'package app;\nclass Part { static String word() { return "second"; } }\n',
        ),
        Write("src/app/Part.java", b"class\n"),
        Touch("src/app/Main.java"),
    ),
    "java -jar app.jar",
    needs=("javac", "jar", "java"),
    quick=True,
)

GIT = Tool(
    "git describe",
    {"a.txt": "a\n", ".gitignore": "/.taskrunner\n/version.txt\n"},
    "git describe --always --dirty > version.txt",
    (Write("a.txt", b"other\n"), Touch("a.txt")),
    "sed 's/[0-9a-f]\\{7\\}/HASH/' version.txt",
    needs=("git",),
    git=True,
)

OPENSSL = Tool(
    "openssl",
    {"in.txt": "in\n", "key.hex": "00112233445566778899aabbccddeeff\n"},
    "openssl dgst -sha256 in.txt > in.sha256 && openssl enc -aes-128-cbc -K $(cat key.hex) -iv"
    " 00000000000000000000000000000000 -in in.txt -out in.enc",
    (Write("in.txt", b"other\n"), Write("key.hex", b"ff112233445566778899aabbccddeeff\n")),
    "cat in.sha256; openssl base64 -in in.enc",
    needs=("openssl",),
    quick=True,
)

SQLITE = Tool(
    "sqlite3",
    {
        "schema.sql": "create table t(a);\ninsert into t values (1);\n",
        "query.sql": "select * from t;\n",
    },
    "rm -f app.db && sqlite3 app.db < schema.sql && sqlite3 app.db < query.sql > out.txt",
    (
        Write("schema.sql", b"create table t(a);\ninsert into t values (22);\n"),
        Write("query.sql", b"select a + 1 from t;\n"),
        Write("query.sql", b"select from;\n"),
    ),
    "cat out.txt",
    needs=("sqlite3",),
    quick=True,
)

TOOLS = [
    *(MAKE, CMAKE_MAKE, CMAKE_NINJA, LTO, CONFIGURE),
    cargo("build", "target/debug/app"),
    cargo("check", "test -d target/debug"),
    cargo("test", "test -d target/debug/deps"),
    go("build", "go build -o app .", "./app"),
    go("test", "go test ./..."),
    go("vet", "go vet ./..."),
    *(JAVA, GIT, OPENSSL, SQLITE),
]
