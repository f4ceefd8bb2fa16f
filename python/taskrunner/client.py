"""Tell the task runner what it can't see, and ask it for variables; silent where there is none.

    from taskrunner.client import disable_cache, get_env, ignore_input

    ignore_input(cache_dir)            # reading my own cache is no input
    api = get_env("API_URL")           # and the result depends on it
    disable_cache("asks the network")  # never replay this run

No call fails a tool: outside a runner each does nothing, or returns what `os.environ` holds. Safe
to use from threads, signal handlers and forked children. This file needs nothing but the standard
library and may be copied into a tool as it is, with its `.pyi`. The protocol is described in
`docs/protocol.md`.
"""

from __future__ import annotations

import os
from _thread import RLock

TYPE_CHECKING = False  # as type checkers read it; `typing` would double the time of the import
if TYPE_CHECKING:
    from _socket import socket
    from collections.abc import Callable, Mapping

    Path = str | bytes | os.PathLike[str] | os.PathLike[bytes]
    Token = tuple[bool, frozenset[int]] | None  # negated and bytes; None is `*`

__all__ = [
    "disable_cache",
    "get_env",
    "get_envs",
    "ignore_input",
    "ignore_output",
    "is_managed",
    "looked_up",
    "track_input",
    "track_output",
    "track_value",
]

_CHANNEL = "TASKRUNNER_CHANNEL"
_HINT_FILE = "TASK_RUNNER_HINTS"
_SNAPSHOT = "TASKRUNNER_ENV_SNAPSHOT"

_CONNECT_DEADLINE = 5.0
_CONNECT_PAUSE = 0.01
_REPLY_DEADLINE = 30.0
_MAX_REPLY = 16 << 20
_MAX_REMEMBERED = 4096

_VALUE = 1


def is_managed() -> bool:
    """Whether there is a runner: worth asking before work that only serves hints."""
    return bool(os.environ.get(_CHANNEL) or os.environ.get(_HINT_FILE))


def ignore_input(path: Path) -> None:
    """Reads of a path, and of everything beneath it, are no inputs."""
    _tell(2, "ignoreInput", path=_absolute(path))


def ignore_output(path: Path) -> None:
    """Writes to a path, and to everything beneath it, are no outputs."""
    _tell(3, "ignoreOutput", path=_absolute(path))


def track_input(path: Path) -> None:
    """A path is an input, whether or not the runner sees it read."""
    _tell(4, "trackInput", path=_absolute(path))


def track_output(path: Path) -> None:
    """A path is an output, whether or not the runner sees it written."""
    _tell(5, "trackOutput", path=_absolute(path))


def track_value(key: str, value: str) -> None:
    """The result depends on a key having this value."""
    _tell(6, "trackValue", key=_text(key), value=_text(value))


def get_env(name: str, *, tracked: bool = True) -> str | None:
    """Return a variable of the runner's environment; if tracked, the result depends on it."""
    raw = os.fsencode(name)
    answer = _ask(7, raw, "trackEnv", tracked=tracked, name=raw)
    if answer is None:
        return _fallback().get(name)
    return os.fsdecode(answer[0]) if answer else None


def get_envs(
    pattern: str | None = None, *, prefix: str | None = None, tracked: bool = True
) -> dict[str, str]:
    """Return the variables whose names match a glob, or begin with a prefix.

    A glob that is not valid matches nothing.
    """
    if prefix is not None and pattern is None:
        pattern = glob_of_prefix(prefix)
        verb, wanted = 9, os.fsencode(prefix)
    elif pattern is not None and prefix is None:
        verb, wanted = 8, os.fsencode(pattern)
    else:
        raise TypeError("get_envs() takes a pattern or a prefix")
    line = os.fsencode(pattern)
    answer = _ask(verb, wanted, "trackEnvPattern", tracked=tracked, pattern=line)
    if answer is None:
        return _matching(_fallback(), pattern)
    texts = [os.fsdecode(field) for field in answer]
    return dict(zip(texts[::2], texts[1::2], strict=False))


