"""What the hints of a step mean: folds what its tools said, and answers what they asked.

Pure: paths are resolved by a function that is passed in, environments are mappings. How hints
come in, and what the cache makes of the result, are not this module's business.
"""

from __future__ import annotations

import os.path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from taskrunner.client import env_glob, glob_of_prefix
from taskrunner.lookups import counts

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

Source = Literal["channel", "file", "snapshot"]
"""How a message came in. A question in the file was answered before: from the tool's own
environment, or (`snapshot`) from the private copy of the runner's."""

PROTOCOL_NAMES = frozenset(
    {
        "TASKRUNNER_CHANNEL",
        "TASK_RUNNER_HINTS",
        "TASK_RUNNER_PROTOCOL",
        "TASKRUNNER_ENV_SNAPSHOT",
        "VP_RUN_NODE_CLIENT_PATH",
    }
)
"""Set by the runner for a step: never an answer, and never passed on by a runner in a runner."""

SHELL_NAMES = frozenset({"_", "OLDPWD", "PWD", "SHLVL"})
"""Shells change these all the time: no pattern tracks them, only their own name does."""

FAULTS = {
    "not-an-object": "a line of the hint file is no JSON object",
    "malformed": "a hint can't be read",
    "not-utf8": "a line of the hint file is not UTF-8",
    "unknown-verb": "a hint has a verb that this version doesn't know",
    "unknown-advice": "an advisory hint is of a kind that this version doesn't know",
    "bad-field": "a hint lacks a field, or has a wrong one",
    "too-long": "a hint is longer than 1 MiB",
    "half-written": "a hint was cut off in the middle",
    "flood": "there are more hints than one step may leave",
    "never-reads": "a tool sent hints and never read the answers",
    "rewritten": "the hint file was truncated or replaced",
    "unheard": "the system kept the runner from listening",
    "bad-glob": "a glob over variables is not valid",
    "outside": "a path lies outside the workspace",
    "too-wide": "a path is the whole workspace, or contains it",
}
"""Every kind of bad input, in words. The first twelve are counted where hints come in."""

HARMLESS = frozenset({"not-an-object", "unknown-advice", "outside", "too-wide"})
"""Faults that can't have cost a hint which restricts caching."""


class Refusal(NamedTuple):
    """The answer to one message that can't be used; all others stand."""

    code: str
    text: str


class Setting(NamedTuple):
    """What a step's hints are read against."""

    root: str
    """The workspace, resolved."""
    cwd: str
    """The step's directory: relative paths in a hint file start there."""
    env: Mapping[str, str]
    """The runner's whole environment, with what the command sets for itself."""
    passed: Collection[str]
    """The names that the step was given, those included that it is known to look up."""
    untracked: Callable[[str], bool]
    """Whether configuration says that a name makes no difference: it beats every hint."""
    declared: Callable[[str], bool]
    """Whether configuration tracks a name by value already."""
    resolve: Callable[[str], str] = os.path.realpath
    is_link: Callable[[str], bool] = os.path.islink


class Hints(NamedTuple):
    """All that the tools of one step have said. Paths are relative to the workspace."""

    ignored_inputs: tuple[str, ...] = ()
    ignored_outputs: tuple[str, ...] = ()
    tracked_inputs: tuple[str, ...] = ()
    tracked_outputs: tuple[str, ...] = ()
    env: Mapping[str, str | None] = {}
    """Tracked names with their values; None is: not set."""
    patterns: Mapping[str, Mapping[str, str]] = {}
    """Tracked globs with the variables they matched."""
    values: Mapping[str, tuple[str, ...]] = {}
    """Tracked keys with the values they were given: more than one contradict each other."""
    looked_up: tuple[str, ...] = ()
    """Those names and globs that were looked up in a process's own environment: it is given what
    they name from now on."""
    withheld: tuple[str, ...] = ()
    """Names that were looked up in a process's own environment, which lacks them though they are
    set."""
    unsaid: tuple[str, ...] = ()
    """Tracked names that no tool spoke of: they were seen to be looked up, or given."""
    unhonoured: tuple[str, ...] = ()
    """Paths that were to be tracked and can't be."""
    disabled: bool = False
    reasons: tuple[str, ...] = ()
    """Why the tools asked not to be cached, in their words."""
    faults: Mapping[str, int] = {}
    """Bad input by kind."""
    lost: bool = False
    """Whether a hint may have been lost."""


SkipKind = Literal[
    "disabled-by-task",
    "hints-lost",
    "withheld-variable",
    "conflicting-values",
    "tracked-value",
    "tracked-outside",
]


class Skip(NamedTuple):
    """Why hints keep a run out of the cache."""

    kind: SkipKind
    subject: str | None = None


