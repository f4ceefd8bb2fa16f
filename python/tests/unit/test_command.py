"""Which command lines are split, and how."""

from __future__ import annotations

import subprocess

import pytest

from taskrunner.command import SHELL, UnterminatedQuoteError, parse, quote, variables

SPLIT = [
    ("gcc -c a.c", ("gcc", "-c", "a.c")),
    ("  gcc\t-c   a.c  ", ("gcc", "-c", "a.c")),
    ("gcc 'a b.c'", ("gcc", "a b.c")),
    ('gcc "a b.c"', ("gcc", "a b.c")),
    (r"gcc a\ b.c", ("gcc", "a b.c")),
    (r'gcc "a\"b" "a\nb"', ("gcc", 'a"b', r"a\nb")),
    (r"gcc '\$x'", ("gcc", r"\$x")),
    (r"gcc \$x \*", ("gcc", "$x", "*")),
    ("gcc '' \"\"", ("gcc", "", "")),
    ("gcc a'b'\"c\"d", ("gcc", "abcd")),
    ("gcc '*' \"[a]\"", ("gcc", "*", "[a]")),
    ("gcc a~ x#y --a=b", ("gcc", "a~", "x#y", "--a=b")),
    ("./tool 'a;b'", ("./tool", "a;b")),
]

SHELL_LINES = [
    "a && b",
    "a || b",
    "a | b",
    "a; b",
    "a &",
    "a > b",
    "a < b",
    "a 2>&1",
    "a $HOME",
    'a "$HOME"',
    'a "`b`"',
    "a `b`",
    "a *.c",
    "a file?.c",
    "a [ab].c",
    "a {b,c}",
    "a ~/b",
    "A=~/b a",
    "A=x:~ a",
    "a # comment",
    "(a)",
    "! a",
    "if a; then b; fi",
    "echo a\\\\nb",
    "cd x",
    "exit 3",
    "export A=1",
    "A=1",
    "a\nb",
    "a \\\nb",
    "a\\",
]


@pytest.mark.parametrize(("line", "argv"), SPLIT)
def test_a_simple_command_is_split_as_sh_does(line: str, argv: tuple[str, ...]) -> None:
    assert parse(line).argv == argv
    program = argv[0]
    by_shell = subprocess.run(
        ["sh", "-c", f'{program}() {{ printf "%s\\0" "$@"; }}; {line}']
        if "/" not in program
        else ["sh", "-c", f'p() {{ printf "%s\\0" "$@"; }}; p {line.removeprefix(program)}'],
        capture_output=True,
        check=True,
        timeout=10,
    ).stdout
    assert by_shell.decode() == "".join(f"{word}\0" for word in argv[1:])


@pytest.mark.parametrize("line", SHELL_LINES)
def test_everything_else_is_the_shells(line: str) -> None:
    assert parse(line) == ((SHELL, "-c", line), (), line)


def test_a_shell_of_the_tasks_own_runs_whole_lines() -> None:
    command = parse("A=1 tool", ("a b",), ("bash", "-eu", "-c"))
    assert command == (("bash", "-eu", "-c", "A=1 tool 'a b'"), (), "A=1 tool 'a b'")


def test_prefixes_are_variables() -> None:
    command = parse("CC='my cc' DEBUG= make all X=1")
    assert command.argv == ("make", "all", "X=1")
    assert command.assignments == (("CC", "my cc"), ("DEBUG", ""))


def test_a_quoted_assignment_is_a_program() -> None:
    assert parse("'A=1' b") == (("A=1", "b"), (), None)


def test_arguments_are_added() -> None:
    assert parse("gcc a.c", ("-o", "a b")).argv == ("gcc", "a.c", "-o", "a b")
    assert parse("cat a | wc", ("-l", "a b")).argv == (SHELL, "-c", "cat a | wc -l 'a b'")


@pytest.mark.parametrize("line", ["a 'b", 'a "b', "a | b 'c", 'a > "b'])
def test_an_open_quote_is_an_error(line: str) -> None:
    with pytest.raises(UnterminatedQuoteError):
        parse(line)


@pytest.mark.parametrize(
    "line", ["a $(b \"c\" ')')", "a # it's", "cat <<E\nit's\nE", "a ${b:-'}'}", 'a "it\'s" | b']
)
def test_a_quote_that_may_be_closed_is_left_to_the_shell(line: str) -> None:
    assert parse(line).argv[0] == SHELL


@pytest.mark.parametrize("word", ["", "a b", "it's", '"', "$x", "a\nb", "*", "~", "plain-1.0"])
def test_quoted_words_come_back(word: str) -> None:
    shown = subprocess.run(
        ["sh", "-c", f"printf %s {quote(word)}"], capture_output=True, check=True, timeout=10
    )
    assert shown.stdout.decode() == word


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ('echo "mode $MODE"', ("MODE",)),
        ("echo ${MODE-unset} $B $MODE | cat", ("MODE", "B")),
        ("echo \"it's $MODE\"; echo 'x'", ("MODE",)),
        ("awk '{print $MODE}' x > y", ()),
        ("MODE=1; echo $MODE", ()),
        ("for MODE in a b; do echo $MODE; done", ()),
        ("echo \\$MODE | cat", ()),
        ("plain words", ()),
    ],
)
def test_variables_that_a_line_looks_up(line: str, names: tuple[str, ...]) -> None:
    assert variables(parse(line)) == names
