"""How many processors this process may use: the affinity mask, and the quota of its cgroups."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def processors() -> int:
    """Return how many processors this process may use, at least 1."""
    return limited(len(os.sched_getaffinity(0)), read)


def limited(affinity: int, read: Callable[[str], str | None]) -> int:
    """Return the smaller of the affinity and the quota, which is rounded up."""
    quotas = [-(-quota // period) for quota, period in _quotas(read)]
    return max(1, min([affinity, *quotas]))


def read(path: str) -> str | None:
    """Return what a file holds, or None if it can't be read."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except OSError:
        return None


def _quotas(read: Callable[[str], str | None]) -> Iterator[tuple[int, int]]:
    """Yield quota and period of each cgroup this process is in, from its own up to the root's."""
    mounts = read("/proc/self/mountinfo") or ""
    for line in (read("/proc/self/cgroup") or "").splitlines():
        _, controllers, group = (*line.split(":", 2), "", "")[:3]
        unified = controllers == ""
        if not unified and "cpu" not in controllers.split(","):
            continue
        for directory in _directories(mounts, group, unified=unified):
            limit = _limit(directory, read, unified=unified)
            if limit:
                yield limit


def _directories(mounts: str, group: str, *, unified: bool) -> Iterator[str]:
    """Yield where a cgroup and its parents are mounted.

    A line of mountinfo: id, parent, device, root, mount point, options, optional fields, a dash,
    type, source, options.
    """
    for line in mounts.splitlines():
        head, _, tail = line.partition(" - ")
        fields, kind = head.split(), tail.split()
        if len(fields) < 5 or len(kind) < 3:  # noqa: PLR2004 - as above
            continue
        wanted = kind[0] == "cgroup2" if unified else "cpu" in kind[2].split(",")
        if not wanted or not kind[0].startswith("cgroup"):
            continue
        root, point = fields[3].rstrip("/"), fields[4]
        below = group[len(root) :] if group == root or group.startswith(f"{root}/") else ""
        parts = [part for part in below.split("/") if part and part != ".."]
        for count in range(len(parts), -1, -1):
            yield "/".join([point, *parts[:count]])
        return


def _limit(
    directory: str, read: Callable[[str], str | None], *, unified: bool
) -> tuple[int, int] | None:
    if unified:
        words = (read(f"{directory}/cpu.max") or "").split()
    else:
        names = ("cpu.cfs_quota_us", "cpu.cfs_period_us")
        words = [(read(f"{directory}/{name}") or "").strip() for name in names]
    if len(words) == 2 and all(word.isascii() and word.isdigit() for word in words):  # noqa: PLR2004
        quota, period = int(words[0]), int(words[1])
        return (quota, period) if quota > 0 and period > 0 else None
    return None  # `max`, -1, or nothing there
