"""The two closed lists of negative outcomes, and the one place that puts them into words."""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol, get_args

MissKind = Literal[
    "never-run",
    "description-changed",
    "input-changed",
    "input-created",
    "input-removed",
    "kind-changed",
    "mode-changed",
    "listing-changed",
    "link-changed",
    "output-edited",
    "lookup-changed",
    "root-moved",
    "glob-changed",
    "env-changed",
    "env-added",
    "env-removed",
    "not-stored",
    "dependency-ran",
    "entry-damaged",
    "unreadable",
    "cache-unreadable",
    "forced",
    "verified",
]

NotCachedKind = Literal[
    "failed",
    "killed",
    "cancelled",
    "timed-out",
    "cache-disabled",
    "untraced",
    "incomplete",
    "input-modified",
    "modified-its-input",
    "removed",
    "appended",
    "replaced-unknown",
    "race",
    "special-file",
    "built-on-itself",
    "wrote-outside",
    "read-temp",
    "asked-peer",
    "still-writing",
    "still-talking",
    "changed-while-packing",
    "store-failed",
    "withheld-variable",
    "input-unreadable",
    "too-large",
    "disabled-by-task",
    "hints-lost",
    "conflicting-values",
    "tracked-value",
    "tracked-outside",
]

MISS_KINDS: tuple[str, ...] = get_args(MissKind)
NOT_CACHED_KINDS: tuple[str, ...] = get_args(NotCachedKind)


class ReasonLike(Protocol):
    """What both the native `Reason` and the one below have."""

    @property
    def kind(self) -> str:
        """One of the kinds above."""

    @property
    def path(self) -> str | None:
        """The path, name or pattern it is about."""

    @property
    def detail(self) -> str | None:
        """What else there is to say."""


class Reason(NamedTuple):
    """A reason found on this side of the border."""

    kind: str
    path: str | None = None
    detail: str | None = None


