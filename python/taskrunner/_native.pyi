"""The native part, written in Rust: tracing, matching, hashing, validation, archives, the store."""

from collections.abc import Mapping, Sequence
from typing import Literal, final

__version__: str
"""The version of the distribution."""

FORMAT: int
"""The version of the cache format; part of every weak fingerprint."""

RULES: list[str]
"""Names of the rules that `switch_off` can leave out."""

def switch_off(rules: Sequence[str]) -> None:
    """Leave out these rules of the cache, and no others, in this process from now on.

    For the mutation check alone: a ValueError in builds without the cargo feature `mutation`.
    """

def digest(data: bytes) -> bytes:
    """Return the BLAKE3 digest of `data`, 32 bytes."""

def check_pattern(pattern: str) -> str | None:
    """Return why a glob is not valid, or None."""

@final
class Reason:
    """Why something was not answered from the cache, or not stored in it. Frozen."""

    @property
    def kind(self) -> str:
        """One of the two closed lists of `reasons`."""
    @property
    def path(self) -> str | None:
        """The path in question, workspace-relative if inside; odd bytes as surrogate escapes."""
    @property
    def detail(self) -> str | None:
        """What else there is to say."""

@final
class Checked:
    """What a look-up says of one step."""

    @property
    def step(self) -> int:
        """The step's id."""
    @property
    def hit(self) -> bool:
        """Whether a stored result fits."""
    @property
    def reason(self) -> Reason | None:
        """Why none does."""
    @property
    def saved(self) -> float:
        """The seconds the stored run took."""

@final
class Compared:
    """One thing that the nearest entry depends on: what it was, and what it is. Frozen."""

    @property
    def look(self) -> str:
        """What is asked.

        `ignored`, `variable`, `variables`, `in-place`, `own`, `present`, `kind`, `link`, `access`,
        `lookup`, `root`, `listing`, `stat`, `content`, `beneath` or `declared`.
        """

    @property
    def kind(self) -> str | None:
        """How the change is called, one of the kinds of a miss; None if there is none."""
    @property
    def path(self) -> str | None:
        """The path, workspace-relative if inside; odd bytes as surrogate escapes."""
    @property
    def name(self) -> str | None:
        """A program's name, one searched for above the workspace, a variable's, or a glob."""
    @property
    def old(self) -> str:
        """What it was when the entry was made: `absent`, `file 1f3a… 0644` and the like."""
    @property
    def new(self) -> str:
        """What it is now."""

@final
class Explained:
    """What is known about a step's look-up. Frozen."""

    @property
    def hit(self) -> bool:
        """Whether an entry agrees in everything."""
    @property
    def path_sets(self) -> int:
        """How many sets of paths are known for the step as it is described now."""
    @property
    def entries(self) -> int:
        """How many entries were compared."""
    @property
    def differences(self) -> list[Compared]:
        """Where the nearest entry, the one with the fewest, differs; in the order of evaluation."""
    @property
    def inputs(self) -> list[Compared]:
        """All that the nearest entry depends on, if asked for."""

@final
class Message:
    """One thing that a tool said or asked. Frozen."""

    @property
    def verb(self) -> str:
        """Which: `ignore_input`, `get_env` …."""
    @property
    def fields(self) -> list[bytes]:
        """Its fields, in the order of the protocol."""
    @property
    def source(self) -> Literal["channel", "file", "snapshot"]:
        """How it came in; see `hints.Source`."""
    @property
    def connection(self) -> int | None:
        """channel: where an answer goes."""

@final
class Hinted:
    """The hints of one run as the cache wants them. Frozen."""

    def __new__(
        cls,
        *,
        ignored_inputs: Sequence[str],
        ignored_outputs: Sequence[str],
        tracked_inputs: Sequence[str],
        tracked_outputs: Sequence[str],
        env: Sequence[tuple[str, bool]],
        env_globs: Sequence[tuple[str, bool]],
        provenance: bytes,
        refused: tuple[str, str | None] | None,
    ) -> Hinted:
        """Make them. Paths are relative to the workspace.

        Variables and globs over them come with whether a process looked at its own environment.
        `provenance` is kept with the result, and given back by every hit.
        `refused` is the kind of the reason not to store the result, and its detail.
        """

