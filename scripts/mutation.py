"""Makes a build whose rules can be left out, and runs the tests that need each of them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
PLACE = REPOSITORY / "target" / "mutation"
TESTS = "python/tests/differential/test_mutation.py"
BUILD = ["cargo", "build", "--locked", "-p", "taskrunner-native", "--features", "mutation"]
BUILD_DEADLINE = 1800.0
TEST_DEADLINE = 900.0


def main(arguments: list[str]) -> int:
    """Build beside the usual build, put the package together, and run pytest with it."""
    subprocess.run(
        [*BUILD, "--target-dir", str(PLACE)], cwd=REPOSITORY, check=True, timeout=BUILD_DEADLINE
    )
    package = PLACE / "python" / "taskrunner"
    shutil.rmtree(package, ignore_errors=True)
    shutil.copytree(REPOSITORY / "python" / "taskrunner", package)
    shutil.copyfile(PLACE / "debug" / "lib_native.so", package / "_native.abi3.so")
    env = os.environ | {"PYTHONPATH": str(package.parent), "TASKRUNNER_MUTATION": "1"}
    tests = [sys.executable, "-m", "pytest", "-q", "-m", "tools", TESTS, *arguments]
    done = subprocess.run(tests, cwd=REPOSITORY, env=env, check=False, timeout=TEST_DEADLINE)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
