"""Cases over what a run is made of: dependencies, steps, streams, variables, repositories."""

from __future__ import annotations

from .case import Case, Conditions, Task, change, simple
from .edits import Delete, SameSize, SetEnv, Touch, Write

CONSUMER = Case(
    "a consumer of another step's output",
    {"data.txt": "a:1\nb:2\n", "suffix.txt": "end\n"},
    (
        Task("gen", "cut -d: -f1 data.txt > mid.txt"),
        Task("use", "tr a-z A-Z < mid.txt | cat - suffix.txt > final.txt", depends_on=("gen",)),
    ),
    (
        change(Write("data.txt", b"c:1\n"), "gen", "use", names="data.txt"),
        change(SameSize("data.txt", b"2", b"3"), "gen", names="data.txt"),
        change(Write("suffix.txt"), "use", names="suffix.txt"),
        change(Touch("data.txt")),
    ),
)

DIAMOND = Case(
    "a diamond of tasks",
    {"in.txt": "in\n", "left.txt": "l\n", "right.txt": "r\n"},
    (
        Task("base", "mkdir -p out; cat in.txt > out/base"),
        Task("left", "cat out/base left.txt > out/left; echo left", depends_on=("base",)),
        Task("right", "cat out/base right.txt > out/right", depends_on=("base",)),
        Task("top", "cat out/left out/right > out/top", depends_on=("left", "right")),
    ),
    (
        change(Write("in.txt"), "base", "left", "right", "top", names="in.txt"),
        change(Write("left.txt"), "left", "top", names="left.txt"),
    ),
    stranger_in="out",
)

ACROSS_PACKAGES = Case(
    "a task that reads another package's output",
    {"libs/gen/in.txt": "in\n", "apps/web/page.txt": "page\n"},
    (
        Task("build", "mkdir -p out; cat in.txt > out/gen.txt", package="libs/gen"),
        Task(
            "bundle",
            "cat ../../libs/gen/out/gen.txt page.txt > bundle.txt",
            depends_on=("gen#build",),
            package="apps/web",
        ),
    ),
    (
        change(Write("libs/gen/in.txt"), "build", "bundle", names="libs/gen/in.txt"),
        change(Write("apps/web/page.txt"), "bundle", names="apps/web/page.txt"),
    ),
    run="web#bundle",
)

TWO_STEPS = Case(
    "a list of two steps",
    {"a.txt": "a\n", "b.txt": "b\n"},
    (Task("build", ("cat a.txt > one.txt", "cat one.txt b.txt > two.txt")),),
    (
        change(Write("b.txt"), "build:1", names="b.txt"),
        change(Write("a.txt"), "build", "build:1", names="a.txt"),
    ),
)

CHAIN = Case(
    "steps that empty and fill one directory",
    {"src/a.txt": "a\n", "src/b.txt": "b\n"},
    (Task("build", ("rm -rf dist", "mkdir dist", "cp -r src/. dist/")),),
    (
        # The first steps hit only in a tree without their own results: run or not, both are right.
        change(Write("src/a.txt"), "build:2", names="src/a.txt", may=("build", "build:1")),
        change(Delete("src/b.txt"), "build:2", may=("build", "build:1")),
    ),
)

STREAMS = Case(
    "output on both streams",
    {"a.txt": "aaa\n"},
    simple("echo first; echo careful >&2; cat a.txt; printf 'no newline'"),
    (
        change(SameSize("a.txt"), "build", names="a.txt"),
        change(Touch("a.txt")),
    ),
)

STDIN = Case(
    "a reader of stdin",
    {"unrelated.txt": ""},
    simple("cat > got.txt; wc -c < got.txt"),
    (change(Write("unrelated.txt")),),
)

VARIABLES = Case(
    "a declared variable",
    {"unrelated.txt": ""},
    simple('echo "mode ${MODE-unset}, other ${OTHER-unset}" > out.txt', env=["MODE"]),
    (
        change(SetEnv("MODE", "fast"), "build", names="MODE"),
        change(SetEnv("MODE", None), "build", names="MODE"),
        change(SetEnv("MODE", ""), "build", names="MODE"),
        change(SetEnv("UNRELATED", "x")),
        change(SetEnv("LANG", "C"), "build", names="LANG"),
    ),
    conditions=Conditions({"MODE": "slow"}),
)

NEW_VARIABLE = Case(
    "a declared variable that was not set",
    {"unrelated.txt": ""},
    simple('echo "mode ${MODE-unset}" > out.txt', env=["MODE*"]),
    (
        change(SetEnv("MODE", "fast"), "build", names="MODE"),
        change(SetEnv("MODE_B", "x"), "build", names="MODE_B"),
    ),
)

REPOSITORY = Case(
    "in a git repository that ignores the outputs",
    {".gitignore": "dist/\n.taskrunner/\n", "src/a.txt": "a\n", "src/b.txt": "b\n"},
    simple("mkdir -p dist; cp -r src/. dist; git ls-files src > dist/tracked.txt"),
    (
        change(Write("src/a.txt"), "build", names="src/a.txt"),
        change(Write("src/new.txt"), "build", names="src"),
        change(Delete("src/b.txt"), "build", names="src"),
        change(Touch("src/a.txt")),
    ),
    git=True,
    stranger_in="dist",
    needs=("git",),
)

COMMITTED_OUTPUT = Case(
    "an output that is committed, written blind",
    {"schema.txt": "one\n", "gen/out.txt": "generated from one\n"},
    simple("echo generated from $(cat schema.txt) > gen/out.txt"),
    (change(Write("schema.txt", b"two\n"), "build", names="schema.txt"),),
    git=True,
    needs=("git",),
)

CASES = [
    *(CONSUMER, DIAMOND, ACROSS_PACKAGES, TWO_STEPS, CHAIN, STREAMS, STDIN, VARIABLES),
    *(NEW_VARIABLE, REPOSITORY, COMMITTED_OUTPUT),
]
