"""Where the time goes that tracing takes: what `perf` samples of a command the fast way and plain.

`benches/trace_profile.py [--rounds N] [NAME…]`, names as those of `trace_overhead.py`. Each line
says how much more processor time was spent in one place than without tracing, in hundredths of
what the whole command takes untraced: in the tracer's helper, or in the command's own processes; in
which system call, in page faults, in the library, or elsewhere outside the kernel. What the helper
does once a run is taken off: it is measured with a command that does nothing. Without `perf` there
is nothing to say.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

from trace_cases import HERE, Case, commands
from trace_overhead import BUILD, COST

RECORD = ["perf", "record", "-g", "-e", "cpu-clock", "-F", "10000", "-o"]
SCRIPT = ["perf", "script", "-F", "comm,ip,sym,dso", "-i"]
LEAST = 2
"""Places that take less, in hundredths of the untraced command, are added up."""
SYSTEM_CALL = re.compile(r"__(?:x64|do)_sys_(?:new)?(\w+)")


def main() -> None:
    """Profile the commands that are named, or all."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("names", nargs="*")
    wanted = options.parse_args()
    if not shutil.which("perf"):
        print("perf is not installed: no profile")
        return
    subprocess.run(BUILD, check=True, cwd=HERE)
    with tempfile.TemporaryDirectory() as scratch:
        for case in commands(Path(scratch)):
            if not case.missing and (not wanted.names or case.name in wanted.names):
                report(case, Path(scratch) / "perf.data", wanted.rounds)


def report(case: Case, data: Path, rounds: int) -> None:
    """Print where a command's extra time goes."""
    nothing = case._replace(argv=["true"])
    plain, fast, once = Counter[str](), Counter[str](), Counter[str]()
    for _ in range(rounds):
        plain += sampled(case, "plain", data)
        fast += sampled(case, "fast", data)
        once += sampled(nothing, "fast", data)
    fast.subtract({at: count for at, count in once.items() if at.startswith("helper")})
    total = plain.total()
    print(f"\n{case.name}: {100 * fast.total() / total:.0f} % of the untraced {total} samples")
    extra = {place: 100 * (fast[place] - plain[place]) / total for place in fast | plain}
    shown = {place: more for place, more in extra.items() if abs(more) >= LEAST}
    for place, more in sorted(shown.items(), key=lambda item: -item[1]):
        print(f"  {more:+4.0f}  {place}")
    print(f"  {sum(extra.values()) - sum(shown.values()):+4.0f}  the rest", flush=True)


def sampled(case: Case, way: str, data: Path) -> Counter[str]:
    """Run a command once, and count its samples by place."""
    run = [*RECORD, str(data), str(COST), way, *case.argv]
    subprocess.run(run, cwd=case.cwd, check=True, capture_output=True)
    script = subprocess.run([*SCRIPT, str(data)], check=True, capture_output=True, text=True)
    return Counter(filter(None, map(place, script.stdout.split("\n\n"))))


def place(sample: str) -> str | None:
    """Name where a sample was taken: by the program's name and the stack, innermost first."""
    head, *stack = sample.strip().splitlines() or [""]
    if not stack or head.strip() == COST.name:
        return None
    who = "helper" if head.startswith("taskrunner-help") else "program"
    for frame in reversed(stack):
        if call := SYSTEM_CALL.search(frame):
            return f"{who}: {call[1]}"
        if "asm_exc_page_fault" in frame:
            return f"{who}: page faults"
    if "kernel" in stack[0]:
        return f"{who}: entering and leaving the kernel"
    if who == "program" and "libfspy_preload" in stack[0]:
        return "program: the library"
    return f"{who}: outside the kernel"


if __name__ == "__main__":
    main()
