"""How many steps run at once by default, on machines and in containers."""

from __future__ import annotations

import pytest

from taskrunner.cli.processors import limited, processors

V2 = "31 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup rw\n"
V1 = "33 24 0:28 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
V1_IN_A_CONTAINER = "33 24 0:28 /docker/ab /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"


def test_this_machine_has_some() -> None:
    assert processors() >= 1


@pytest.mark.parametrize(
    ("limit", "count"),
    [
        ("max 100000\n", 8),
        ("200000 100000\n", 2),
        ("250000 100000\n", 3),
        ("50000 100000\n", 1),
        ("1600000 100000\n", 8),
        ("", 8),
        ("broken", 8),
        ("-1 100000", 8),
    ],
)
def test_version_2(limit: str, count: int) -> None:
    group = {"/proc/self/mountinfo": V2, "/proc/self/cgroup": "0::/a/b\n"}
    files = {**group, "/sys/fs/cgroup/a/b/cpu.max": limit}
    assert limited(8, files.get) == count


def test_the_limit_of_a_parent_counts_too() -> None:
    files = {
        "/proc/self/mountinfo": V2,
        "/proc/self/cgroup": "0::/a/b\n",
        "/sys/fs/cgroup/a/b/cpu.max": "400000 100000",
        "/sys/fs/cgroup/a/cpu.max": "200000 100000",
    }
    assert limited(8, files.get) == 2


def test_version_1() -> None:
    where = "/sys/fs/cgroup/cpu,cpuacct/x"
    files = {
        "/proc/self/mountinfo": V1,
        "/proc/self/cgroup": "5:memory:/y\n4:cpu,cpuacct:/x\n1:name=systemd:/\n",
        f"{where}/cpu.cfs_quota_us": "300000\n",
        f"{where}/cpu.cfs_period_us": "100000\n",
    }
    assert limited(8, files.get) == 3
    assert limited(8, {**files, f"{where}/cpu.cfs_quota_us": "-1\n"}.get) == 8


def test_a_container_sees_its_group_at_the_mount() -> None:
    files = {
        "/proc/self/mountinfo": V1_IN_A_CONTAINER,
        "/proc/self/cgroup": "4:cpu:/docker/ab\n",
        "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "100000\n",
        "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
    }
    assert limited(8, files.get) == 1


def test_without_cgroups_the_affinity_counts() -> None:
    nothing: dict[str, str] = {}
    assert limited(5, nothing.get) == 5
    files = {"/proc/self/cgroup": "x\n::\n", "/proc/self/mountinfo": "1\n"}
    assert limited(5, files.get) == 5