def looked_up(name: str) -> None:
    """The tool has read a variable from its own environment, and can't ask for it any more.

    If the runner had one that it did not pass on, this run is not cached, and the next one has it.
    """
    if is_managed():
        _write("trackEnv", {"name": os.fsencode(name)})


def disable_cache(reason: str | None = None) -> None:
    """This run must not be cached."""
    if reason is None:
        _tell(10, "disableCache")
    else:
        _tell(10, "disableCache", reason=_text(reason))


# What is said, and to whom


def _tell(verb: int, op: str, **fields: bytes) -> None:
    link = _current()
    if link is None:
        return
    body = _body(verb, *fields.values())
    if body not in link.taken:
        if link.exchange(body) is None:
            _write(op, fields)
        link.remember(body)


def _ask(
    verb: int, wanted: bytes, op: str, *, tracked: bool, **fields: bytes
) -> list[bytes] | None:
    """Return the fields of the runner's answer; `None` if it has to come from elsewhere."""
    link = _current()
    if link is None:
        return None
    body = _body(verb, wanted, bytes([bool(tracked)]))
    reply = link.exchange(body)
    if reply is not None:
        return _fields(reply) if reply[0] == _VALUE else None
    if tracked and body not in link.taken:
        if _snapshot() is not None:
            fields["from"] = b"snapshot"
        _write(op, fields)
        link.remember(body)
    return None


def _absolute(path: Path) -> bytes:
    """Return a path as seen from here and now; links and `..` are the runner's to resolve."""
    raw = os.fsencode(path)
    try:
        return os.path.join(os.getcwdb(), raw)
    except OSError:
        return raw  # the directory is gone; the runner counts a relative path


def _text(value: object) -> bytes:
    return str(value).encode("utf-8", "backslashreplace")


# Bodies: a verb, then fields, each a length of four bytes and that many bytes


def _body(verb: int, *fields: bytes) -> bytes:
    return b"".join([bytes([verb]), *(_sized(field) for field in fields)])


def _sized(part: bytes) -> bytes:
    # A length that does not fit four bytes fits no frame either, and the runner says so.
    return min(len(part), 0xFFFFFFFF).to_bytes(4, "little") + part


def _fields(body: bytes) -> list[bytes]:
    fields, at = [], 1
    while at < len(body):
        size = int.from_bytes(body[at : at + 4], "little")
        fields.append(body[at + 4 : at + 4 + size])
        at += 4 + size
    return fields


# The channel