class Collector:
    """Takes a step's messages one by one; `done` folds them."""

    def __init__(self, setting: Setting) -> None:
        self._at = setting
        self._paths: dict[str, set[str]] = {verb: set() for verb in _PATH_VERBS}
        self._env: dict[str, str | None] = {}
        self._patterns: dict[str, dict[str, str]] = {}
        self._values: dict[str, dict[str, None]] = {}
        self._looked_up: set[str] = set()
        self._said: set[str] = set()
        self._withheld: set[str] = set()
        self._unhonoured: set[str] = set()
        self._disabled = False
        self._reasons: dict[str, None] = {}
        self._faults: dict[str, int] = {}
        self._lost = False

    def receive(
        self, verb: str, fields: Sequence[bytes], source: Source
    ) -> Sequence[bytes] | Refusal | None:
        """Take a message and return the answer to a question; statements have none."""
        texts = [_text(field) for field in fields]
        if verb in _PATH_VERBS:
            self._take_path(verb, texts[0])
        elif verb == "track_value":
            self._values.setdefault(texts[0], {})[texts[1]] = None
        elif verb == "disable_cache":
            self._disabled = True
            self._reasons.update(dict.fromkeys(texts))
        else:
            tracked = fields[1] != b"\0"
            return self._answer(verb, texts[0], source, tracked=tracked)
        return None

    def sees(self, names: Iterable[str]) -> None:
        """Take the names of variables that programs were seen to look up, and not to find."""
        for name in names:
            if counts(name):
                self._answer_name(name, "file", tracked=True)

    def gives(self, names: Iterable[str]) -> None:
        """Take the names of variables that the step has because it is known to look them up.

        Whether it does so again may not be seen: the result depends on them all the same.
        """
        for name in names:
            self._answer_name(name, "file", tracked=True)

    def note(self, faults: Mapping[str, int], *, lost: bool) -> None:
        """Take what was counted where hints come in."""
        for kind, count in faults.items():
            self._faults[kind] = self._faults.get(kind, 0) + count
        self._lost |= lost

    def done(self) -> Hints:
        """Fold everything."""
        return Hints(
            ignored_inputs=_outermost(self._paths["ignore_input"]),
            ignored_outputs=_outermost(self._paths["ignore_output"]),
            tracked_inputs=tuple(sorted(self._paths["track_input"])),
            tracked_outputs=tuple(sorted(self._paths["track_output"])),
            env=dict(sorted(self._env.items())),
            patterns=dict(sorted(self._patterns.items())),
            values={key: tuple(values) for key, values in sorted(self._values.items())},
            looked_up=tuple(sorted(self._looked_up)),
            withheld=tuple(sorted(self._withheld)),
            unsaid=tuple(sorted(self._env.keys() - self._said)),
            unhonoured=tuple(sorted(self._unhonoured)),
            disabled=self._disabled,
            reasons=tuple(self._reasons),
            faults=dict(sorted(self._faults.items())),
            lost=self._lost,
        )

    def _fault(self, kind: str) -> None:
        self._faults[kind] = self._faults.get(kind, 0) + 1

    # Paths

    def _take_path(self, verb: str, path: str) -> None:
        """Take a path as it was named, and as it is with every link resolved."""
        named = os.path.join(self._at.cwd, path)
        found = {self._at.resolve(named)}
        bare = named.rstrip("/")
        if self._at.is_link(bare):
            parent, name = os.path.split(bare)
            found.add(os.path.join(self._at.resolve(parent), name))
        inside = {place for one in found if (place := self._inside(one))}
        self._paths[verb] |= inside
        if not inside:
            self._fault("too-wide" if any(map(self._contains_root, found)) else "outside")
            # An ignored path that can't be honoured costs a miss; a tracked one would be a lie.
            if verb in {"track_input", "track_output"}:
                self._unhonoured.add(path)

    def _inside(self, path: str) -> str | None:
        root = self._at.root.rstrip("/") + "/"
        return path[len(root) :] if path.startswith(root) else None

    def _contains_root(self, path: str) -> bool:
        return f"{self._at.root}/".startswith(path.rstrip("/") + "/")

    # Variables

    def _answer(
        self, verb: str, wanted: str, source: Source, *, tracked: bool
    ) -> Sequence[bytes] | Refusal:
        if verb == "get_env":
            self._said.add(wanted)
            return self._answer_name(wanted, source, tracked=tracked)
        glob = glob_of_prefix(wanted) if verb == "get_envs_prefix" else wanted
        try:
            return self._answer_glob(glob, source, tracked=tracked)
        except ValueError as error:
            self._fault("bad-glob")
            # On the channel the tool is told, and gets nothing; by the file it had an answer.
            self._lost |= source != "channel"
            return Refusal("bad-glob", f"`{wanted}` is no valid glob: {error}")

    def _answer_name(self, name: str, source: Source, *, tracked: bool) -> Sequence[bytes]:
        if name in PROTOCOL_NAMES:
            return []
        value = self._at.env.get(name)
        if tracked and not self._at.untracked(name) and not self._at.declared(name):
            self._env[name] = value
            self._look_for_withheld(name, [name], source)
        return [] if value is None else [_bytes(value)]

    def _answer_glob(self, glob: str, source: Source, *, tracked: bool) -> Sequence[bytes]:
        found = matching(glob, self._at.env)
        kept = {n: v for n, v in found.items() if _tracks(n, self._at.untracked)}
        if tracked:
            self._patterns[glob] = kept
            self._look_for_withheld(glob, kept, source)
        return [_bytes(text) for item in found.items() for text in item]

    def _look_for_withheld(self, wanted: str, names: Iterable[str], source: Source) -> None:
        """Note what a tool can't have seen though it asked: the file gives no answers."""
        if source == "file":
            self._looked_up.add(wanted)
            self._withheld.update(
                name
                for name in names
                if name in self._at.env
                and name not in self._at.passed
                and name not in PROTOCOL_NAMES
            )


