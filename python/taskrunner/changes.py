"""Which packages changed since a commit, as git sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from taskrunner.errors import SelectionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from taskrunner.model import Package

_MAIN_BRANCHES = ("origin/HEAD", "origin/main", "origin/master", "main", "master")


class Changes:
    """Asks git about the workspace at a root, at most once for each commit."""

    def __init__(self, root: str, package_of: Callable[[str], Package]) -> None:
        self._root = root
        self._package_of = package_of
        self._since: dict[str, frozenset[int]] = {}

    def since(self, commit: str) -> frozenset[int]:
        """Return the packages with a file that differs from the commit, or that git doesn't know.

        A file belongs to the innermost package around it, also one that was removed.
        """
        if commit not in self._since:
            self._verify(commit)
            paths = self._paths(
                "diff", "--name-only", "--no-renames", "--relative", "-z", commit, "--"
            )
            paths += self._paths("ls-files", "--others", "--exclude-standard", "-z")
            self._since[commit] = self._packages(paths)
        return self._since[commit]

    def since_branching(self, base: str | None) -> frozenset[int]:
        """Return the packages that changed since the current branch left another.

        Without one it is the first of the usual main branches that there is.
        """
        wanted = base or next(filter(self._exists, _MAIN_BRANCHES), None)
        if wanted is None:
            raise SelectionError(
                f"no branch to compare with: none of {', '.join(_MAIN_BRANCHES)} exists",
                hint="name one: `--affected=BRANCH`",
            )
        self._verify(wanted)
        code, out, _ = self._git("merge-base", wanted, "HEAD")
        if code:
            raise SelectionError(
                f"`{wanted}` and the current branch have no commit in common here",
                hint="if this is a shallow clone, fetch more of it: `git fetch --unshallow`",
            )
        return self.since(out.decode().strip())

    def _packages(self, paths: Iterable[str]) -> frozenset[int]:
        directories = {path.rpartition("/")[0] for path in paths if path}
        return frozenset(self._package_of(directory).id for directory in directories)

    def _exists(self, commit: str) -> bool:
        return self._git("rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}")[0] == 0

    def _verify(self, commit: str) -> None:
        """Raise if there is no such commit, or no git or repository to ask."""
        if commit.startswith("-") or not self._exists(commit):
            code, _, error = self._git("rev-parse", "--git-dir")
            if code:
                raise SelectionError(f"git doesn't know what changed: {_last_line(error)}")
            raise SelectionError(
                f"git knows no commit `{commit}`",
                hint="if this is a shallow clone, fetch more of it: `git fetch --unshallow`",
            )

    def _paths(self, *words: str) -> list[str]:
        code, out, error = self._git(*words)
        if code:
            raise SelectionError(f"git doesn't know what changed: {_last_line(error)}")
        return out.decode(errors="surrogateescape").split("\0")

    def _git(self, *words: str) -> tuple[int, bytes, bytes]:
        # Most runs ask nothing of git, so they don't pay for the import.
        import subprocess

        try:
            done = subprocess.run(
                ["git", "--no-optional-locks", *words],  # noqa: S607 - the user's own git
                cwd=self._root,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
            )
        except FileNotFoundError:
            raise SelectionError("git doesn't know what changed: there is no git here") from None
        return done.returncode, done.stdout, done.stderr


def _last_line(error: bytes) -> str:
    lines = error.decode(errors="replace").strip().splitlines()
    return lines[-1].removeprefix("fatal: ") if lines else "it says nothing"
