"""The commands that `trace_overhead.py` measures, and the trees they run in."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent.parent
NODE_TOOLS = Path(os.environ.get("FSPY_TEST_NODE_TOOLS", HERE / "target" / "node-tools"))
"""Where `make test-tools` puts tools from the npm registry."""


class Case(NamedTuple):
    """A command and the directory it runs in; or why it is left out."""

    name: str
    argv: list[str]
    cwd: Path
    goal: str = ""
    """What its ratio is to be at most."""
    missing: str = ""


LOOP = """
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#define CHUNKS 200
#define EACH 500
static double times[CHUNKS];
static int less(const void *a, const void *b) {
  return *(double *)a < *(double *)b ? -1 : *(double *)a > *(double *)b;
}
int main(int argc, char **argv) {
  struct stat s;
  char name[] = "file00000", kind = argv[1][0];
  for (int chunk = 0, i = 0; chunk < CHUNKS; chunk++) {
    struct timespec from, to;
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (int n = 0; n < EACH; n++, i++) {
      if (kind != 'r')
        name[4] = '0' + i / 10000 % 10, name[5] = '0' + i / 1000 % 10, name[6] = '0' + i / 100 % 10,
        name[7] = '0' + i / 10 % 10, name[8] = '0' + i % 10;
      if (kind == 's' || kind == 'r') stat(name, &s);
      if (kind == 'o') close(open(name, O_RDONLY));
      if (kind == 'a') name[0] = 'n', stat(name, &s);
    }
    clock_gettime(CLOCK_MONOTONIC, &to);
    times[chunk] = ((to.tv_sec - from.tv_sec) * 1e9 + to.tv_nsec - from.tv_nsec) / EACH;
  }
  qsort(times, CHUNKS, sizeof *times, less);
  FILE *out = fopen(argv[2], "w");
  fprintf(out, "%f\\n", times[CHUNKS / 2]);
  return fclose(out);
}
"""
CALLS = {"stat": "s", "stat again": "r", "open": "o", "absent": "a"}
"""Each path once, but for one that is looked at a hundred thousand times."""
FILES = 100_000

TRUE = "i=0; while [ $i -lt 200 ]; do /bin/true; i=$((i+1)); done"
CONFIGURE = """
for h in stdio.h stdlib.h none.h unistd.h zlib.h; do
  echo "#include <$h>" > conftest.c
  if gcc -E conftest.c > /dev/null 2>&1; then echo "$h yes"; else echo "$h no"; fi
  for t in sed awk grep none; do command -v $t > /dev/null; done
  expr x : x > /dev/null; cat conftest.c | sed s/a/b/ > /dev/null
