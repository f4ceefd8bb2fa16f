"""Cases over tools that move whole trees about, build by times, or ask a repository."""

from __future__ import annotations

import io
import subprocess
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .case import Case, Task, change, simple
from .edits import Chmod, Delete, OnPath, Touch, Write
from .tree import File, Link, Source
from .workspace import GIT_DEADLINE

if TYPE_CHECKING:
    from pathlib import Path

TREE: Source = {
    "src/a.txt": "aaa\n",
    "src/sub/b.txt": "bbb\n",
    "src/run.sh": File(b"#!/bin/sh\necho run\n", 0o755),
    "src/to": Link("a.txt"),
}
EDITS = (
    change(Write("src/a.txt", b"other\n"), "build", names="src/a.txt"),
    change(Write("src/sub/new.txt"), "build", names="src/sub"),
    change(Delete("src/sub/b.txt"), "build", names="src/sub"),
    change(Touch("src/a.txt"), may=["build"]),
)


def trees(name: str, command: str, *needs: str, stranger_in: str | None = None) -> Case:
    """A case of one command over the tree `src`."""
    return Case(name, TREE, simple(command), EDITS, needs=needs, stranger_in=stranger_in)


COPIES = [
    trees("cp -a", "rm -rf dist; cp -a src dist"),
    trees("cp -L", "rm -rf dist; cp -rL src dist"),
    trees("cp -l", "rm -rf dist; cp -rl src dist"),
    trees(
        "cp --parents",
        "mkdir -p dist; cp --parents -P src/*.txt src/sub/* dist",
        stranger_in="dist",
    ),
    trees("cp; mv -T", "cp -r src new; rm -rf dist; mv -T new dist"),
    trees("cp; chmod -R", "rm -rf dist; cp -r src dist; chmod -R a-w,u+w dist"),
    trees(
        "tar | tar",
        "rm -rf dist; mkdir dist; tar -cf - src | tar -xf - --strip-components=1 -C dist",
    ),
    trees("find -exec", "rm -rf dist; mkdir dist; find src -name '*.txt' -exec cp {} dist \\;"),
    trees(
        "find -delete",
        "rm -rf dist; cp -r src dist; find dist -name 'b*' -delete;"
        " find dist -type d -empty -delete",
    ),
    trees("find -printf", "find src -printf '%p %y %m %l\\n' | LC_ALL=C sort > out.txt"),
    trees("du, ls -R", "ls -R src > out.txt; du -b --apparent-size src/a.txt | cut -f1 >> out.txt"),
    trees("sha256sum of a tree", "find src -type f | LC_ALL=C sort | xargs sha256sum > sums"),
    trees(
        "ln -sr",
        "mkdir -p dist; for f in src/*.txt src/sub/*; do ln -sfr $f dist/; done;"
        " for l in dist/*; do [ -e $l ] || rm $l; done",
    ),
    trees(
        "mktemp -d; mv",
        "t=$(mktemp -d ./tmp.XXXXXX); cp -r src $t/x; rm -rf dist; mv $t/x dist; rmdir $t",
    ),
    trees(
        "zip -X",
        "rm -rf w out.zip; cp -rL src w; find w -exec touch -d @946684800 {} +;"
        " (cd w; find . -type f | LC_ALL=C sort | TZ=UTC zip -qX -@ ../out.zip); rm -rf w",
        "zip",
    ),
]


BY_TIME = "what is newer than its source counts as right"

COPY_NEWER = Case(
    "cp -u", TREE, simple("mkdir -p dist; cp -ruT src dist"), EDITS[:2], trusts_outputs=BY_TIME
)

RSYNC = Case(
    "rsync -a --delete",
    TREE,
    simple("rsync -a --delete src/ dist/"),
    (
        *EDITS[:2],
        change(Delete("src/sub/b.txt"), "build", names="src/sub", uncached="built-on-itself"),
    ),
    needs=("rsync",),
)


