"""Writes docs/tools.md from what `make test-tools` found: one JSON file for each tool."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

PROMISES = ("hit", "restored", "fresh", "undo", "clone")
HEAD = """\
# Real tools

Written by `make test-tools`. Each tool runs in its default configuration, with nothing declared but
its command ([python/tests/tools](../python/tests/tools)):

- **hit**: the second run is answered from the cache.
- **restored**: with all outputs deleted, a hit brings every file back; a user's files in the same
  directories stay.
- **fresh**: after every edit, broken sources and new, deleted and touched files among them, the
  result and the exit code are those of a plain run in a fresh copy.
- **undo**: after each edit is undone the run is a hit, and the result is the first one again.
- **clone**: after an incremental build, a clean clone at the same place is answered by hits.

| tool | hit | restored | fresh | undo | clone |
|---|---|---|---|---|---|
"""


def main(rows: Path, page: Path) -> int:
    """Write the page; 1 if there is nothing to write."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(rows.glob("*.json"))]
    if not found:
        print("no tool was tried", file=sys.stderr)
        return 1
    table = "".join(_line(row) for row in found)
    page.write_text(HEAD + table + _uncached(found), encoding="utf-8")
    return 0


def _line(row: dict[str, Any]) -> str:
    return (
        f"| {row['tool']} | "
        + " | ".join("yes" if row[name] else "no" for name in PROMISES)
        + " |\n"
    )


def _uncached(rows: list[dict[str, Any]]) -> str:
    lines = [
        f"- **{row['tool']}**: {row['uncached'] or _first(row['notes'])}\n"
        for row in rows
        if not all(row[name] for name in PROMISES)
    ]
    return "\nWhat stands in the way:\n\n" + "".join(lines) if lines else ""


def _first(notes: list[str]) -> str:
    """What was noted first, on one line."""
    return f"`{' '.join(notes[0].split())[:200]}`" if notes else "nothing was noted"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
