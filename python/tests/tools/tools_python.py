"""Python's tools in their default configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..metamorphic.edits import Delete, SameSize, Touch, Write
from .tool import Tool

if TYPE_CHECKING:
    from .tool import Kit

PACKAGE = {
    "pyproject.toml": '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
    '[project]\nname = "app"\nversion = "0.1"\n[tool.setuptools.packages.find]\nwhere = ["src"]\n',
    "src/app/__init__.py": '"""An application."""\n\nfrom .part import word\n\n__all__ = ["word"]\n',
    "src/app/part.py": '"""A part."""\n\n\ndef word() -> int:\n    """Return one."""\n    return 1\n',
}
TESTS = {
    "conftest.py": 'import sys\n\nsys.path.insert(0, "src")\n',
    "tests/test_word.py": "from app import word\n\n\ndef test_word() -> None:\n    assert word() > 0\n",
}
PART = "src/app/part.py"
OTHER = b'"""A part."""\n\n\ndef word() -> int:\n    """Return two."""\n    return 22\n'
WRONG = b'"""A part."""\n\n\ndef word() -> int:\n    """Return a word."""\n    return "x"\n'
EDITS = (
    Write(PART, OTHER),
    Write(PART, WRONG),
    Write("src/app/more.py", b'"""More."""\n\nMORE: int = "more"\n'),
    Delete(PART),
    Touch(PART),
)


def tool(
    name: str,
    command: str,
    probe: str = "true",
    *,
    kit: Kit = "python",
    needs: str = "",
    more: dict[str, str] | None = None,
    prints: bool = True,
    quick: bool = False,
    history: str = "",
) -> Tool:
    """A tool on the package above."""
    files = PACKAGE | TESTS | (more or {})
    program = needs or command.split(maxsplit=1)[0]
    return Tool(
        name,
        files,
        command,
        EDITS,
        probe,
        kit,
        (program,),
        prints=prints,
        history=history,
        quick=quick,
    )


TOOLS = [
    tool("pytest", "pytest", kit="dev", quick=True),
    tool(
        "pytest-cov",
        "pytest --cov=src --cov-report=term --cov-report=xml",
        "grep -c line-rate coverage.xml",
        needs="coverage",
    ),
    tool("mypy", "mypy src", kit="dev", quick=True),
    tool("ruff check", "ruff check .", kit="dev", quick=True),
    tool("ruff format", "ruff format --check .", kit="dev", quick=True),
    tool("black", "black --check src"),
    tool("pylint", "pylint src/app", history=r" \(previous run: .*?\)|-{9,}"),
    tool(
        "build",
        "python -m build --no-isolation",
        "ls dist && python -c 'import glob, zipfile;"
        ' print(zipfile.ZipFile(*glob.glob("dist/*.whl")).read("app/part.py"))\'',
        needs="pyproject-build",
        prints=False,
    ),
    tool(
        "sphinx",
        "sphinx-build -q docs out",
        "cat out/index.html | grep -o '<p>.*</p>'",
        prints=False,
        more={
            "docs/conf.py": 'import sys\nsys.path.insert(0, "../src")\nproject = "app"\n'
            'extensions = ["sphinx.ext.autodoc"]\n',
            "docs/index.rst": "app\n===\n\n.. automodule:: app.part\n   :members:\n",
        },
    ),
    Tool(
        "mkdocs",
        {"mkdocs.yml": "site_name: app\n", "docs/index.md": "# app\n\nword\n"},
        "mkdocs build -q",
        (
            Write("docs/index.md", b"# app\n\nother words\n"),
            Write("docs/more.md", b"# more\n"),
            Write("mkdocs.yml", b"site_name: other\n"),
            Touch("docs/index.md"),
        ),
        "ls site; grep -o '<title>.*</title>' site/index.html; grep -o '<p>.*</p>' site/index.html",
        "python",
        ("mkdocs",),
        prints=False,
    ),
    Tool(
        "cython",
        {"part.pyx": "def word():\n    return 1\n", "incl.pxd": ""},
        "cythonize -i -3 part.pyx",
        (
            Write("part.pyx", b"def word():\n    return 22\n"),
            Write("part.pyx", b"def word(:\n"),
            Touch("part.pyx"),
        ),
        "python -c 'import part; print(part.word())'",
        "python",
        ("cythonize", "gcc"),
        prints=False,
    ),
    Tool(
        "compileall",
        PACKAGE,
        "python -m compileall -b -q src",
        (Write(PART, OTHER), SameSize(PART, b"1", b"7"), Write(PART, b"def (\n"), Touch(PART)),
        "cd src && python -c 'import sys; sys.dont_write_bytecode = True; import app; print(app.word())'",
        "dev",
        ("python",),
    ),
]
