"""Tasks that must not be cached: each leaves what a plain run leaves, and says why."""

from __future__ import annotations

from .case import Refusal, Task


def refused(
    name: str,
    command: str,
    kind: str,
    names: str | None = None,
    *,
    files: dict[str, str] | None = None,
    code: int = 0,
    settled: bool = False,
    **keys: bool,
) -> Refusal:
    """A refusal in few lines; two source files are there unless it says otherwise."""
    return Refusal(
        name,
        files or {"a.txt": "aaa\n", "b.txt": "bbb\n"},
        Task("build", command, keys=keys),
        kind,
        names,
        code=code,
        settled=settled,
    )


REFUSALS = [
    refused("appends to a source", "echo more >> a.txt", "appended", "a.txt"),
    refused("edits a source in place", "sed -i s/a/b/ a.txt", "modified-its-input", "a.txt"),
    refused("sorts a source into itself", "sort -r -o a.txt a.txt b.txt", "modified-its-input"),
    refused(
        "writes into a source it reads",
        'python3 -c \'f = open("a.txt", "r+"); f.read(); f.write("x")\'',
        "modified-its-input",
        "a.txt",
    ),
    refused("removes a source", "rm -f b.txt", "removed", "b.txt", settled=True),
    refused(
        "renames a source", "if test -e b.txt; then mv b.txt c.txt; fi", "removed", settled=True
    ),
    refused("writes outside the workspace", "cp a.txt {outside}/a.txt", "wrote-outside", "a.txt"),
    refused(
        "writes outside through a link",
        "ln -sfn {outside} to; cp a.txt to/b.txt",
        "wrote-outside",
        "b.txt",
    ),
    refused("reads a temporary file", "cat $TMPDIR/given.txt > out.txt", "read-temp", "given.txt"),
    refused("leaves a fifo", "rm -f pipe; mkfifo pipe", "special-file", "pipe"),
    refused(
        "asks a local server",
        "python3 -c 'import urllib.request as u; print(u.urlopen(\"{url}\").read())' > out.txt",
        "asked-peer",
    ),
    refused("fails", "echo partial > out.txt; exit 3", "failed", code=3),
    refused("is killed by a signal", "echo partial > out.txt; kill -9 $$", "killed", code=137),
    refused(
        "is declared uncached, since it does not repeat",
        "cp -r src dist",
        "cache-disabled",
        files={"src/a.txt": "a\n"},
        cache=False,
    ),
]