# The words with a subject, which is the path or else the detail; the words without one; and what
# to do next.
_WORDS: dict[str, tuple[str, str, str | None]] = {
    # misses
    "never-run": ("no earlier run", "no earlier run", None),
    "description-changed": ("{path}", "its configuration changed", None),
    "input-changed": ("input changed: {path}", "an input changed", None),
    "input-created": ("input created: {path}", "an input was created", None),
    "input-removed": ("input removed: {path}", "an input was removed", None),
    "kind-changed": ("input is another kind of file: {path}", "an input is of another kind", None),
    "mode-changed": ("mode changed: {path}", "a mode changed", None),
    "listing-changed": ("directory entries changed: {path}", "directory entries changed", None),
    "link-changed": ("link points elsewhere: {path}", "a link points elsewhere", None),
    "output-edited": ("output was edited: {path}", "an output was edited", None),
    "lookup-changed": (
        "program found elsewhere on PATH: {path}",
        "a program is found elsewhere on PATH",
        None,
    ),
    "root-moved": (
        "the workspace moved, and the outputs name its path",
        "the workspace moved, and the outputs name its path",
        None,
    ),
    "glob-changed": ("files matching a pattern changed: {path}", "a pattern matches others", None),
    "env-changed": ("env '{path}' changed", "the environment changed", None),
    "env-added": ("env '{path}' added", "a variable was added", None),
    "env-removed": ("env '{path}' removed", "a variable was removed", None),
    "not-stored": (
        "its last result was not stored: {path}",
        "its last result was not stored",
        None,
    ),
    "dependency-ran": ("a step before it ran: {path}", "a step before it ran", None),
    "entry-damaged": ("its cache entry is damaged: {path}", "its cache entry is damaged", None),
    "unreadable": ("can't be read: {path}", "an input can't be read", "check its permissions"),
    "cache-unreadable": (
        "the cache can't be read: {path}",
        "the cache can't be read",
        "run `taskrunner cache verify`",
    ),
    "forced": ("asked for with --force", "asked for with --force", None),
    "verified": ("asked for with --verify", "asked for with --verify", None),
    # not cached
    "failed": ("it failed: {path}", "it failed", None),
    "killed": ("it was killed: {path}", "it was killed", None),
    "cancelled": ("it was ended before it was done", "it was ended before it was done", None),
    "timed-out": (
        "it took longer than its timeout: {path}",
        "it took longer than its timeout",
        "raise `timeout`, if it may take that long",
    ),
    "cache-disabled": ("caching is off: {path}", "caching is off", None),
    "untraced": (
        "its file accesses can't be traced here: {path}",
        "its file accesses can't be traced here",
        None,
    ),
    "incomplete": (
        "the trace of its file accesses is incomplete: {path}",
        "the trace of its file accesses is incomplete",
        None,
    ),
    "input-modified": (
        "input modified during the run: {path}",
        "an input was modified during the run",
        "run it again when nothing else writes there",
    ),
    "modified-its-input": (
        "it modified its input {path}",
        "it modified its own input",
        "write the result to another file, or set `cache = false`",
    ),
    "removed": (
        "it removed {path}, which it did not make",
        "it removed a file that it did not make",
        "set `cache = false` if it is meant to",
    ),
    "appended": (
        "it appends to {path}",
        "it appends to a file",
        "let it write the file anew, or leave it out with `output`",
    ),
    "replaced-unknown": (
        "it changed {path}, which no recorded step made",
        "it changed a file that no recorded step made",
        "delete that file and run again",
    ),
    "race": (
        "a task that is not ordered with it writes {path}",
        "a task that is not ordered with it writes what it uses",
        'add `depends-on = ["{detail}"]`, or to that task the other way round',
    ),
    "special-file": (
        "it made {path}, which is neither file, directory nor link",
        "it made a special file",
        None,
    ),
    "built-on-itself": (
        "it built on an earlier result that does not fit any more: {path}",
        "it built on an earlier result that does not fit any more",
        "delete that file to build from nothing",
    ),
    "wrote-outside": (
        "it wrote outside the workspace: {path}",
        "it wrote outside the workspace",
        "set `cache = false` if it is meant to",
    ),
    "read-temp": (
        "it read a temporary file that it did not make: {path}",
        "it read a temporary file that it did not make",
        None,
    ),
    "asked-peer": (
        "it asked a running process: {path}",
        "it asked a running process",
        "keep that service out of the step, or set `cache = false`",
    ),
    "still-writing": (
        "a process it left behind can still write: {path}",
        "a process it left behind can still write",
        "let it wait for what it starts",
    ),
    "still-talking": (
        "a process it left behind still runs: {path}",
        "a process it left behind still runs",
        "let it wait for what it starts",
    ),
    "changed-while-packing": (
        "output changed while it was stored: {path}",
        "an output changed while it was stored",
        "run it again when nothing else writes there",
    ),
    "store-failed": (
        "the result could not be stored: {path}",
        "the result could not be stored",
        "check space and permissions of the cache directory",
    ),
    "withheld-variable": (
        "it asks for `{path}`, which is set but withheld",
        "it asks for a variable that is set but withheld",
        'add `env = ["{path}"]`, or `untracked-env` if its value does not matter',
    ),
    "disabled-by-task": (
        "a tool asked for that: {path}",
        "a tool asked for that",
        None,
    ),
    "hints-lost": (
        "what a tool told the runner may be lost: {path}",
        "what a tool told the runner may be lost",
        'see "Bad input" in docs/protocol.md',
    ),
    "conflicting-values": (
        "`{path}` has two values, by what tools and the task's `values` say",
        "one key has two values, by what tools and the task's `values` say",
        None,
    ),
    "tracked-value": (
        "it depends on `{path}`, which only a run can tell",
        "it depends on a value that only a run can tell",
        "say in `values` how to work `{path}` out before a run",
    ),
    "tracked-outside": (
        "a tool tracks {path}, which lies outside the workspace",
        "a tool tracks a path outside the workspace",
        None,
    ),
    "input-unreadable": (
        "an input can't be read: {path}",
        "an input can't be read",
        "check its permissions",
    ),
    "too-large": (
        "the result is larger than the cache: {path}",
        "the result is larger than the cache",
        "raise `[cache] max-size`",
    ),
}


def word(reason: ReasonLike) -> str:
    """Return a reason as one line without a full stop."""
    about, plain, _ = _WORDS.get(reason.kind, (f"{reason.kind}: {{path}}", reason.kind, None))
    subject = reason.detail if reason.path is None else reason.path
    if subject is None:
        return plain
    more = f" ({show(reason.detail)})" if reason.path is not None and reason.detail else ""
    return about.replace("{path}", show(subject)) + more


def next_step(reason: ReasonLike) -> str | None:
    """Return what the user can do about it, if anything."""
    advice = _WORDS[reason.kind][2] if reason.kind in _WORDS else None
    subject = reason.path or reason.detail or "NAME"
    if advice is None:
        return None
    return advice.replace("{path}", show(subject)).replace("{detail}", show(reason.detail or ""))


def show(text: str) -> str:
    """Return text from outside fit for one line of a terminal: nothing in it acts on the screen."""
    safe = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    if safe.isprintable():
        return safe
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in safe)
