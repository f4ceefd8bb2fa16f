"""What the weak fingerprint covers, described once and read by two visitors: digest and words."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple, Protocol

from taskrunner import _native

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from taskrunner.model import PathRules
    from taskrunner.plan import Action

_CPU_BYTES = 8192  # the first processor's flags; reading about all processors is slow


class Facts(NamedTuple):
    """What is the same for all steps of a run."""

    format: int
    fidelity: str
    platform: str
    cpu: str
    umask: str


class Visitor(Protocol):
    """Is shown one field of a description after the other."""

    def field(self, name: str, value: tuple[str, ...]) -> None:
        """Take a field that is a list of words."""

    def names(self, name: str, value: Mapping[str, str]) -> None:
        """Take a field that maps names to words."""


def describe(
    action: Action,
    facts: Facts,
    values: Mapping[str, str],
    keyed: Callable[[bytes], bytes],
    visitor: Visitor,
) -> None:
    """Show a visitor all that is known of an action before it runs, and nothing else.

    `values` are those that its task declares. They and environment values appear only as digests
    made with the cache's key. PATH is no part: which program it leads to is looked up. The task's
    name is none either, nor is the toolchain.
    """
    task = action.task
    visitor.field("format", (str(facts.format),))
    visitor.field("fidelity", (facts.fidelity,))
    visitor.field("platform", (facts.platform,))
    visitor.field("cpu", (facts.cpu,))
    visitor.field("umask", (facts.umask,))
    visitor.field("stdin", ("empty",))
    visitor.field("command", action.command.argv)
    visitor.field("cwd", (action.cwd,))
    # A script is told where its package is.
    visitor.field("package", (task.package.path,) if task.is_script else ())
    visitor.names("env", _keyed(_tracked(action), keyed))
    visitor.names("values", _keyed(values, keyed))
    visitor.field("env patterns", task.env)
    visitor.field("untracked-env patterns", task.untracked_env)
    _describe_rules("input", task.input, visitor)
    _describe_rules("output", task.output, visitor)
    visitor.field("noise", task.noise)


def _describe_rules(name: str, rules: PathRules, visitor: Visitor) -> None:
    visitor.field(f"{name} auto", (str(rules.auto).lower(),))
    visitor.field(f"{name} include", rules.include)
    visitor.field(f"{name} exclude", rules.exclude)


def _tracked(action: Action) -> dict[str, str]:
    values = action.environment.values
    tracked = {name: values[name] for name in action.environment.tracked}
    return tracked | dict(action.command.assignments)


def _keyed(values: Mapping[str, str], keyed: Callable[[bytes], bytes]) -> dict[str, str]:
    return {
        name: keyed(os.fsencode(f"{name}={value}")).hex() for name, value in sorted(values.items())
    }


class Digesting:
    """Makes the weak fingerprint: every part behind its length, so that no two run together."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def field(self, name: str, value: tuple[str, ...]) -> None:
        """Take a field that is a list of words."""
        self._add(name, *value)

    def names(self, name: str, value: Mapping[str, str]) -> None:
        """Take a field that maps names to words."""
        self._add(name, *(word for pair in value.items() for word in pair))

    def _add(self, *words: str) -> None:
        self._parts.append(len(words).to_bytes(4, "little"))
        for word in words:
            data = os.fsencode(word)
            self._parts += (len(data).to_bytes(4, "little"), data)

    def digest(self) -> bytes:
        """Return the weak fingerprint of all fields seen."""
        return _native.digest(b"".join(self._parts))


class Explaining:
    """Keeps the fields in words, to be compared with those of an earlier run."""

    def __init__(self) -> None:
        self._fields: dict[str, list[str] | dict[str, str]] = {}

    def field(self, name: str, value: tuple[str, ...]) -> None:
        """Take a field that is a list of words."""
        self._fields[name] = list(value)

    def names(self, name: str, value: Mapping[str, str]) -> None:
        """Take a field that maps names to words."""
        self._fields[name] = dict(value)

    def description(self) -> bytes:
        """Return the fields as canonical JSON."""
        import json

        return json.dumps(self._fields, sort_keys=True, separators=(",", ":")).encode()