@final
class Event:
    """Something that happened to a step; which fields count depends on the kind."""

    @property
    def kind(
        self,
    ) -> Literal[
        "waiting",
        "opened",
        "hints",
        "started",
        "output",
        "exited",
        "judged",
        "stored",
        "restored",
        "failed",
        "helper-lost",
    ]:
        """What happened."""
    @property
    def step(self) -> int:
        """The step's id."""
    @property
    def stream(self) -> int:
        """output: 1 for stdout, 2 for stderr."""
    @property
    def data(self) -> bytes:
        """output: the bytes; restored: `Hinted.provenance` of the run."""
    @property
    def code(self) -> int | None:
        """exited: the exit code, if it was not a signal; failed: what a shell would exit with."""
    @property
    def signal(self) -> int | None:
        """exited: the signal, if it was one."""
    @property
    def seconds(self) -> float:
        """exited: the wall time."""
    @property
    def ok(self) -> bool:
        """judged: will be stored if packing succeeds; stored: is; restored: succeeded."""
    @property
    def reason(self) -> Reason | None:
        """judged, stored: why not cached; restored: why not; failed: the error of the spawn."""
    @property
    def files(self) -> int:
        """restored: how many files were written; 0 if everything was in place."""
    @property
    def replaced(self) -> list[str]:
        """restored: paths whose unrecorded bytes were moved to `.taskrunner/replaced`."""
    @property
    def names(self) -> list[str]:
        """opened: variables the step is known to look up; exited: those it looked up in vain."""
    @property
    def hints(self) -> list[Message]:
        """hints: what its tools said."""
    @property
    def faults(self) -> dict[str, int]:
        """exited: what was wrong with its hints, by kind."""
    @property
    def lost(self) -> bool:
        """exited: whether a hint may have been lost."""

@final
class Step:
    """One step as the engine knows it."""

    def __new__(
        cls,
        *,
        id: int,
        package: str,
        task: str,
        index: int,
        args: Sequence[str],
        weak: bytes,
        description: bytes,
        argv: Sequence[str],
        env: Mapping[str, str],
        untracked_env: Sequence[str],
        cwd: str,
        before: bytes,
        cached: bool,
        traced: bool,
        interactive: bool,
        input_auto: bool,
        input_include: Sequence[str],
        input_exclude: Sequence[str],
        output_auto: bool,
        output_include: Sequence[str],
        output_exclude: Sequence[str],
        noise: Sequence[str],
    ) -> Step:
        """Make a step.

        `before` has a bit for each step ordered before it, transitively: step n is bit n % 8 of
        byte n // 8. Patterns are globs relative to the workspace root. `env` is the whole
        environment; `untracked_env` names the variables that no glob tracks. `noise` has names to
        add to the table of neutral caches, or with `!` in front to take out. `description` says
        what `weak` digests, and is kept to explain later misses. An `interactive` step is given
        the runner's own input and outputs, and sends no `output`.
        """

@final
class Engine:
    """Supervisor, cache and worker pool of one run, behind one `next_events`."""

    def __new__(
        cls,
        *,
        root: str,
        cache_dir: str,
        state_dir: str,
        helper: str,
        addon: str | None,
        environment: Mapping[str, str],
        home: str,
        temp: str,
        workers: int,
    ) -> Engine:
        """Open the cache and make ready to run.

        `environment` is the runner's own: what tools ask for. `addon` is loaded by Node tools.
        """
    @property
    def fidelity(self) -> str:
        """What tracing can do here: a rung of the ladder in `docs/tracing.md`."""
    @property
    def fidelity_reason(self) -> str | None:
        """Why tracing is not complete."""
    @property
    def warnings(self) -> list[str]:
        """What the user should know about how opening the cache went."""
    def keyed_digest(self, data: bytes) -> bytes:
        """Return a digest that only this cache can make; for values that may be secret."""
    def add(self, step: Step) -> None:
        """Make a step known."""
    def check(self, steps: Sequence[int]) -> list[Checked]:
        """Look up a wavefront in topological order; hits join the overlay for later ones."""
    def explain(self, step: int, *, whole: bool = False) -> Explained:
        """Compare the nearest entry of a step with the tree as the step would find it.

        Call `check` for all steps first, so that results of hits are laid over the tree. Nothing
        is written. `whole` also gives what did not change.
        """
    def previous_description(self, step: int) -> bytes | None:
        """Return the description of the step's last run."""
    def restore(self, step: int) -> None:
        """Begin to restore a hit; the event `restored` follows."""
    def revoke(self, step: int) -> None:
        """Forget a hit: a step before it has to run after all."""
    def replay(self, step: int) -> list[tuple[int, bytes]]:
        """Return the log of a restored step: stream and bytes, in the order read."""
    def run(self, step: int, force: bool = False) -> None:
        """Begin to run a step: lock, second look-up unless forced, spawn.

        Perhaps `waiting`, then `started` and what follows, or `restored`, or `failed`.
        """
    def retry(self, step: int) -> None:
        """Run an exited step again that was not recorded: both attempts are one run.

        `started` or `failed` follows, as after `run`. What the first attempt left running is
        killed.
        """
    def reply(self, step: int, connection: int, fields: Sequence[bytes]) -> None:
        """Answer a question that came in `hints` by this connection: the fields of the answer."""
    def refuse(self, step: int, connection: int, code: str, text: str) -> None:
        """Refuse a message that came in `hints` by this connection."""
    def record(self, step: int, hinted: Hinted) -> None:
        """Begin to judge and store an exited step: `judged`, then `stored`, whatever the exit."""
    def kill(self, step: int, signal: int) -> None:
        """Send a signal to the whole process tree of a step."""
    def next_events(self, limit: int, timeout: float | None) -> list[Event]:
        """Wait for events; empty after a timeout, `wake` or a signal."""
    def wake(self) -> None:
        """Make `next_events` return; may be called from a signal handler."""
    def prune(self, max_bytes: int, max_age_days: int) -> tuple[int, int]:
        """Remove the least recently used entries beyond the limits: entries, bytes."""
    def stats(self) -> dict[str, int]:
        """Return the number of entries, path_sets and archives, and their bytes."""
    def clean(self, steps: Sequence[int]) -> int:
        """Take away what these steps own, and return how many paths went.

        That is what holds bytes which a recorded result of theirs left, and which neither git
        tracks nor another step left.
        """
    def hit_leaves(self, step: int) -> dict[str, tuple[str, str, int]] | None:
        """Return what restoring the hit of a step would leave, or None if it is no hit.

        By path, relative to the workspace: kind (`file`, `directory`, `link`), digest of content or
        target, permission bits.
        """
    def standing_leaves(self, step: int) -> dict[str, tuple[str, str, int]]:
        """Return what the last run, or restore, of a step left; as `hit_leaves` does."""
    def close(self) -> None:
        """Finish background work and close the cache."""

