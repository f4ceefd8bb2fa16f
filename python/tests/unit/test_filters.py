"""pnpm's filter language: each form of it, and what it means in one small workspace."""

from __future__ import annotations

import pytest

from taskrunner.errors import SelectionError
from taskrunner.filters import Packages, parse
from taskrunner.model import Kind, Need, Package
from taskrunner.package_graph import PackageGraph

PATHS = {
    "": "root",
    "apps/docs": "@acme/docs",
    "apps/web": "@acme/web",
    "libs/core": "core",
    "libs/ui": "@acme/ui",
    "libs/utils": "@acme/utils",
    "libs/utils-old": "@old/utils",
    "tools/cli": "cli",
    "tools/cli/plugin": "plugin",
}
NEEDS = {
    "@acme/docs": ["@acme/ui"],
    "@acme/web": ["@acme/ui", "core"],
    "@acme/ui": ["core"],
    "plugin": ["cli"],
}
CHANGED = {"main": {"core", "@acme/web"}, "HEAD~1": {"plugin"}, "v1": set()}

NAMES = list(PATHS.values())
KINDS: tuple[Kind, ...] = ("dependencies",)


def choose(*texts: str, here: str = "") -> tuple[list[str], list[str]]:
    packages = [Package(n, path, (name,)) for n, (path, name) in enumerate(PATHS.items())]
    needs = [[Need(NAMES.index(other), KINDS) for other in NEEDS.get(name, [])] for name in NAMES]
    chooser = Packages(
        packages,
        PackageGraph(needs),
        here,
        lambda commit: {NAMES.index(name) for name in CHANGED[commit]},
    )
    found, unmatched = chooser.choose([parse(text) for text in texts])
    return [NAMES[number] for number in sorted(found)], unmatched


FILTERS = {
    # names
    "core": ["core"],
    "@acme/ui": ["@acme/ui"],
    "@acme/*": ["@acme/docs", "@acme/web", "@acme/ui", "@acme/utils"],
    "*": NAMES,
    "*ui": ["@acme/ui"],
    "c*": ["core", "cli"],
    "*/utils": ["@acme/utils", "@old/utils"],
    # a name without a scope: the only package of that name in any scope
    "web": ["@acme/web"],
    "utils": [],
    "acme": [],
    # directories
    "./libs/core": ["core"],
    "{libs/core}": ["core"],
    "./libs/core/": ["core"],
    ".": ["root"],
    "./": ["root"],
    "{.}": ["root"],
    "./libs": ["core", "@acme/ui", "@acme/utils", "@old/utils"],
    "{libs}": ["core", "@acme/ui", "@acme/utils", "@old/utils"],
    "./libs/*": ["core", "@acme/ui", "@acme/utils", "@old/utils"],
    "./libs/utils*": ["@acme/utils", "@old/utils"],
    "./tools/cli": ["cli"],
    "./tools/*": ["cli"],
    "./tools/**": ["cli", "plugin"],
    "./**": NAMES,
    # what they need
    "@acme/web...": ["@acme/web", "core", "@acme/ui"],
    "@acme/web^...": ["core", "@acme/ui"],
    "core...": ["core"],
    "core^...": [],
    "web...": ["@acme/web", "core", "@acme/ui"],
    "./apps/web...": ["@acme/web", "core", "@acme/ui"],
    "{apps/web}^...": ["core", "@acme/ui"],
    "./apps...": ["@acme/docs", "@acme/web", "core", "@acme/ui"],
    # what needs them
    "...core": ["@acme/docs", "@acme/web", "core", "@acme/ui"],
    "...^core": ["@acme/docs", "@acme/web", "@acme/ui"],
    "...{libs/ui}": ["@acme/docs", "@acme/web", "@acme/ui"],
    "...^./libs/ui": ["@acme/docs", "@acme/web"],
    "....": ["root"],
    # both: what needs them, and all that those need
    "...@acme/ui...": ["@acme/docs", "@acme/web", "core", "@acme/ui"],
    "...cli...": ["cli", "plugin"],
    "...^cli^...": ["cli", "plugin"],
    "...^@acme/ui...": ["@acme/docs", "@acme/web", "core", "@acme/ui"],
    # commits
    "[main]": ["@acme/web", "core"],
    "[v1]": [],
    "...[main]": ["@acme/docs", "@acme/web", "core", "@acme/ui"],
    "[main]...": ["@acme/web", "core", "@acme/ui"],
    "...^[HEAD~1]": [],
    # all together
    "@acme/*[main]": ["@acme/web"],
    "{libs/*}[main]": ["core"],
    "./libs[main]": ["core"],
    "@acme/*{libs/*}": ["@acme/ui", "@acme/utils"],
    "@acme/*{libs/*}[main]": [],
    "@acme/*{apps/*}...": ["@acme/docs", "@acme/web", "core", "@acme/ui"],
    # leaving out
    "!core": [name for name in NAMES if name != "core"],
    "!./libs": ["root", "@acme/docs", "@acme/web", "cli", "plugin"],
    "!...core": ["root", "@acme/utils", "@old/utils", "cli", "plugin"],
    "!@acme/web^...": ["root", "@acme/docs", "@acme/web", *NAMES[5:]],
    "![main]": ["root", "@acme/docs", *NAMES[4:]],
}


@pytest.mark.parametrize("text", FILTERS)
def test_filters(text: str) -> None:
    assert choose(text)[0] == FILTERS[text]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("core", "cli"), ["core", "cli"]),
        (("@acme/*", "!@acme/docs"), ["@acme/web", "@acme/ui", "@acme/utils"]),
        (("!@acme/docs", "@acme/*"), ["@acme/web", "@acme/ui", "@acme/utils"]),
        (("!@acme/*", "!@old/*"), ["root", "core", "cli", "plugin"]),
        (("...core", "!@acme/web..."), ["@acme/docs"]),
        (("core", "!core"), []),
    ],
)
def test_several_filters(texts: tuple[str, ...], expected: list[str]) -> None:
    assert choose(*texts)[0] == expected


def test_directories_are_relative_to_where_the_user_is() -> None:
    assert choose("./plugin", here="tools/cli")[0] == ["plugin"]
    assert choose(".", here="tools/cli")[0] == ["cli"]
    assert choose("..", here="tools/cli/plugin")[0] == ["cli"]
    assert choose("../cli...", here="tools/cli")[0] == ["cli"]
    assert choose("{../../libs/ui}", here="tools/cli")[0] == ["@acme/ui"]
    with pytest.raises(SelectionError, match=r"`\.\./x` leads out of the workspace"):
        choose("../x")


def test_only_what_is_included_and_matches_nothing_is_told() -> None:
    assert choose("nope", "core", "[v1]")[1] == ["nope", "[v1]"]
    assert choose("!nope")[1] == []
    assert choose("core^...")[1] == []  # it matched, and needs nothing


@pytest.mark.parametrize(
    "text",
    ["", "!", "...", "^...", "......", "{a", "a}", "[main", "a[b]c", "{a}{b}", "{}", "[]", "a{b}c"],
)
def test_what_is_no_filter(text: str) -> None:
    with pytest.raises(SelectionError, match="is not a filter"):
        parse(text)