_PATH_VERBS = ("ignore_input", "ignore_output", "track_input", "track_output")


def skip(hints: Hints, derived: Mapping[str, str] = MappingProxyType({})) -> Skip | None:
    """Return why the hints keep a run out of the cache, if they do.

    `derived` are the values that the runner has worked out before the run, and knows how to work
    out before any other: those of them that a tool tracks are part of the fingerprint.
    """
    if hints.disabled:
        return Skip("disabled-by-task", "; ".join(hints.reasons) or None)
    if hints.lost:
        kinds = (kind for kind in hints.faults if kind not in HARMLESS)
        return Skip("hints-lost", next((FAULTS[kind] for kind in kinds), None))
    if hints.withheld:
        return Skip("withheld-variable", hints.withheld[0])
    if hints.unhonoured:
        return Skip("tracked-outside", hints.unhonoured[0])
    return _skip_for_values(hints.values, derived)


def _skip_for_values(
    tracked: Mapping[str, tuple[str, ...]], derived: Mapping[str, str]
) -> Skip | None:
    for key, values in tracked.items():
        if len({*values, derived.get(key, values[0])}) > 1:
            return Skip("conflicting-values", key)
        if key not in derived:
            return Skip("tracked-value", key)
    return None


Provenance = dict[str, Any]
"""What the summary shows as `cacheHints`: names and paths, no values."""


def provenance(hints: Hints) -> Provenance:
    """Return what there is to show of hints."""
    everything: Provenance = {
        "ignoredInputs": list(hints.ignored_inputs),
        "ignoredOutputs": list(hints.ignored_outputs),
        "trackedInputs": list(hints.tracked_inputs),
        "trackedOutputs": list(hints.tracked_outputs),
        "trackedEnv": [name for name in hints.env if name not in hints.unsaid],
        "trackedEnvPatterns": list(hints.patterns),
        "trackedValues": list(hints.values),
        "withheldEnv": list(hints.withheld),
        "disabled": hints.disabled,
        "disabledReasons": list(hints.reasons),
        "badInput": dict(hints.faults),
        "lost": hints.lost,
    }
    return {key: value for key, value in everything.items() if value}


def encode(said: Provenance) -> bytes:
    """Return it as bytes, to be kept with the result."""
    import json

    return json.dumps(said, separators=(",", ":")).encode() if said else b""


def decode(kept: bytes) -> Provenance:
    """Return what was kept with a result; nothing is not decoded, as most hits keep nothing."""
    if not kept:
        return {}
    import json

    found: Provenance = json.loads(kept)
    return found


def matching(glob: str, env: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that a glob matches, by name; the protocol's own are none."""
    matches = env_glob(glob)
    names = (name for name in env if name not in PROTOCOL_NAMES and matches(name))
    return {name: env[name] for name in sorted(names)}


def _tracks(name: str, untracked: Callable[[str], bool]) -> bool:
    """Whether a pattern that matches a name makes the result depend on it."""
    return name not in SHELL_NAMES and not untracked(name)


def _outermost(paths: Iterable[str]) -> tuple[str, ...]:
    """Drop paths beneath others."""
    kept: list[str] = []
    for path in sorted(paths, key=lambda path: path.split("/")):
        if not kept or not f"{path}/".startswith(f"{kept[-1]}/"):
            kept.append(path)
    return tuple(kept)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