@final
class Tracer:
    """One command, started under the tracer; for `taskrunner trace`."""

    def __new__(cls, *, helper: str, scratch: str) -> Tracer:
        """Start the helper, which finds out what tracing can do here."""
    @property
    def fidelity(self) -> str:
        """What tracing can do here: a rung of the ladder in `docs/tracing.md`."""
    @property
    def fidelity_reason(self) -> str | None:
        """Why tracing is not what it could be."""
    def start(self, *, argv: Sequence[str], env: Sequence[tuple[str, str]], cwd: str) -> None:
        """Start the command: once only. If it can't be, the event `failed` follows."""
    def next_events(self, limit: int, timeout: float | None) -> list[Event]:
        """Wait for events: `started`, `output`, and at last `exited`, `failed` or `helper-lost`."""
    def kill(self, signal: int) -> None:
        """Send a signal to the command and all it started."""
    def wake(self) -> None:
        """Make `next_events` return; may be called from a signal handler."""
    def trace(self) -> Trace:
        """Return what the command did, once it has ended."""

@final
class Trace:
    """What a command did. Frozen. Paths have odd bytes as surrogate escapes."""

    @property
    def fidelity(self) -> str:
        """How it was traced."""
    @property
    def reason(self) -> str | None:
        """Why it was not traced, if it was not."""
    @property
    def paths(self) -> list[Touched]:
        """Every path, in the order of first touch."""
    @property
    def programs(self) -> list[str]:
        """The programs that were started, by the names they were called by."""
    @property
    def renames(self) -> list[tuple[str, str]]:
        """What was renamed: from and to."""
    @property
    def peers(self) -> list[tuple[str, str]]:
        """Processes outside the command's own that it asked for something: kind and address."""
    @property
    def variables(self) -> list[str]:
        """Variables that were looked up and are not set, as far as that was seen; sorted."""
    @property
    def incomplete(self) -> list[tuple[str, str | None]]:
        """Why it is incomplete, with the path in question; empty if it is complete."""
    @property
    def calls(self) -> int:
        """How many calls were looked at."""

@final
class Touched:
    """What a command did with one path. Frozen."""

    @property
    def path(self) -> str:
        """Absolute, without symbolic links but possibly the last component."""
    @property
    def before(self) -> str:
        """What was there at first touch: `file`, `dir`, `link`, `special`, `absent`, `error`."""
    @property
    def errno(self) -> int | None:
        """Why it could not be looked at."""
    @property
    def after(self) -> str:
        """What is there at the end, as `before`."""
    @property
    def did(self) -> list[str]:
        """What the command did, in the words of `docs/trace.md`."""
    @property
    def access(self) -> str:
        """Which of `rwx` were asked for by `access`."""
    @property
    def names(self) -> list[tuple[str, str]] | None:
        """What a listing showed: names and kinds."""
