"""Splits a command line into argv where that is certain; everything else is the shell's."""

from __future__ import annotations

import re
from typing import NamedTuple

SHELL = "/bin/sh"

# Unquoted, each of these makes the shell do something: operators, expansions, globs, braces.
_ACTIVE = frozenset("|&;<>()$`*?[]{}\n")
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_PLAIN = re.compile(r"[A-Za-z0-9_@%+=:,./-]+")
# Words that mean something to the shell itself where a program's name is expected. Built-ins that
# also exist as programs are here too: the shell's `echo` and the program differ.
_SHELL_WORDS = """
    ! . : [ alias bg break case cd chdir command continue declare do done echo elif else esac eval
    exec exit export false fc fg fi for function getopts hash if in jobs kill let local printf pwd
    read readonly return select set shift source test then time times trap true type typeset
    ulimit umask unalias unset until wait while
"""
_OF_THE_SHELL = frozenset(_SHELL_WORDS.split())
_VARIABLE = re.compile(r"(?<!\\)\$\{?([A-Za-z_][A-Za-z0-9_]*)")
# What stands in single quotes means nothing to the shell; an apostrophe in double quotes, or after
# a backslash, opens none.
_QUOTED = re.compile(r"""('[^']*')|"(?:\\.|[^"\\])*"|\\.""", re.DOTALL)
_QUOTES_UNSURE = re.compile(r"\$[({']|`|<<|#")


class Command(NamedTuple):
    """What to execute: `NAME=value` prefixes and argv, or a line for the shell."""

    argv: tuple[str, ...]
    assignments: tuple[tuple[str, str], ...] = ()
    line: str | None = None
    """What a shell is given to run, if it is one that runs it."""


class UnterminatedQuoteError(ValueError):
    """A quote is opened and never closed; the argument is the quote."""


def parse(line: str, args: tuple[str, ...] = (), shell: tuple[str, ...] | None = None) -> Command:
    """Return how to execute a command line, with arguments added at its end.

    With a shell of the task's own, given by the words before the line, that runs whole lines.
    """
    if shell is not None:
        return _whole(shell, line, args)
    words = _split(line)
    if words is None:
        return _whole((SHELL, "-c"), line, args)
    count = next(n for n, word in enumerate(words) if not word.is_assignment)
    pairs = [word.text.partition("=") for word in words[:count]]
    argv = tuple(word.text for word in words[count:])
    return Command((*argv, *args), tuple((name, value) for name, _, value in pairs))


def words(line: str) -> tuple[str, ...] | None:
    """Return the words of a command that sets no variables, or None if a shell makes them."""
    splitter = _Splitter(line)
    if not splitter.run() or any(word.is_assignment for word in splitter.words):
        return None
    return tuple(word.text for word in splitter.words)


def program(line: str) -> str | None:
    """Return the program of a simple command, or None if only a shell could tell it."""
    if re.match(r"\[[ \t]", line):
        return "["
    splitter = _Splitter(line)
    while splitter.next_word():
        if not splitter.words[-1].is_assignment:
            return splitter.words[-1].text
    return None


def is_of_the_shell(word: str) -> bool:
    """Return whether a word means something to the shell where a program is expected."""
    return word in _OF_THE_SHELL


def _whole(shell: tuple[str, ...], line: str, args: tuple[str, ...]) -> Command:
    full = line + "".join(f" {quote(arg)}" for arg in args)
    return Command((*shell, full), line=full)


class _Word(NamedTuple):
    text: str
    is_assignment: bool


def _split(line: str) -> list[_Word] | None:
    """Return the words of a simple command, or None if the line needs a shell."""
    splitter = _Splitter(line)
    if not splitter.run():
        return None
    program = next((word.text for word in splitter.words if not word.is_assignment), None)
    return None if program is None or program in _OF_THE_SHELL else splitter.words


class _Splitter:
    """Reads words as the shell does: quotes, backslashes, blanks; gives up at anything active."""

    def __init__(self, line: str) -> None:
        self.line = line
        self.at = 0
        self.gave_up = False
        self.words: list[_Word] = []

    def run(self) -> bool:
        """Read all words; False if the line needs a shell."""
        while self.next_word():
            pass
        if self.at < len(self.line) or self.gave_up:
            check_quotes(self.line)
            return False
        return True

    def next_word(self) -> bool:
        """Read one more word; False if there is none, or one that needs a shell."""
        while self.line[self.at : self.at + 1] in {" ", "\t"}:
            self.at += 1
        if self.at == len(self.line):
            return False
        self.gave_up = not self.word()
        return not self.gave_up

    def word(self) -> bool:
        start = self.at
        if self.line[start] in "#~":
            return False
        word = ""
        while self.at < len(self.line) and self.line[self.at] not in " \t":
            part = self.part(start)
            if part is None:
                return False
            word += part
        written = self.line[start : self.at]
        self.words.append(_Word(word, is_assignment=_ASSIGNMENT.match(written) is not None))
        return True

    def part(self, start: int) -> str | None:
        """Read one character or one quoted stretch; None if it needs a shell."""
        char = self.line[self.at]
        if char == "'":
            return self.single()
        if char == '"':
            return self.double()
        self.at += 1
        if char == "\\":
            return self.escaped()
        if char in _ACTIVE or (char == "~" and _ASSIGNMENT.match(self.line, start)):
            return None
        return char

    def single(self) -> str:
        end = self.line.find("'", self.at + 1)
        if end < 0:
            raise UnterminatedQuoteError("'")
        start, self.at = self.at + 1, end + 1
        return self.line[start:end]

    def double(self) -> str | None:
        text = ""
        self.at += 1
        while self.line[self.at : self.at + 1] != '"':
            if self.at >= len(self.line):
                raise UnterminatedQuoteError('"')
            char = self.line[self.at]
            if char in "$`":
                return None
            if char == "\\" and self.line[self.at + 1 : self.at + 2] in set('$`"\\\n'):
                self.at += 1
                char = self.line[self.at].replace("\n", "")
            text += char
            self.at += 1
        self.at += 1
        return text

    def escaped(self) -> str | None:
        """Read the character after a backslash; at the end of the line it is the shell's affair."""
        char = self.line[self.at : self.at + 1]
        self.at += 1
        return char if char and char != "\n" else None


def check_quotes(line: str) -> None:
    """Raise if a quote of a shell line is never closed, as far as that can be told from outside."""
    if _QUOTES_UNSURE.search(line):
        return
    bare = re.sub(r"\\.|'[^']*'|\"(?:[^\"\\]|\\.)*\"", "", line, flags=re.DOTALL)
    left = re.search(r"['\"]", bare)
    if left:
        raise UnterminatedQuoteError(left.group())


def quote(word: str) -> str:
    """Return a word as the shell must be given it."""
    if _PLAIN.fullmatch(word):
        return word
    return "'" + word.replace("'", "'\"'\"'") + "'"


def variables(command: Command) -> tuple[str, ...]:
    """Return the variables that a shell line looks up and does not set itself."""
    if command.line is None:
        return ()
    line = _QUOTED.sub(lambda found: "" if found[1] else found[0], command.line)
    names: dict[str, None] = dict.fromkeys(_VARIABLE.findall(line))
    return tuple(
        name for name in names if not re.search(rf"\b{name}=|\b(?:for|read)\b[^;]*\b{name}\b", line)
    )
