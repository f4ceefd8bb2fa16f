"""Cases over the everyday file tools: copy, link, list, sort, archive, find."""

from __future__ import annotations

import io
import tarfile

from .case import Case, Conditions, Task, change, simple
from .edits import Chmod, Delete, Put, Rename, SameSize, SetUmask, Touch, Write
from .tree import Dir, File, Link, Source

SOURCES: Source = {
    "src/a.txt": "aaa\n",
    "src/sub/b.txt": "bbb\n",
    "src/run.sh": File(b"#!/bin/sh\necho run\n", 0o755),
    "src/secret": File(b"s3cret\n", 0o600),
    "src/to": Link("a.txt"),
    "src/empty": Dir(),
    "unrelated.txt": "not looked at\n",
}

MEMBERS_OLD = {"a.txt": b"aaa\n", "sub/b.txt": b"bbb\n", "tool": b"#!/bin/sh\n"}
MEMBERS_NEW = {"a.txt": b"AAA\n", "tool": b"#!/bin/sh\n"}


def tar_of(members: dict[str, bytes]) -> bytes:
    """A tar file with the members, one of them executable, a link and an empty directory."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), 0o755 if name == "tool" else 0o640
            archive.addfile(info, io.BytesIO(data))
        link = tarfile.TarInfo("to")
        link.type, link.linkname = tarfile.SYMTYPE, "a.txt"
        archive.addfile(link)
        empty = tarfile.TarInfo("empty")
        empty.type, empty.mode = tarfile.DIRTYPE, 0o755
        archive.addfile(empty)
    return buffer.getvalue()


CP = Case(
    "cp -r",
    SOURCES,
    simple("cp -r src/. dist"),
    (
        change(SameSize("src/a.txt", b"a", b"b"), "build", names="src/a.txt"),
        change(Write("src/sub/b.txt"), "build", names="src/sub/b.txt"),
        change(Write("src/sub/new.txt"), "build", names="src/sub"),
        change(Delete("src/sub/b.txt"), "build", names="src/sub"),
        change(Rename("src/sub", "src/other"), "build", names="src"),
        change(Put("src/to", Link("run.sh")), "build", names="src/to"),
        change(Touch("src/a.txt")),
        change(Write("unrelated.txt")),
        change(Write("other.txt")),
    ),
    stranger_in="dist",
)

CP_MODES = Case(
    "cp -r of other permission bits",
    SOURCES,
    simple("rm -rf dist; cp -r src dist"),
    (
        change(Chmod("src/a.txt", 0o600), "build", names="src/a.txt"),
        change(Chmod("src/secret", 0o640), "build", names="src/secret"),
        change(Chmod("src/sub", 0o700), "build", names="src/sub"),
    ),
)

CP_FRESH = Case(
    "rm -rf; cp -r",
    SOURCES,
    simple("rm -rf dist; cp -r src dist"),
    (
        change(Delete("src/a.txt"), "build"),
        change(Chmod("src/a.txt", 0o755), "build", names="src/a.txt"),
        change(Put("src/a.txt", Dir()), "build"),
        change(Put("src/sub", File(b"now a file\n")), "build"),
        change(Write("src/sub/deep/er.txt"), "build"),
    ),
)

MKDIR = Case(
    "mkdir -p",
    {"unrelated.txt": ""},
    simple("mkdir -p out/a/b out/c"),
    (change(Write("unrelated.txt")), change(Touch("unrelated.txt"))),
    stranger_in="out",
)

SYMLINK = Case(
    "ln -s",
    {"name.txt": "one\n", "one": "1\n", "two": "2\n"},
    simple('mkdir -p links; ln -sfn "$(cat name.txt)" links/current; ln -sfn ../one links/fixed'),
    (
        change(Write("name.txt", b"two\n"), "build", names="name.txt"),
        change(Write("name.txt", b"nowhere\n"), "build", names="name.txt"),
        change(Touch("one")),
    ),
    stranger_in="links",
)

HARD_LINK = Case(
    "ln",
    {"src/a.txt": "aaa\n", "src/b.txt": "bbb\n"},
    simple("mkdir -p out; rm -f out/a.txt; ln src/a.txt out/a.txt"),
    (
        change(Put("src/a.txt", File(b"other\n")), "build", names="src/a.txt"),
        change(Write("src/a.txt"), "build", names="src/a.txt"),
        change(Write("src/b.txt")),
    ),
    stranger_in="out",
)

READLINK = Case(
    "readlink",
    {"src/to": Link("a.txt"), "src/a.txt": "a\n"},
    simple("readlink src/to > target.txt"),
    (
        change(Put("src/to", Link("b.txt")), "build", names="src/to"),
        change(Write("src/a.txt")),
    ),
)

SED = Case(
    "cp; sed -i",
    {"src/a.txt": "old and old\n"},
    simple("mkdir -p out; cp src/a.txt out/a.txt; sed -i s/old/new/g out/a.txt"),
    (
        change(SameSize("src/a.txt", b"and", b"but"), "build", names="src/a.txt"),
        change(Write("src/a.txt", b"older\n"), "build", names="src/a.txt"),
        change(Touch("src/a.txt")),
    ),
    stranger_in="out",
)

INSTALL = Case(
    "install -m",
    {"tool.sh": "#!/bin/sh\n", "key.pem": "key\n"},
    simple("install -m 0755 -D tool.sh out/bin/tool; install -m 0600 -D key.pem out/etc/key.pem"),
    (
        change(Write("tool.sh"), "build", names="tool.sh"),
        change(SameSize("key.pem", b"k", b"K"), "build", names="key.pem"),
        change(Touch("key.pem")),
    ),
    stranger_in="out/bin",
)

TAR = "tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf"

TAR_C = Case(
    "tar c",
    SOURCES,
    simple(f"mkdir -p out; {TAR} out/src.tar src"),
    (
        change(SameSize("src/a.txt", b"a", b"b"), "build", names="src/a.txt"),
        change(Write("src/new.txt"), "build", names="src"),
        change(Delete("src/empty"), "build", names="src"),
        change(Chmod("src/a.txt", 0o755), "build", names="src/a.txt"),
        change(Put("src/to", Link("secret")), "build", names="src/to"),
        change(Touch("src/a.txt")),
        change(Write("unrelated.txt")),
    ),
    stranger_in="out",
)

TAR_MODES = Case(
    "tar c of other permission bits",
    SOURCES,
    simple(f"{TAR} src.tar src"),
    (change(Chmod("src/a.txt", 0o600), "build", names="src/a.txt"),),
)

TAR_X = Case(
    "tar x",
    {"src.tar": tar_of(MEMBERS_OLD)},
    simple("mkdir -p out; tar xf src.tar -C out"),
    (
        change(Write("src.tar", tar_of(MEMBERS_NEW)), "build", names="src.tar"),
        change(Touch("src.tar")),
    ),
    stranger_in="out",
)

FIND = Case(
    "find | xargs",
    {"src/a.txt": "a\n", "src/sub/b.txt": "b\n", "src/c.md": "c\n"},
    simple("find src -name '*.txt' -type f -print0 | sort -z | xargs -0 cat > all.txt"),
    (
        change(SameSize("src/a.txt"), "build", names="src/a.txt"),
        change(Write("src/sub/d.txt"), "build", names="src/sub"),
        change(Write("src/d.md"), "build", names="src"),
        change(Delete("src/a.txt"), "build", names="src"),
        change(Rename("src/a.txt", "src/z.txt"), "build", names="src"),
        change(Put("src/a.txt", Dir()), "build", names="src"),
        change(Write("src/c.md")),
        change(Touch("src/a.txt")),
    ),
)

SORT = Case(
    "sort -o",
    {"words.txt": "pear\napple\nfig\n"},
    simple("sort -o sorted.txt words.txt"),
    (
        change(SameSize("words.txt", b"fig", b"nut"), "build", names="words.txt"),
        change(Touch("words.txt")),
    ),
)

CAT = Case(
    "cat >",
    {"a.txt": "aaa\n", "b.txt": "bbb\n"},
    simple("cat a.txt b.txt > all.txt"),
    (
        change(SameSize("a.txt"), "build", names="a.txt"),
        change(Write("b.txt", b""), "build", names="b.txt"),
        change(Delete("b.txt"), "build", names="b.txt"),
        change(Put("b.txt", Dir()), "build", names="b.txt"),
        change(Put("b.txt", Link("a.txt")), "build", names="b.txt"),
        change(Touch("a.txt")),
    ),
)

ABSENT = Case(
    "reader of an absent file",
    {"etc/other": ""},
    simple("cat etc/app/conf 2>/dev/null > out.txt || echo default > out.txt"),
    (
        change(Write("etc/app/conf", b"x = 1\n"), "build", names="etc/app"),
        change(Put("etc/app", Dir()), "build", names="etc/app"),
        change(Put("etc/app", File(b"no directory\n")), "build", names="etc/app"),
        change(Write("etc/other")),
        change(Write("etc/more")),
    ),
)

LS = Case(
    "ls",
    {"src/a.txt": "a\n", "src/b.txt": "b\n"},
    simple("ls -1 src > list.txt; ls -1 src"),
    (
        change(Write("src/c.txt"), "build", names="src", kinds=("listing-changed",)),
        change(Delete("src/b.txt"), "build", names="src", kinds=("listing-changed",)),
        change(Rename("src/b.txt", "src/c.txt"), "build", names="src"),
        change(Write("src/a.txt")),
        change(Touch("src/a.txt")),
    ),
)

MKTEMP = Case(
    "mktemp; mv",
    {"a.txt": "aaa\n"},
    simple("t=$(mktemp out.XXXXXX); cat a.txt > $t; chmod 644 $t; mv $t final.txt"),
    (change(SameSize("a.txt"), "build", names="a.txt"), change(Touch("a.txt"))),
)

RENAMED_DIRECTORY = Case(
    "a directory renamed into place",
    {"src/a.txt": "a\n", "src/sub/b.txt": "b\n"},
    simple("rm -rf out out.new; cp -r src out.new; mkdir out.new/empty; mv out.new out"),
    (
        change(Write("src/a.txt"), "build", names="src/a.txt"),
        change(Delete("src/sub"), "build", names="src"),
    ),
)

STAMP = Case(
    "wc; touch a stamp",
    {"a.txt": "a\n"},
    simple("wc -l < a.txt > count; touch stamp"),
    (change(Write("a.txt", b"x\ny\n"), "build", names="a.txt"),),
)

COMPRESSED = Case(
    "gzip, sha256sum, split, tee",
    {"a.txt": "a\nb\nc\n"},
    simple(
        "mkdir -p out; gzip -nc a.txt > out/a.gz; sha256sum a.txt | tee out/sums; "
        "split -l 1 a.txt out/part."
    ),
    (
        # split does not empty its old parts: those it fills alike are as they were.
        change(Write("a.txt", b"other\nlines\n"), "build", names="a.txt"),
        change(SameSize("a.txt", b"b", b"d"), "build", names="a.txt"),
    ),
    stranger_in="out",
)

TEMPORARIES = Case(
    "made and gone again",
    {"a.txt": "b\na\n"},
    simple("mkdir work; sort a.txt > work/x; mkfifo work/f; cat work/x > out.txt; rm -r work"),
    (change(Write("a.txt"), "build", names="a.txt"),),
)

NAMES = Case(
    "names of any bytes",
    {
        "src/bad\udcff.txt": "1\n",
        "src/new\nline.txt": "2\n",
        "src/ä ö'\".txt": "3\n",
        "src/-dash": "4\n",
        "src/back\\slash": "5\n",
    },
    simple("cp -r src/. dist; ln -sfn 'new\nline.txt' dist/to"),
    (
        change(Write("src/bad\udcff.txt"), "build", names="src/bad\udcff.txt"),
        change(Write("src/new\nline.txt"), "build", names="src/new\nline.txt"),
        change(Delete("src/ä ö'\".txt"), "build"),
        change(Rename("src/-dash", "src/\udc80"), "build"),
    ),
    stranger_in="dist",
)

UMASK = Case(
    "umask",
    {"a.txt": "a\n"},
    simple("rm -rf out; mkdir -p out/d; cat a.txt > out/a.txt; umask"),
    (change(SetUmask(0o077), "build", names="umask"), change(Write("a.txt"), "build")),
    conditions=Conditions(umask=0o027),
)

UMASK_IN_PLACE = Case(
    "umask, directories that stand already",
    {"a.txt": "a\n"},
    simple("mkdir -p out/d; cat a.txt > out/a.txt; umask"),
    (change(SetUmask(0o077), "build", names="umask"),),
)

BIG = Case(
    "a big sparse file",
    {"big.in": File(b"head\n", size=64 << 20), "small": "s\n"},
    simple("cp --sparse=always big.in big.out; cat small > small.out"),
    (change(SameSize("big.in", b"head", b"tail"), "build", names="big.in"),),
    slow=True,
)

LINKED_DIRECTORY = Case(
    "a directory link crossed",
    {"v1/a.txt": "one\n", "v2/a.txt": "two\n", "current": Link("v1"), "via": Link("current")},
    simple("cat via/a.txt > out.txt"),
    (
        change(Put("current", Link("v2")), "build", names="current"),
        change(Put("via", Link("v2")), "build", names="via"),
        change(Write("v1/a.txt"), "build", names="v1/a.txt"),
        change(Put("current", Dir()), "build", names="current"),
        change(Write("v2/a.txt")),
    ),
)

SUBPACKAGE = Case(
    "a task in a package below, with cwd",
    {"libs/a/sub/in.txt": "in\n", "libs/a/shared.txt": "shared\n", "root.txt": "root\n"},
    (
        Task(
            "build",
            "cat in.txt ../shared.txt ../../../root.txt > ../out.txt; pwd -P | wc -l",
            package="libs/a",
            cwd="sub",
        ),
    ),
    (
        change(Write("libs/a/sub/in.txt"), "build", names="libs/a/sub/in.txt"),
        change(Write("root.txt"), "build", names="root.txt"),
        change(Write("libs/a/sub/other.txt")),
    ),
    run="a#build",
)

CASES = [
    *(CP, CP_MODES, CP_FRESH, MKDIR, SYMLINK, HARD_LINK, READLINK, SED, INSTALL, TAR_C, TAR_MODES),
    *(TAR_X, FIND, SORT, CAT, ABSENT, LS, MKTEMP, RENAMED_DIRECTORY, STAMP, COMPRESSED),
    *(TEMPORARIES, NAMES, UMASK, UMASK_IN_PLACE, BIG, LINKED_DIRECTORY, SUBPACKAGE),
]
