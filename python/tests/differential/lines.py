"""Small shell lines at random, each of which keeps the contract that the rules take on trust.

The contract: run on its own whole result, a line leaves what it leaves from nothing. Where several
tasks may run at once, a line sees no name that another leaves, and changes nothing of another's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from random import Random

FILES = ("a.src", "b.src", "src/x.txt", "src/y.txt", "src/sub/z.txt", "etc/one", "deep/er/file")
ABSENT = ("extra/conf", "src/w.txt", "etc/two", "none/at/all", "c.src")
DIRECTORIES = ("src", "src/sub", "etc", "deep", "extra", "extra/more")
LINKS = ("to-file", "to-dir")
PROGRAM = "say"


@dataclass(frozen=True, slots=True)
class Line:
    """One shell line and the files it is likely to leave.

    `by_time`: it decides by modification times, as make does. `keeps`: it leaves a file that it
    finds as it is. `meddles`: it changes what is not its own, so that it must be ordered against
    all others.
    """

    text: str
    leaves: tuple[str, ...] = ()
    by_time: bool = False
    keeps: bool = False
    meddles: bool = False


@dataclass(slots=True)
class Maker:
    """Makes lines. `products` are the files that the steps before are likely to leave."""

    random: Random
    products: list[str] = field(default_factory=list)
    number: int = 0

    def line(self) -> Line:
        """Another line; likely one that works on earlier results, if there are any."""
        self.number += 1
        kinds = (*EARLY, *LATE, *LATE) if self.products else EARLY
        return self.random.choice(kinds)(self)

    def fixer(self) -> Line:
        """A line that changes a source."""
        return self.random.choice(FIXERS)(self)

    def fill(self, text: str, out: str = "") -> str:
        """Fill in `{f}`, `{g}` (sources), `{d}` (a directory), `{p}` (a product) and `{o}`."""
        choose = self.random.choice
        sources = (*FILES, *FILES, *ABSENT, *LINKS)
        head = out.rpartition("/")[0]
        return (f"mkdir -p {head}; " if head else "") + text.format(
            f=choose(sources),
            g=choose(sources),
            d=choose((*DIRECTORIES, "to-dir")),
            p=choose(self.products or FILES),
            o=out,
        )

    def name(self) -> str:
        """A new name for an output, alone or in a directory that several tasks share."""
        return self.random.choice(("", "dist/")) + f"o{self.number}"


Kind: TypeAlias = Callable[[Maker], Line]


def file(text: str, *, by_time: bool = False, keeps: bool = False) -> Kind:
    """A line that leaves the file `{o}`."""

    def make(maker: Maker) -> Line:
        out = maker.name()
        return Line(maker.fill(text, out), (out,), by_time=by_time, keeps=keeps)

    return make


def tree(text: str, *leaves: str, by_time: bool = False) -> Kind:
    """A line that leaves the directory `{o}`, likely with these files."""

    def make(maker: Maker) -> Line:
        out = maker.name()
        return Line(
            maker.fill(text, out), tuple(f"{out}/{name}" for name in leaves), by_time=by_time
        )

    return make


def meddling(text: str) -> Kind:
    """A line that changes what earlier steps left, or a source."""
    return lambda maker: Line(maker.fill(text), meddles=True)


def fixing(text: str) -> Kind:
    """A line that changes a source to something that it then leaves alone."""
    return lambda maker: Line(text.format(f=maker.random.choice(FILES)), meddles=True)


EARLY: Sequence[Kind] = (
    file("cat {f} {g} > {o}"),
    file("cat {f} {g} > {o} 2>&1 || :"),
    file("cat {f} > {o} 2>/dev/null || echo default > {o}"),
    file("ls -1 {d} > {o} 2>/dev/null || :"),
    file("ls -1 . | grep '[.]src$' > {o} || :"),
    file("find {d} 2>/dev/null | LC_ALL=C sort > {o}"),
    file("find {d} -type f 2>/dev/null | LC_ALL=C sort | xargs -r cat > {o} 2>/dev/null || :"),
    file("if [ -e {f} ]; then echo yes; else echo no; fi > {o}"),
    file("if [ -d {f} ]; then echo yes; else echo no; fi > {o}; [ ! -x {g} ] || echo x >> {o}"),
    file("if [ -L {f} ]; then echo yes; else echo no; fi > {o}; [ ! -s {g} ] || echo s >> {o}"),
    file("{{ readlink {f} || echo none; }} > {o}"),
    file("{{ stat -c %A {f} 2>/dev/null || echo none; }} > {o}"),
    file('echo "$VAR" > {o}'),
    file(PROGRAM + " > {o} 2>/dev/null || echo none > {o}"),
    file("cat {f} > {o}.tmp 2>/dev/null; mv {o}.tmp {o}"),
    file("t=$(mktemp); cat {f} > $t 2>/dev/null; sort $t > {o}; rm $t"),
    file("rm -f {o}; ln {f} {o} 2>/dev/null || echo none > {o}"),
    file("awk '{{ print FILENAME, $0 }}' src/*.txt > {o} 2>/dev/null || :"),
    file("cat {d}/* > {o} 2>/dev/null || :"),
    file("cat {f} > {o}.1 2>/dev/null; sort -o {o}.1 {o}.1; tee {o} < {o}.1; echo told >&2"),
    file("wc -c < {f} > {o} 2>/dev/null || :; cat {g} 2>/dev/null || :"),
    file("touch {o}; cat {f} 2>/dev/null || :", keeps=True),
    file("[ ! -e {f} ] || cat {f} > {o}.some 2>/dev/null; cat {g} > {o} 2>/dev/null || :"),
    tree("rm -rf {o}; mkdir {o}; cp -r {d}/. {o} 2>/dev/null || :"),
    tree(
        "cp -r {d}/. {o} 2>/dev/null"
        " || {{ rm -rf {o}; mkdir -p {o}; cp -r {d}/. {o} 2>/dev/null || :; }}",
        "x.txt",
    ),
    tree("mkdir -p {o}/a/b {o}/c; [ ! -e {f} ] || mkdir -p {o}/c/d"),
    tree(
        "mkdir -p {o}; for f in {d}/*; do [ ! -f $f ] || cat $f > {o}/${{f##*/}}.o; done",
        "x.txt.o",
        "one.o",
    ),
    tree("rm -rf {o}.new; mkdir {o}.new; cp -r {d} {o}.new/ 2>&1; rm -rf {o}; mv {o}.new {o}"),
    tree('mkdir -p {o}; ln -sfn "../$(cat {f} 2>/dev/null)" {o}/to; ln -sfn {g} {o}/fixed'),
    tree("mkdir -p {o}; (cd {d} && cat *) > {o}/all 2>/dev/null; [ -s {o}/all ] || rm {o}/all"),
    # Keeps what is right and takes away what is stale: the next result builds on the standing one.
    tree(
        "mkdir -p {o}; for f in src/*.txt; do [ ! -f $f ] || cmp -s $f {o}/${{f##*/}}"
        ' || cat $f > {o}/${{f##*/}}; done; for o in {o}/*; do [ -f "src/${{o##*/}}" ] || rm -f $o;'
        " done",
        "x.txt",
    ),
    # Trusts a state of its own: the digest of what went in.
    tree(
        's=$(cat {f} {g} 2>/dev/null | cksum); [ "$s" = "$(cat {o}/state 2>/dev/null)" ] ||'
        " {{ mkdir -p {o}; cat {f} {g} > {o}/result 2>/dev/null; echo $s > {o}/state; }}",
        "result",
    ),
    # Trusts the clock, and so takes back what a failure left half done.
    file(
        "if [ ! -e src/x.txt ]; then rm -f {o}; elif [ ! -e {o} ] || [ src/x.txt -nt {o} ];"
        " then cat src/x.txt > {o} || {{ rm {o}; exit 1; }}; fi",
        by_time=True,
    ),
    tree(
        "mkdir -p {o}; for f in src/*.txt; do o={o}/${{f##*/}}; if [ ! -f $f ]; then rm -f $o;"
        " elif [ ! -e $o ] || [ $f -nt $o ]; then cat $f > $o; fi; done;"
        " cat {f} > {o}/other 2>/dev/null || :",
        "x.txt",
        "other",
        by_time=True,
    ),
)

LATE: Sequence[Kind] = (
    file("cat {p} {f} > {o} 2>/dev/null || :"),
    file("if [ -e {p} ]; then echo yes; else echo no; fi > {o}"),
    file("sed s/a/b/ {p} > {o} 2>/dev/null || :"),
    file("rm -f {o}; cp {p} {o} 2>/dev/null || echo none > {o}; chmod 600 {o}"),
    tree("mkdir -p {o}; cp {p} {o}/copy 2>/dev/null || :; ln -sfn ../{p} {o}/to", "copy"),
    meddling("[ ! -f {p} ] || sed -i s/a/b/ {p}"),
    meddling("[ ! -f {p} ] || chmod 755 {p}"),
    meddling("rm -f {p}"),
    meddling("[ ! -f {p} ] || mv {p} {p}.moved"),
)

FIXERS: Sequence[Kind] = (
    fixing("[ ! -f {f} ] || sed -i s/zz/yy/ {f}"),
    fixing("[ ! -f {f} ] || sort -o {f} {f}"),
)
