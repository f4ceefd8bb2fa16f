"""JavaScript's tools in their default configuration, with `node_modules` in the workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..metamorphic.edits import Delete, Touch, Write
from .tool import Tool

if TYPE_CHECKING:
    from ..metamorphic.edits import Edit

OTHER = b"export const word: string = 'other words';\n"
WRONG = b"export const word: string = 7;\n"
SOURCES = {
    "package.json": '{"name": "app", "version": "1.0.0", "private": true, "type": "module",'
    ' "scripts": {"build": "tsc -p ."}}\n',
    "tsconfig.json": '{"compilerOptions": {"outDir": "dist", "rootDir": "src", "module": "nodenext",'
    ' "strict": true, "lib": ["es2022"], "types": []}, "include": ["src"]}\n',
    "src/main.ts": "import { word } from './part.js';\nexport const text = `<${word}>`;\n",
    "src/part.ts": "export const word: string = 'one';\n",
}
TS_EDITS = (
    Write("src/part.ts", OTHER),
    Write("src/part.ts", WRONG),
    Write("src/more.ts", b"export const more = 1;\n"),
    Delete("src/part.ts"),
    Touch("src/main.ts"),
)
SHOW = "node -e \"import('./dist/main.js').then((m) => console.log(m.text))\""

PLAIN = {
    "package.json": '{"name": "app", "version": "1.0.0", "private": true, "type": "module"}\n',
    "index.html": '<script type="module" src="/src/main.js"></script>\n',
    "src/main.js": "import { word } from './part.js';\nconsole.log(`<${word}>`);\n",
    "src/part.js": "export const word = 'one';\n",
}
JS_EDITS = (
    Write("src/part.js", b"export const word = 'other words';\n"),
    Write("src/part.js", b"export const word = (;\n"),
    Write("src/more.js", b"export const more = 1;\n"),
    Delete("src/part.js"),
    Touch("src/main.js"),
)


def tool(
    name: str,
    command: str,
    probe: str = "true",
    more: dict[str, str] | None = None,
    *,
    edits: tuple[Edit, ...] = JS_EDITS,
    files: dict[str, str] = PLAIN,
    prints: bool = False,
) -> Tool:
    """A tool on one of the packages above."""
    program = command.split(maxsplit=1)[0]
    return Tool(name, files | (more or {}), command, edits, probe, "node", ("node", program),
                packages=PACKAGES.get(program, (program,)), prints=prints)  # fmt: skip


def typescript(
    name: str, command: str, probe: str = SHOW, more: dict[str, str] | None = None
) -> Tool:
    """A tool on the TypeScript package."""
    return tool(name, command, probe, more, edits=TS_EDITS, files=SOURCES, prints=True)


PACKAGES = {"tsc": ("typescript",), "npm": ("typescript",), "webpack": ("webpack", "webpack-cli")}

VITEST = "import { expect, test } from 'vitest';\n"
COMMON = {
    "package.json": '{"name": "app", "version": "1.0.0", "private": true}\n',
    "src/word.test.js": "const { word } = require('./part.js');\n"
    "test('word', () => { expect(word.length).toBe(3); });\n",
    "src/part.js": "exports.word = 'one';\n",
}
PARTS = {
    "src/word.test.js": VITEST + "import { word } from './part.js';\n"
    "test('word', () => { expect(word.length).toBeGreaterThan(2); });\n"
}
TIDY = PLAIN | {
    "src/main.js": 'import { word } from "./part.js";\nconsole.log(word);\n',
    "src/part.js": 'export const word = "one";\n',
}
REFERENCES = {
    "tsconfig.json": '{"files": [], "references": [{"path": "lib"}, {"path": "app"}]}\n',
    "lib/tsconfig.json": '{"compilerOptions": {"composite": true, "outDir": "../dist/lib",'
    ' "module": "nodenext", "lib": ["es2022"], "types": []}}\n',
    "lib/part.ts": "export const word: string = 'one';\n",
    "app/tsconfig.json": '{"compilerOptions": {"composite": true, "outDir": "../dist/app",'
    ' "module": "nodenext", "lib": ["es2022"], "types": []}, "references": [{"path": "../lib"}]}\n',
    "app/main.ts": "import { word } from '../lib/part.js';\nexport const text = `<${word}>`;\n",
    "package.json": PLAIN["package.json"],
}

TOOLS = [
    typescript("tsc", "tsc -p ."),
    typescript("tsc --incremental", "tsc -p . --incremental"),
    tool("tsc -b, project references", "tsc -b", "cat dist/app/main.js dist/lib/part.js",
         files=REFERENCES, prints=True,
         edits=(Write("lib/part.ts", OTHER), Write("lib/part.ts", WRONG), Touch("app/main.ts"))),
    tool("vite build", "vite build", "cat dist/index.html dist/assets/*.js"),
    tool("vitest", "vitest run", "true", PARTS),
    tool("jest", "jest", files=COMMON,
         edits=(Write("src/part.js", b"exports.word = 'two';\n"),
                Write("src/part.js", b"exports.word = 'other';\n"),
                Write("src/more.test.js", b"test('more', () => { expect(1).toBe(2); });\n"),
                Delete("src/part.js"), Touch("src/word.test.js"))),
    tool("eslint --cache", "eslint --cache src", "true",
         {"eslint.config.js": "export default [{ rules: { 'no-unused-vars': 'error' } }];\n"},
         edits=(Write("src/part.js", b"export const word = 2;\n"),
                Write("src/part.js", b"const unused = 2;\nexport const word = 3;\n"),
                Write("eslint.config.js", b"export default [{ rules: { 'no-console': 'error' } }];\n"),
                Touch("src/main.js"))),
    tool("webpack", "webpack --mode production --entry ./src/main.js", "node dist/main.js"),
    tool("webpack, file system cache", "webpack --mode production --entry ./src/main.js --cache-type"
         " filesystem", "node dist/main.js"),
    tool("rollup", "rollup src/main.js --file dist/main.js", "node dist/main.js"),
    tool("esbuild", "esbuild src/main.js --bundle --outfile=dist/main.js", "node dist/main.js"),
    tool("prettier --check", "prettier --check src", "true", files=TIDY,
         edits=(Write("src/part.js", b'export const word = "two";\n'),
                Write("src/part.js", b"export   const word = 3\n"), Touch("src/main.js"))),
    tool("prettier --write", "prettier --write src", "cat src/*.js",
         files=TIDY,
         edits=(Write("src/part.js", b'export const word = "two";\n'), Touch("src/main.js"))),
    tool("sass", "sass src/main.scss dist/main.css", "cat dist/main.css",
         {"src/main.scss": "@use 'part';\n.a { b: part.$c; }\n", "src/_part.scss": "$c: red;\n"},
         edits=(Write("src/_part.scss", b"$c: blue;\n"), Write("src/_part.scss", b"$c blue\n"),
                Write("src/part.scss", b"$c: green;\n"), Touch("src/main.scss"))),
    typescript("npm run", "npm run build"),
]  # fmt: skip