class _Link:
    """The way to the runner that the environment names, for one process."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.process = os.getpid()
        self.taken: set[bytes] = set()
        self._open: socket | None = None
        self._dead = not address  # or silent past the deadline: each further wait would stall
        self._busy = False
        self._lock = RLock()

    def remember(self, body: bytes) -> None:
        """Every verb is idempotent, so once is enough for the step."""
        if len(self.taken) < _MAX_REMEMBERED:
            self.taken.add(body)

    def exchange(self, body: bytes) -> bytes | None:
        """Send a body and return the answer's; `None` if the runner can't be talked to."""
        with self._lock:
            if self._busy:  # a signal handler or finalizer cut into an exchange of this thread
                return _Link(self.address).exchange(body)
            self._busy = True
            try:
                return self._exchange(body)
            finally:
                self._busy = False

    def _exchange(self, body: bytes) -> bytes | None:
        # Put back only after a whole exchange: an exception in between leaves it out of step.
        old, self._open = self._open, None
        try:
            if old is not None:
                try:
                    return self._talk(old, body)
                except TimeoutError:
                    raise
                except OSError:
                    pass  # the runner may close an idle connection
            return None if self._dead else self._talk(_connect(self.address), body)
        except (ImportError, AttributeError, OSError):
            self._dead = True
            return None

    def _talk(self, connection: socket, body: bytes) -> bytes:
        try:
            connection.sendall(_sized(body), _no_signal())
            reply = _receive(connection, _size(_receive(connection, 4)))
        except BaseException:
            connection.close()
            raise
        self._open = connection
        return reply

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None


_link: _Link | None = None


def _current() -> _Link | None:
    """Return the link of this process to the runner of this moment."""
    global _link  # noqa: PLW0603  # one process, one runner
    if not is_managed():
        return None
    address = os.environ.get(_CHANNEL, "")
    link = _link
    if link is None or link.address != address or link.process != os.getpid():
        if link is None:
            import atexit

            atexit.register(_close)
        else:
            link.close()  # in a forked child: its copy of the parent's descriptor
        _link = link = _Link(address)
    return link


def _close() -> None:
    if _link is not None:
        _link.close()


def _connect(address: str) -> socket:
    import _socket  # `socket` would import a dozen modules more
    import time

    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        deadline = time.monotonic() + _CONNECT_DEADLINE
        connection.settimeout(_CONNECT_DEADLINE)
        while True:
            try:
                connection.connect(address)
                break
            except BlockingIOError:  # more clients are waiting than the kernel lets wait
                if time.monotonic() > deadline:
                    raise
                time.sleep(_CONNECT_PAUSE)
        connection.settimeout(_REPLY_DEADLINE)
    except BaseException:
        connection.close()
        raise
    return connection


def _no_signal() -> int:
    """A runner that is gone must not kill a tool that has SIGPIPE at its default."""
    import _socket

    return getattr(_socket, "MSG_NOSIGNAL", 0)


def _size(header: bytes) -> int:
    size = int.from_bytes(header, "little")
    if not 0 < size <= _MAX_REPLY:
        raise OSError("no answer of this protocol")
    return size


def _receive(connection: socket, size: int) -> bytes:
    parts = []
    while size:
        part = connection.recv(min(size, 1 << 16))
        if not part:
            raise ConnectionResetError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


# Where there is no channel: the hint file, the snapshot, the own environment


def _write(op: str, fields: Mapping[str, bytes]) -> None:
    """Append a line to the hint file, which is the runner's: never made anew once it is gone."""
    path = os.environ.get(_HINT_FILE)
    if not path:
        return
    import json

    texts = {key: value.decode("utf-8", "surrogateescape") for key, value in fields.items()}
    line = json.dumps({"op": op, **texts}) + "\n"
    try:
        file = os.open(path, os.O_WRONLY | os.O_APPEND)
        try:
            os.write(file, line.encode())
        finally:
            os.close(file)
    except OSError:
        pass


def _fallback() -> Mapping[str, str]:
    snapshot = _snapshot()
    return os.environ if snapshot is None else snapshot


def _snapshot() -> dict[str, str] | None:
    """Return the private copy of the runner's environment, if there is one."""
    path = os.environ.get(_SNAPSHOT)
    if not path or not is_managed():
        return None
    try:
        with open(path, "rb") as file:
            entries = file.read().split(b"\0")
    except OSError:
        return None
    pairs = (os.fsdecode(entry).partition("=") for entry in entries if b"=" in entry)
    return {name: value for name, _, value in pairs}


def _matching(env: Mapping[str, str], glob: str) -> dict[str, str]:
    try:
        matches = env_glob(glob)
    except ValueError:
        return {}
    return {name: value for name, value in sorted(env.items()) if matches(name)}


# Globs over names of variables: * ? [a-z] [!a-z] {A,B} \x

_MAX_GLOB = 1024
_MAX_ALTERNATIVES = 64