done
rm -f conftest.c
"""


def calls(scratch: Path) -> list[Case]:
    """Loops of one call each: they write nanoseconds per call, the median of their chunks."""
    root = scratch / "files"
    root.mkdir()
    for number in range(FILES):
        (root / f"file{number:05}").touch()
    (scratch / "loop.c").write_text(LOOP)
    subprocess.run(["gcc", "-O1", "-w", "-o", "loop", "loop.c"], check=True, cwd=scratch)
    loop, out = str(scratch / "loop"), str(scratch / "each")
    return [Case(name, [loop, letter, out], root) for name, letter in CALLS.items()]


def commands(scratch: Path) -> list[Case]:
    """Whole commands."""
    sources = compiled(scratch / "c")
    pytest = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    page = web_page(scratch / "web")
    cases = [
        Case("200 x /bin/true", shell(TRUE), scratch, "1.15"),
        Case("git status", ["git", "status"], repository(scratch / "clone"), "1.25"),
        Case("grep -r", ["grep", "-rc", "define", "/usr/include/linux"], scratch, "1.25"),
        Case("find", ["find", "/usr/include", "-size", "+1"], scratch, "1.25"),
        Case("gcc -c", ["gcc", "-O1", "-c", "f0.c", "-o", "/dev/null"], sources, "1.10"),
        Case("make", ["make", "-s", "-B"], sources, "1.05"),
        Case("tsc", [node_tool("tsc"), "-p", "."], page, "1.05"),
        Case("vite build", [node_tool("vite"), "build", "-l", "silent"], page, "1.05"),
        Case("esbuild", [esbuild(), "a.ts", "--bundle", "--outfile=out.js"], page, "1.3"),
        Case(
            "cargo build", shell("rm -rf target; cargo build -q --offline"), crate(scratch), "1.05"
        ),
        Case("go build", shell("go build -a -o /dev/null strings"), go(scratch), "1.3"),
        Case("pytest", pytest, tests(scratch / "suite"), "1.05"),
        Case("configure", shell(CONFIGURE), scratch),
    ]
    return [checked(case) for case in cases]


def checked(case: Case) -> Case:
    """Leave a command out whose tool is not there."""
    tools = {"cargo build": "cargo", "go build": "go"}
    tool = tools.get(case.name, case.argv[0])
    return case if shutil.which(tool) else case._replace(missing=f"{tool} is not installed")


def node_tool(name: str) -> str:
    """A tool from the npm registry."""
    return str(NODE_TOOLS / "node_modules" / ".bin" / name)


def esbuild() -> str:
    """The static program, not the script that starts it."""
    found = sorted(NODE_TOOLS.glob("node_modules/@esbuild/*/bin/esbuild"))
    return str(found[0]) if found else "esbuild"


def shell(script: str) -> list[str]:
    """Run a script."""
    return ["sh", "-c", script]


def repository(root: Path) -> Path:
    """Make a repository of five thousand files."""
    for number in range(5_000):
        path = root / f"d{number % 100}" / f"f{number}"
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(str(number))
    git = ["git", "-c", "user.name=n", "-c", "user.email=e", "-c", "gc.auto=0"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "all"]):
        subprocess.run([*git, *arguments], check=True, cwd=root)
    return root


def compiled(root: Path) -> Path:
    """Make a make project of two hundred C files."""
    root.mkdir()
    names = [f"f{number}" for number in range(200)]
    for name in names:
        (root / f"{name}.c").write_text(f"#include <stdio.h>\n#include <stdlib.h>\nint {name};\n")
    objects = " ".join(f"{name}.o" for name in names)
    (root / "Makefile").write_text(f"all: {objects}\n%.o: %.c\n\tgcc -O1 -c $< -o $@\n")
    return root


def web_page(root: Path) -> Path:
    """Make a page with a hundred modules."""
    root.mkdir()
    (root / "index.html").write_text("<script type=module src=./a.ts></script>\n")
    names = [f"m{number}" for number in range(100)]
    for name in names:
        (root / f"{name}.ts").write_text(f"export const {name}: number = {len(name)};\n")
    imports = "".join(f'import {{ {name} }} from "./{name}";\n' for name in names)
    (root / "a.ts").write_text(f"{imports}console.log({' + '.join(names)});\n")
    options = '{"outDir": "out", "moduleResolution": "node", "module": "es2020"}'
    (root / "tsconfig.json").write_text(f'{{"compilerOptions": {options}, "files": ["a.ts"]}}\n')
    (root / "package.json").write_text('{"name": "a", "type": "module"}\n')
    (root / "node_modules").symlink_to(NODE_TOOLS / "node_modules")
    return root


def tests(root: Path) -> Path:
    """Make a suite of twenty test files."""
    root.mkdir()
    for number in range(20):
        text = "def test(tmp_path):\n    assert tmp_path.exists()\n"
        (root / f"test_{number}.py").write_text(text)
    return root


def go(scratch: Path) -> Path:
    """Make a Go module."""
    root = scratch / "go"
    root.mkdir()
    (root / "go.mod").write_text("module example.com/m\n\ngo 1.20\n")
    return root


def crate(scratch: Path) -> Path:
    """Make a small crate."""
    root = scratch / "crate"
    (root / "src").mkdir(parents=True)
    (root / "Cargo.toml").write_text('[package]\nname = "c"\nedition = "2021"\n[workspace]\n')
    (root / "src" / "main.rs").write_text('fn main() { println!("{:?}", std::env::args()); }\n')
    return root
