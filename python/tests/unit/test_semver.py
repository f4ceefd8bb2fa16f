"""Version ranges of npm. The table agrees with node-semver 7.8, pre-releases included."""

from __future__ import annotations

import pytest

from taskrunner.manifests.semver import satisfies

TAKEN = [
    ("1.2.3", "^1.0.0"),
    ("1.2.3", "^1"),
    ("0.2.3", "^0.2.1"),
    ("0.0.3", "^0.0.3"),
    ("0.0.9", "^0.0"),
    ("0.5.0", "^0"),
    ("1.2.9", "~1.2.3"),
    ("1.9.0", "~1"),
    ("1.2.3", "~>1.2"),
    ("1.2.3", "1.x"),
    ("1.2.3", "1.2.*"),
    ("1.2.3", "1"),
    ("1.2.3", "v1.2.3"),
    ("1.2.3+build", "=1.2.3"),
    ("1.2.3", ">=1.0.0 <2.0.0"),
    ("1.2.3", ">= 1.0 < 2"),
    ("1.2.4", ">1.2.3"),
    ("2.0.0", ">1"),
    ("1.2.3", "<=1.2"),
    ("1.2.3", "1.0.0 - 2.0.0"),
    ("2.3.9", "1.0 - 2.3"),
    ("3.0.0", "1 || 3"),
    ("1.1.0-beta", "^1.0.0"),
    ("1.0.0-b", "^1.0.0-a"),
    ("1.0.0-rc.2", "<1.0.0-rc.10"),
    ("1.0.0", ""),
    ("1.0.0", "*"),
    ("1.0.0-alpha", "*"),
    (None, "*"),
    (None, ""),
]
NOT_TAKEN = [
    ("2.0.0", "^1.0.0"),
    ("0.3.0", "^0.2.1"),
    ("0.0.4", "^0.0.3"),
    ("1.0.0", "^0"),
    ("1.3.0", "~1.2.3"),
    ("1.2.4", "1.2.3"),
    ("1.2.3", ">1.2.3"),
    ("1.2.3", ">1"),
    ("1.3.0", "<=1.2"),
    ("2.0.0", ">= 1.0 < 2"),
    ("1.0.0", "<1.0.0"),
    ("2.0.0-alpha", "^1.0.0"),
    ("1.0.0-b", "^1.0.0"),
    ("1.0.0-rc.2", "1.0.0-rc.10"),
    ("1.0.0", ">*"),
    ("1.0.0", "latest"),
    ("1.0.0", "^one"),
    ("one", "^1.0.0"),
    (None, "^1.0.0"),
]


@pytest.mark.parametrize(("version", "wanted"), TAKEN)
def test_taken(version: str | None, wanted: str) -> None:
    assert satisfies(version, wanted)


@pytest.mark.parametrize(("version", "wanted"), NOT_TAKEN)
def test_not_taken(version: str | None, wanted: str) -> None:
    assert not satisfies(version, wanted)
