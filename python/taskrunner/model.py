"""What a workspace declares, as frozen values: packages, tasks and their rules. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from taskrunner.errors import Place

Kind = Literal[
    "dependencies",
    "dev-dependencies",
    "optional-dependencies",
    "peer-dependencies",
    "build-dependencies",
]
"""Why one package needs another; what `from` in `depends-on` chooses among."""


class PathRules(NamedTuple):
    """Which files count as input, or as output: globs relative to the workspace root."""

    auto: bool = True
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


class EnvFile(NamedTuple):
    """A file of `NAME=value` lines whose variables a task is given."""

    path: str
    """Relative to the workspace root."""
    required: bool
    """Whether it is an error that there is none."""
    place: Place


class Dependency(NamedTuple):
    """One element of `depends-on`: which task, and in which packages to look for it."""

    task: str
    package: str | None
    """The name before `#`; None is the task's own package, unless `along` says otherwise."""
    along: tuple[Kind, ...] | None
    """The edges to follow to other packages, every kind for `^task`; None follows none."""
    deep: bool
    """Whether packages without such a task are seen through, as `^task` does."""
    text: str
    """As written, for messages."""
    place: Place


class Package(NamedTuple):
    """A directory with a manifest. `path` is relative to the root; the root's own is empty."""

    id: int
    path: str
    names: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name it is shown by; the others are known too."""
        return self.names[0]


class Need(NamedTuple):
    """An edge to another package, by its id, and the ways in which manifests name it."""

    package: int
    kinds: tuple[Kind, ...]


class Task(NamedTuple):
    """A declared unit of work that a user can name."""

    id: int
    package: Package
    name: str
    commands: tuple[str, ...]
    """Command lines, run in order; empty if the task only gathers what it depends on."""
    depends_on: tuple[Dependency, ...]
    cwd: str
    """Relative to the workspace root, which is empty."""
    env: tuple[str, ...]
    untracked_env: tuple[str, ...]
    input: PathRules
    output: PathRules
    cache: bool
    description: str | None
    place: Place
    script: str | None = None
    """The `package.json` script of this name, if there is one, replaced by `commands` or not."""
    declared: bool = True
    """Whether the configuration has it; False is a script that nothing makes a task."""
    before: tuple[str, ...] = ()
    """The `pre` script's line, if there is one and `commands` is the script."""
    after: tuple[str, ...] = ()
    """The same for the `post` script."""
    npm: tuple[tuple[str, str], ...] = ()
    """`name` and `version` of its `package.json`, as far as they are there, for scripts."""
    shell: tuple[str, ...] | None = None
    """The words before a whole command line, `("bash", "-c")`; None splits what can be split."""
    env_files: tuple[EnvFile, ...] = ()
    """Later files win over earlier ones, the environment that `env` passes over all."""
    timeout: float | None = None
    """Seconds that each step may run, greater than 0; None is for ever."""
    retries: int = 0
    """How many more times a failed step is tried."""
    weight: int = 1
    """How many of the `--concurrency` places a running step takes, at least 1."""
    lock: tuple[str, ...] = ()
    """Names; no two running steps share one."""
    interactive: bool = False
    """Whether steps are given the terminal: run alone, never cached."""
    internal: bool = False
    """Whether the task can only be reached from other tasks, and `list` leaves it out."""
    trace: bool = True
    """Whether steps are traced."""
    noise: tuple[str, ...] = ()
    """File names that count as neutral caches; `!NAME` takes one out of the built-in table."""
    values: tuple[tuple[str, str], ...] = ()
    """Keys of values that count, each with the command line that works its value out."""

    @property
    def label(self) -> str:
        """The full name, `package#task`."""
        return f"{self.package.name}#{self.name}"

    @property
    def is_script(self) -> bool:
        """Whether what is run is the `package.json` script."""
        return self.script is not None and self.commands == (self.script,)
