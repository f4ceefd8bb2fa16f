"""Cases over compilers, interpreters, generators and programs no preload can see."""

from __future__ import annotations

import subprocess
import tempfile
from functools import cache
from pathlib import Path

from .case import Case, Change, Conditions, Task, change, simple
from .edits import Delete, Put, SameSize, Touch, Write
from .tree import File

COMPILE_DEADLINE = 60.0

MAIN_C = '#include "conf.h"\nint answer(void) { return ANSWER; }\n'

GCC = Case(
    "gcc -c, a header found on a search path",
    {
        "src/main.c": MAIN_C,
        "inc1/other.h": "\n",
        "inc2/conf.h": "#define ANSWER 42\n",
        "inc3/conf.h": "#define ANSWER 7\n",
    },
    simple("mkdir -p obj; gcc -Iinc1 -Iinc2 -Iinc3 -c src/main.c -o obj/main.o"),
    (
        change(SameSize("inc2/conf.h", b"42", b"43"), "build", names="inc2/conf.h"),
        change(Write("inc1/conf.h", b"#define ANSWER 1\n"), "build", names="inc1/conf.h"),
        change(Write("src/conf.h", b"#define ANSWER 2\n"), "build", names="src/conf.h"),
        change(Delete("inc2/conf.h"), "build", names="inc2/conf.h"),
        change(Write("src/main.c", b"int broken(\n"), "build", names="src/main.c"),
        change(Write("inc3/conf.h")),
        change(Touch("src/main.c")),
    ),
    needs=("gcc",),
    stranger_in="obj",
)

AR = Case(
    "gcc -c; ar",
    {"a.c": "int a(void) { return 1; }\n", "b.c": "int b(void) { return 2; }\n"},
    (
        Task("objects", ("gcc -c a.c -o a.o", "gcc -c b.c -o b.o")),
        Task("lib", "rm -f lib.a; ar rcsD lib.a a.o b.o", depends_on=("objects",)),
    ),
    (
        change(Write("a.c", b"int a(void) { return 3; }\n"), "objects", "lib", names="a.c"),
        change(Write("b.c", b"int b(void) { return 4; }\n"), "objects:1", "lib", names="b.c"),
        change(Write("b.c", b"/* */ int b(void) { return 2; }\n"), "objects:1", names="b.c"),
    ),
    needs=("gcc", "ar"),
)

AR_UPDATE = Case(
    "ar, updating its archive",
    {"a.txt": "a\n", "b.txt": "b\n"},
    simple("ar rcsD lib.a a.txt b.txt"),
    (
        change(SameSize("a.txt"), "build", names="a.txt"),
        change(Touch("a.txt")),
    ),
    needs=("ar",),
    corrupt_fails="ar reads the archive it updates, and refuses what is none",
)

MODULES = {
    "pkg/__init__.py": "",
    "pkg/a.py": "A = 1\n",
    "pkg/sub/__init__.py": "",
    "pkg/sub/b.py": "B = 2\n",
}

# Checked hashes, because times are no values and a time-stamped .pyc holds one.
COMPILEALL = Case(
    "python -m compileall, files beside the sources",
    MODULES,
    simple("python3 -m compileall -q -b --invalidation-mode checked-hash pkg"),
    (
        change(SameSize("pkg/a.py", b"1", b"3"), "build", names="pkg/a.py"),
        # No removal: compileall itself leaves the .pyc of a module that is gone.
        change(Write("pkg/c.py", b"C = 3\n"), "build", names="pkg"),
        change(Touch("pkg/a.py")),
    ),
)

COMPILEALL_CACHE = Case(
    "python -m compileall, __pycache__",
    MODULES,
    simple("python3 -m compileall -q pkg"),
    (
        change(Write("pkg/a.py", b"A = 4\n"), "build", names="pkg/a.py"),
        change(Write("pkg/c.py", b"C = 3\n"), "build", names="pkg"),
        change(Touch("pkg/a.py")),
    ),
    neutral=("__pycache__",),
)

GENERATOR_PY = """\
import pathlib
out = pathlib.Path("gen")
out.mkdir(exist_ok=True)
names = pathlib.Path("schema.txt").read_text().split()
for stale in out.iterdir():
    if stale.stem not in names:
        stale.unlink()
for name in names:
    text = f"class {name}:\\n    pass\\n"
    path = out / f"{name}.py"
    path.write_text(text)
print(f"generated {len(names)} files")
"""

# Leaves alone what already holds the right text: the next result is built on the standing one.
INCREMENTAL_PY = GENERATOR_PY.replace(
    "    path.write_text(text)",
    "    if not path.exists() or path.read_text() != text:\n        path.write_text(text)",
)


def generator(name: str, script: str) -> Case:
    """The case of a generator, whichever way it writes."""
    edited = script.replace("pass", "...").encode()
    return Case(
        name,
        {"tools/gen.py": script, "schema.txt": "Cat\nDog\nEel\n"},
        simple("python3 tools/gen.py"),
        (
            schema(b"Cat\nDog\n"),
            schema(b"Cat\nDog\nEel\nFox\n"),
            schema(b"Cat\nDot\nEel\n"),
            change(Write("tools/gen.py", edited), "build", names="tools/gen.py"),
            change(Touch("schema.txt")),
        ),
    )