class Difference(NamedTuple):
    """What differs between two descriptions."""

    words: str | None
    """In words; None if it can't be told."""
    variable: tuple[str, str] | None = None
    """The first variable that differs and how, if nothing but values of variables does."""


def explain(earlier: bytes | None, now: bytes) -> Difference:
    """Return what differs between two descriptions."""
    import json

    try:
        old, new = json.loads(earlier or b"null"), json.loads(now)
    except ValueError:
        return Difference(None)
    if not isinstance(old, dict):
        return Difference(None)
    changed = [name for name in new if old.get(name) != new[name]]
    words = [word for name in changed for word in _changes(name, old.get(name), new[name])]
    only_env = changed == ["env"] and isinstance(old.get("env"), dict)
    variable = next(_env_changes(old["env"], new["env"]), None) if only_env else None
    return Difference(", ".join(dict.fromkeys(words)) or None, variable)


def changes(earlier: bytes | None, now: bytes) -> Iterator[tuple[str, str, str]]:
    """Yield each field that differs between two descriptions: its name, what it was and is."""
    import json

    try:
        old, new = json.loads(earlier or b"null"), json.loads(now)
    except ValueError:
        return
    if not isinstance(old, dict):
        return
    for name in new:
        if name in _KEYED:
            yield from _changed_values(_KEYED[name], old.get(name) or {}, new[name])
        elif old.get(name) != new[name]:
            yield name, _shown(old.get(name)), _shown(new[name])


_KEYED = {"env": "env", "values": "value"}
"""The fields that map names to keyed digests, and what one of their names is called."""


def _changed_values(
    called: str, old: dict[str, str], new: dict[str, str]
) -> Iterator[tuple[str, str, str]]:
    """Values are secrets, known by keyed digests alone."""
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            values = [
                "unset" if it is None else f"a value ({it[:12]})"
                for it in (old.get(name), new.get(name))
            ]
            yield f"{called} {name}", values[0], values[1]


def _shown(value: object) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value)) or "nothing"
    return "nothing" if value is None else str(value)


def _changes(name: str, old: object, new: object) -> Iterator[str]:
    if name in _KEYED and isinstance(old, dict) and isinstance(new, dict):
        yield from (f"{_KEYED[name]} '{key}' {how}" for key, how in _env_changes(old, new))
    elif name.startswith(("input ", "output ")):
        yield f"{name.partition(' ')[0]} configuration changed"
    elif name in _CHANGED:
        yield _CHANGED[name]
    else:
        yield f"{name} changed"


_CHANGED = {
    "format": "the cache format changed",
    "fidelity": "tracing works differently now",
    "platform": "the platform changed",
    "cpu": "the processor changed",
    "cwd": "working directory changed",
    "env patterns": "`env` changed",
    "untracked-env patterns": "`untracked-env` changed",
}


def _env_changes(old: dict[str, str], new: dict[str, str]) -> Iterator[tuple[str, str]]:
    for name in sorted(old.keys() | new.keys()):
        if name not in new:
            yield name, "removed"
        elif name not in old:
            yield name, "added"
        elif old[name] != new[name]:
            yield name, "changed"


def facts(fidelity: str) -> Facts:
    """Return what holds for every step on this machine now."""
    system = os.uname()
    return Facts(
        format=_native.FORMAT,
        fidelity=fidelity,
        platform=f"{system.sysname} {system.machine}",
        cpu=_native.digest(_cpu_flags()).hex(),
        umask=_umask(),
    )


def _cpu_flags() -> bytes:
    return next(
        (line for line in _proc("/proc/cpuinfo").splitlines() if line.startswith(_FLAGS)), b""
    )


_FLAGS = (b"flags", b"Features")


def _umask() -> str:
    """Return the umask without setting it, as that would be seen by other threads."""
    for line in _proc("/proc/self/status").splitlines():
        if line.startswith(b"Umask:"):
            return line.split()[1].decode()
    mask = os.umask(0o22)
    os.umask(mask)
    return f"{mask:04o}"


def _proc(path: str) -> bytes:
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(file, _CPU_BYTES)
    finally:
        os.close(file)