def zipped(members: dict[str, str]) -> bytes:
    """A zip file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in members.items():
            archive.writestr(zipfile.ZipInfo(name, (2000, 1, 1, 0, 0, 0)), text)
    return buffer.getvalue()


UNZIP = Case(
    "unzip",
    {"in.zip": zipped({"a.txt": "a\n", "sub/b.txt": "b\n"})},
    simple("unzip -qo in.zip -d out"),
    (
        change(Write("in.zip", zipped({"a.txt": "A\n"})), "build", names="in.zip"),
        change(Touch("in.zip")),
    ),
    needs=("unzip",),
    stranger_in="out",
)

MAKEFILE = """\
out.txt: a.part b.part
\tcat $^ > $@
%.part: %.txt
\ttr a-z A-Z < $< > $@
-include local.mk
"""

MAKEFILE_C = """\
lib.a: a.o b.o
\trm -f $@; ar rcsD $@ $^
%.o: %.c
\tgcc -MMD -c $< -o $@
-include a.d b.d
"""

MAKE = Case(
    "make",
    {
        "Makefile": MAKEFILE,
        "a.txt": "aaa\n",
        "b.txt": "bbb\n",
    },
    simple("make -s"),
    (
        change(Write("a.txt", b"other\n"), "build", names="a.txt"),
        change(Write("b.txt", b"c\n"), "build", names="b.txt"),
        change(Touch("a.txt"), may=["build"]),
    ),
    needs=("make",),
    trusts_outputs=BY_TIME,
)

MAKE_C = Case(
    "make, objects and dependency files",
    {
        "Makefile": MAKEFILE_C,
        "a.c": '#include "a.h"\nint a(void) { return A; }\n',
        "a.h": "#define A 1\n",
        "b.c": "int b(void) { return 2; }\n",
    },
    simple("make -s"),
    (
        change(Write("a.h", b"#define A 21\n"), "build", names="a.h"),
        change(Write("b.c", b"int b(void) { return 34; }\n"), "build", names="b.c"),
    ),
    needs=("make", "gcc", "ar"),
    trusts_outputs=BY_TIME,
    corrupt_fails="the archiver refuses an object that is none",
)

BINUTILS = Case(
    "gcc, ld -r, objcopy, strip, nm",
    {"a.c": "int a(void) { return 1; }\n", "b.c": "int a(void); int b(void) { return a(); }\n"},
    (
        Task("objects", ("gcc -c a.c -o a.o", "gcc -c b.c -o b.o")),
        Task("link", "ld -r a.o b.o -o ab.o", ("objects",)),
        Task("strip", "strip -g -o s.o ab.o; objcopy -O binary s.o s.bin", ("link",)),
        Task("list", "nm s.o > s.txt; readelf -s s.o >> s.txt; size s.o > size.txt", ("strip",)),
    ),
    (
        change(
            Write("a.c", b"int a(void) { return 2; }\n"),
            "objects",
            "link",
            "strip",
            names="a.c",
            may=["list"],
        ),
        change(
            Write("b.c", b"int c(void) { return 0; }\n"),
            "objects:1",
            "link",
            "strip",
            "list",
            names="b.c",
        ),
        change(Touch("a.c")),
    ),
    needs=("gcc", "ld", "strip", "objcopy", "nm", "readelf", "size"),
)

BISON = Case(
    "bison, flex",
    {
        "p.y": "%token A\n%%\nall: A;\n%%\n",
        "l.l": '%option noyywrap\n%%\n"a" return 1;\n%%\n',
    },
    simple("bison -o p.c p.y; flex -o l.c l.l"),
    (change(Write("p.y", b"%token A B\n%%\nall: A B;\n%%\n"), "build", names="p.y"),),
    needs=("bison", "flex"),
)

GETTEXT = Case(
    "msgfmt",
    {
        "de.po": 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\n'
        'msgid "a"\nmsgstr "b"\n'
    },
    simple("mkdir -p de; msgfmt -o de/app.mo de.po"),
    (change(Touch("de.po")),),
    needs=("msgfmt",),
)


@dataclass(frozen=True, slots=True)
class Commit(OnPath):
    """A file gets other content, and that is committed: the whole repository is another."""

    text: str = "committed\n"
    tag: str = ""

    def paths(self) -> tuple[str, ...]:
        """The file, and the repository."""
        return (self.path, ".git")

    def apply(self, root: Path) -> None:
        """Write, commit and tag."""
        (root / self.path).write_text(self.text)
        identity = ("-c", "user.name=t", "-c", "user.email=t@example.invalid")
        for words in (("commit", "-qam", "more"), ("tag", self.tag) if self.tag else ("version",)):
            subprocess.run(
                ["git", *identity, *words],
                cwd=root,
                check=True,
                capture_output=True,
                timeout=GIT_DEADLINE,
                env={
                    "PATH": "/usr/bin:/bin:/usr/local/bin",
                    "HOME": str(root.parent),
                    "GIT_CONFIG_NOSYSTEM": "1",
                },
            )


GIT = Case(
    "git ls-files, archive, describe",
    {"a.txt": "aaa\n", "sub/b.txt": "bbb\n", ".gitignore": "/out\n/.taskrunner\n"},
    simple(
        "mkdir -p out; git ls-files > out/list; git archive HEAD sub > out/sub.tar;"
        " tar tf out/sub.tar > out/tar.list; rm out/sub.tar; git show HEAD:a.txt > out/a;"
        " git describe --tags --abbrev=0 > out/tag 2>&1 || echo none > out/tag;"
        " git rev-parse HEAD^{tree} > out/tree"
    ),
    (
        change(Commit("a.txt"), "build"),
        change(Commit("sub/b.txt", tag="v1"), "build"),
        change(Write("a.txt"), may=["build"]),
    ),
    git=True,
    needs=("git",),
)

CHMOD = Case(
    "install -d, mkdir -m, chmod",
    {"a.txt": "a\n"},
    simple(
        "install -d -m 0750 out/x; rm -rf out/y; mkdir -m 0700 out/y; cat a.txt > out/x/a;"
        " chmod 0640 out/x/a"
    ),
    (
        change(Write("a.txt"), "build", names="a.txt"),
        change(Chmod("a.txt", 0o600), may=["build"]),
    ),
    stranger_in="out/x",
)

CASES = [*COPIES, COPY_NEWER, RSYNC, UNZIP, MAKE, MAKE_C, BINUTILS, BISON, GETTEXT, GIT, CHMOD]
