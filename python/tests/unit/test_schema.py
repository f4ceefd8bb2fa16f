"""The JSON Schema that is committed is the one that the configuration's own tables make."""

from __future__ import annotations

import json
from pathlib import Path

from taskrunner import config

FILE = Path(__file__).parents[3] / "docs/taskrunner.schema.json"


def test_the_schema_is_current() -> None:
    assert FILE.read_text() == json.dumps(config.schema(), indent=2) + "\n", "run `make schema`"