def env_glob(glob: str) -> Callable[[str], bool]:
    """Compile a glob; a ValueError says why it is not valid.

    Matching takes at most pattern x name steps, whatever the pattern.
    """
    raw = os.fsencode(glob)
    if not raw:
        raise ValueError("it is empty")
    if len(raw) > _MAX_GLOB:
        raise ValueError("it is longer than 1024 bytes")
    alternatives = [[_token(piece) for piece in pieces] for pieces in _expand(raw)]
    return lambda name: any(_matches(tokens, os.fsencode(name)) for tokens in alternatives)


def glob_of_prefix(prefix: str) -> str:
    """Return the glob that matches the names beginning with a prefix, and no others."""
    return "".join("\\" + char if char in "*?[]{}\\," else char for char in prefix) + "*"


def _expand(glob: bytes) -> list[list[bytes]]:
    """Write out the alternatives of braces; each is a list of pieces."""
    done: list[list[bytes]] = [[]]
    for piece in _pieces(glob):
        choices = _alternatives(piece[1:-1]) if piece[:1] == b"{" else [[piece]]
        if len(done) * len(choices) > _MAX_ALTERNATIVES:
            raise ValueError("it has more than 64 alternatives")
        done = [[*before, *choice] for before in done for choice in choices]
    return done


def _alternatives(inside: bytes) -> list[list[bytes]]:
    choices: list[list[bytes]] = [[]]
    for piece in _pieces(inside):
        if piece == b",":
            choices.append([])
        else:
            choices[-1].append(piece)
    return choices


def _pieces(glob: bytes) -> list[bytes]:
    pieces, at = [], 0
    while at < len(glob):
        end = _end(glob, at)
        pieces.append(glob[at:end])
        at = end
    return pieces


def _end(glob: bytes, at: int) -> int:
    """Return where the piece of syntax that starts here ends."""
    char = glob[at : at + 1]
    if char == b"\\" and at + 1 == len(glob):
        raise ValueError("it ends in a backslash")
    if char == b"}":
        raise ValueError("'}' without '{'")
    if char == b"[":
        first = at + 2 if glob[at + 1 : at + 2] == b"!" else at + 1
        found = glob.find(b"]", first + 1)  # a `]` that comes first stands for itself
        if found < 0:
            raise ValueError("'[' without ']'")
        return found + 1
    if char == b"{":
        return _end_of_braces(glob, at + 1)
    return at + 2 if char == b"\\" else at + 1


def _end_of_braces(glob: bytes, at: int) -> int:
    while at < len(glob):
        if glob[at : at + 1] == b"}":
            return at + 1
        if glob[at : at + 1] == b"{":
            raise ValueError("'{' inside '{'")
        at = _end(glob, at)
    raise ValueError("'{' without '}'")


def _token(piece: bytes) -> Token:
    if piece == b"*":
        return None
    if piece == b"?":
        return True, frozenset()
    if piece[:1] == b"[":
        return _set(piece[1:-1])
    return False, frozenset(piece[-1:])


def _set(inside: bytes) -> Token:
    negated = inside[:1] == b"!"
    rest = inside[negated:]
    wanted: set[int] = set()
    while rest:
        first = last = rest[0]
        taken = 1
        if rest[1:2] == b"-" and len(rest) > 2:  # noqa: PLR2004  # a range is three bytes
            last, taken = rest[2], 3
        if first > last:
            raise ValueError("a range that runs backwards")
        wanted.update(range(first, last + 1))
        rest = rest[taken:]
    return negated, frozenset(wanted)


def _matches(tokens: list[Token], name: bytes) -> bool:
    """Walk with two pointers: on a mismatch, the last `*` takes one byte more."""
    token, at, star, taken = 0, 0, -1, 0
    while at < len(name):
        expected = tokens[token] if token < len(tokens) else (False, frozenset())
        if expected is None:
            star, taken = token, at
            token += 1
        elif (name[at] in expected[1]) != expected[0]:
            token += 1
            at += 1
        elif star >= 0:
            taken += 1
            token, at = star + 1, taken
        else:
            return False
    return all(expected is None for expected in tokens[token:])