def schema(data: bytes) -> Change:
    """Another schema, which the generator must follow."""
    return change(Write("schema.txt", data), "build", names="schema.txt")


GENERATOR = generator("a generator that removes what is stale", GENERATOR_PY)
INCREMENTAL_GENERATOR = generator("a generator that keeps what is right", INCREMENTAL_PY)

AWK = Case(
    "awk, a script that includes another file",
    {"main.awk": "{ print prefix $1 }\n", "lib.awk": 'BEGIN { prefix = "> " }\n', "in": "a b\n"},
    simple("awk -f lib.awk -f main.awk in > out"),
    (
        change(Write("lib.awk", b'BEGIN { prefix = "# " }\n'), "build", names="lib.awk"),
        change(SameSize("in"), "build", names="in"),
    ),
)

SHADOWED = Case(
    "a program shadowed on PATH",
    {
        "first/README": "",
        "second/greet": File(b"#!/bin/sh\necho hello\n", 0o755),
        "third/greet": File(b"#!/bin/sh\necho bye\n", 0o755),
    },
    simple("greet > out.txt"),
    (
        change(
            Put("first/greet", File(b"#!/bin/sh\necho new\n", 0o755)),
            "build",
            names="greet",
        ),
        change(Put("second/greet", File(b"#!/bin/sh\necho HELLO\n", 0o755)), "build"),
        change(Delete("second/greet"), "build", names="greet"),
        change(
            Put(".venv/bin/greet", File(b"#!/bin/sh\necho venv\n", 0o755)),
            "build",
            names=".venv",
        ),
        change(Write("third/greet", b"#!/bin/sh\necho later\n")),
    ),
    conditions=Conditions(
        {"PATH": "{root}/first:{root}/.venv/bin:{root}/second:{root}/third:/usr/bin:/bin"}
    ),
)

SHEBANG = Case(
    "a script whose interpreter is in the workspace",
    {
        "bin/interp": File(b'#!/bin/sh\necho "interp"\ncat "$1"\n', 0o755),
        "job": File(b"#!bin/interp\npayload\n", 0o755),
    },
    simple("./job > out.txt"),
    (
        change(SameSize("job", b"payload", b"PAYLOAD"), "build", names="job"),
        change(
            Put("bin/interp", File(b'#!/bin/sh\necho "other"\ncat "$1"\n', 0o755)),
            "build",
            names="bin/interp",
        ),
    ),
)

# Copies in.txt to out.txt, behind a line from opt.txt if there is one.
STATIC_C = """\
#include <stdio.h>
static void copy(const char *path, FILE *out) {
    FILE *in = fopen(path, "r");
    int c;
    if (!in) return;
    while ((c = getc(in)) != EOF) putc(c, out);
    fclose(in);
}
int main(void) {
    FILE *out = fopen("out.txt", "w");
    copy("opt.txt", out);
    copy("in.txt", out);
    return fclose(out);
}
"""

# The same by raw system calls, without a libc's wrappers: openat, read, write, close, renameat2.
RAW_C = """\
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>
static void copy(const char *path, long out) {
    char buffer[4096];
    long in = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY, 0), n;
    if (in < 0) return;
    while ((n = syscall(SYS_read, in, buffer, sizeof buffer)) > 0)
        syscall(SYS_write, out, buffer, n);
    syscall(SYS_close, in);
}
int main(void) {
    long out = syscall(SYS_openat, AT_FDCWD, "tmp.txt", O_WRONLY | O_CREAT | O_EXCL, 0640);
    if (out < 0) return 1;
    copy("opt.txt", out);
    copy("in.txt", out);
    syscall(SYS_close, out);
    return syscall(SYS_renameat2, AT_FDCWD, "tmp.txt", AT_FDCWD, "out.txt", 0) != 0;
}
"""


@cache
def static_program(source: str) -> bytes:
    """The bytes of the program, linked without any shared library."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "program.c"
        path.write_text(source, encoding="utf-8")
        subprocess.run(
            ["gcc", "-static", "-Os", "-o", str(path.with_suffix("")), str(path)],
            check=True,
            timeout=COMPILE_DEADLINE,
        )
        return path.with_suffix("").read_bytes()


def static_case(name: str, source: str) -> Case:
    """The case of a static program at work in the workspace."""
    program = File(static_program(source), 0o755)
    return Case(
        name,
        {"bin/tool": program, "in.txt": "in\n"},
        simple("bin/tool"),
        (
            change(SameSize("in.txt", b"i", b"o"), "build", names="in.txt"),
            change(Write("opt.txt"), "build", names="opt.txt"),
            change(Delete("in.txt"), "build", names="in.txt"),
            change(Touch("in.txt")),
        ),
    )


def static_binary() -> Case:
    """A static program on a libc."""
    return static_case("a static binary", STATIC_C)


def raw_binary() -> Case:
    """A static program on raw system calls."""
    return static_case("a static binary, raw system calls", RAW_C)


CASES = [
    *(GCC, AR, AR_UPDATE, COMPILEALL, COMPILEALL_CACHE, GENERATOR, INCREMENTAL_GENERATOR),
    *(AWK, SHADOWED, SHEBANG),
]
BUILT = [static_binary, raw_binary]
