"""Random workspaces, random edits: a cached run always leaves what a clean build leaves.

`make differential STEPS=10000` plays more than the tests do, `SEED=17` one scenario alone.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from . import inside
from .player import DifferenceError, Player
from .shrink import Shrinker, told
from .world import scenario

if TYPE_CHECKING:
    from pathlib import Path

LENGTH = 20
STEPS = int(os.environ.get("TASKRUNNER_DIFFERENTIAL_STEPS", "500"))
ONE = os.environ.get("TASKRUNNER_DIFFERENTIAL_SEED")
SEEDS = [int(ONE)] if ONE else range(-(-STEPS // LENGTH))


@pytest.mark.slow
@pytest.mark.timeout(900)  # a scenario takes seconds, making a failing one small takes minutes
@pytest.mark.parametrize("seed", SEEDS)
def test_as_a_clean_build(seed: int, tmp_path: Path) -> None:
    one = scenario(seed, LENGTH)
    try:
        Player(one, tmp_path / "whole").play()
    except DifferenceError as error:
        small = Shrinker(tmp_path, inside.open_here).shrink(one, error)
        pytest.fail(told(*small), pytrace=False)


def test_a_seed_always_gives_the_same_scenario() -> None:
    assert scenario(7, LENGTH) == scenario(7, LENGTH)
    assert scenario(7, LENGTH) != scenario(8, LENGTH)
