"""A workspace with one task, a tool in Python that speaks by one of the ways in."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from ..e2e.space import Space
from ..metamorphic.case import Task
from .harness import CLIENTS, HERE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ..metamorphic.case import Toml
    from ..metamorphic.runner import Outcome

FILE_ALONE = "env -u TASKRUNNER_CHANNEL -u TASKRUNNER_ENV_SNAPSHOT"
# In a directory of its own, because Python lists that of a script.
WAYS = {
    "channel": "python3 tool/tool.py",
    "snapshot": f"{sys.executable} {HERE / 'forbid_unix.py'} python3 tool/tool.py",
    "file": f"{FILE_ALONE} python3 tool/tool.py",
}
PREAMBLE = f"import sys; sys.path.insert(0, {str(CLIENTS)!r})\nfrom taskrunner.client import *\n"


class Tool(Space):
    """Made with `of`."""

    @classmethod
    def of(
        cls,
        base: Path,
        code: str,
        way: str = "channel",
        *,
        files: Mapping[str, str] | None = None,
        keys: Mapping[str, Toml] | None = None,
    ) -> Tool:
        task = Task("build", WAYS[way], keys=keys or {})
        made = cls.make(base, {**(files or {}), "tool/tool.py": PREAMBLE + code}, [task])
        return cls(made.place)

    def build(self, **env: str) -> str:
        """Run it; `hit`, or why not, or why it was not stored."""
        run = self.run(env=env)
        assert run.code == 0, run.told()
        found: Outcome = run.one("build")
        vars(self).update(last=found, stdout=run.stdout, stderr=run.stderr)
        if found.status == "hit":
            return "hit"
        if found.skip:
            return f"not cached: {found.skip.kind}"
        assert found.miss
        return found.miss.message

    def hints(self) -> Mapping[str, Any]:
        """What the summary of the last run shows."""
        last: Outcome = vars(self)["last"]
        return last.hints

    def printed(self) -> bytes:
        """What the last run printed."""
        return bytes(vars(self)["stdout"])

    def told(self) -> bytes:
        """What the runner said of the last run."""
        return bytes(vars(self)["stderr"])

    def put(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def remove(self, *names: str) -> None:
        for name in names:
            (self.root / name).unlink()

    def read(self, name: str) -> str:
        return (self.root / name).read_text()
