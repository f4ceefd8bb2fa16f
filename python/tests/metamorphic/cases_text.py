"""Cases over the everyday text and byte filters, each in the way it is mostly used in builds."""

from __future__ import annotations

from .case import Case, Conditions, change, simple
from .edits import Delete, Put, SameSize, SetEnv, Touch, Write
from .tree import Dir, File, Source

TABLE = "id:name:size\n1:ada:30\n2:bob:20\n"
LINES = "pear\napple\nfig\napple\n"


def filters(
    name: str, command: str, text: str = LINES, *needs: str, trusts_outputs: str | None = None
) -> Case:
    """A case of one command that reads `in.txt`: other bytes of the same size, none, new times."""
    return Case(
        name,
        {"in.txt": text, "unrelated.txt": "x\n"},
        simple(command),
        (
            change(SameSize("in.txt", text[:1].encode(), b"9"), "build", names="in.txt"),
            change(Touch("in.txt")),
            change(Write("unrelated.txt")),
        ),
        needs=needs,
        trusts_outputs=trusts_outputs,
    )


FILTERS = [
    filters("cut", "cut -d: -f2 in.txt > out.txt", TABLE),
    filters("tr", "tr a-z A-Z < in.txt > out.txt"),
    filters("head, tail", "head -n 3 in.txt | tail -n 2 > out.txt"),
    filters("nl", "nl -ba in.txt > out.txt"),
    filters("fold, fmt, pr", "fold -w 3 in.txt > a; fmt -w 9 in.txt > b; pr -t in.txt > c"),
    filters("expand, unexpand", "expand in.txt > a; unexpand -a a > b", "1\tone\n2\ttwo\n"),
    filters("sort | uniq -c", "sort in.txt | uniq -c > out.txt"),
    filters("shuf from a seed", "shuf --random-source=in.txt -i 1-5 > out.txt", LINES * 9, "shuf"),
    filters("tac, rev", "tac in.txt | rev > out.txt", LINES, "rev"),
    filters("od, xxd", "od -An -tx1 in.txt > out.txt; xxd -p in.txt > hex", LINES, "xxd"),
    filters("base64", "base64 in.txt > a; base64 -d a > b"),
    filters("cksum, md5sum", "cksum in.txt > a; md5sum in.txt > b"),
    filters("iconv", "iconv -f UTF-8 -t UTF-16LE in.txt > out.txt", LINES, "iconv"),
    filters("tsort", "tsort in.txt > out.txt", "1 a\na b\nb c\n"),
    filters("column -t", "column -t -s: in.txt > out.txt", TABLE, "column"),
    filters("csplit", "mkdir -p out; csplit -s -f out/part in.txt 2 4"),
    filters("split -b", "rm -rf out; mkdir out; split -b 4 in.txt out/part."),
    filters("dd", "dd if=in.txt of=out.bin bs=4 skip=1 count=2 status=none"),
    filters("truncate", "head -c 9 in.txt > out.bin; truncate -s 4096 out.bin"),
    filters("bc", "bc < in.txt > out.txt", "1+2\n2^20\n", "bc"),
    filters("sed -n w", "rm -f a.out; sed -n '/a/w a.out' in.txt"),
    filters(
        "awk, an output a key", "rm -f k-*; awk -F: '{ print $2 > (\"k-\" $1) }' in.txt", TABLE
    ),
    filters("while read", 'while read -r line; do echo "<$line>"; done < in.txt > out.txt'),
    filters("tee -a onto a fresh file", ": > log; tee -a log < in.txt | tee -a log > out.txt"),
    filters("perl -pe", "perl -pe 's/a/A/' in.txt > out.txt", LINES, "perl"),
    filters("perl -i on a copy", "cp in.txt out.txt; perl -pi -e 's/a/A/' out.txt", LINES, "perl"),
    filters("python -c", "python3 -c 'print(open(\"in.txt\").read().upper())' > out.txt"),
    filters("gzip -k, gunzip", "cp in.txt a; gzip -nf a; gunzip -kf a.gz"),
    filters("bzip2", "bzip2 -k -c in.txt > a.bz2; bunzip2 -c a.bz2 > b", LINES, "bzip2"),
    filters("xz", "xz -c in.txt > a.xz; xz -dc a.xz > b", LINES, "xz"),
    filters("zstd", "zstd -q -f in.txt -o a.zst; zstd -q -d -f a.zst -o b", LINES, "zstd"),
    filters("openssl dgst", "openssl dgst -sha256 -r in.txt > out.txt", LINES, "openssl"),
    filters(
        "openssl enc",
        f"openssl enc -aes-128-cbc -K {'0' * 32} -iv {'0' * 32} -in in.txt -out out.bin",
        LINES,
        "openssl",
    ),
    filters(
        "sqlite3",
        'rm -f db; sqlite3 db ".read in.txt"; sqlite3 db "select * from t" > out.txt',
        "-- 1\ncreate table t(a);\ninsert into t values (7);\n",
        "sqlite3",
    ),
    filters("m4", "m4 in.txt > out.txt", "define(`x', `1')\nx\n", "m4"),
    filters("background jobs", "cat in.txt > a & sort in.txt > b & wait; cat a b > c"),
    filters("a named pipe", "rm -f p; mkfifo p; cat in.txt > p & sort p > out.txt; wait; rm p"),
    filters(
        "flock",
        "flock .lock sort in.txt > out.txt",
        LINES,
        "flock",
        trusts_outputs="a lock is a lock, whatever it holds",
    ),
    filters("timeout, nice, env", "timeout 9 nice env -u TERM sort -o out.txt in.txt"),
    filters("xargs -P", "mkdir -p out; sort -u in.txt | xargs -P 2 -I@ sh -c 'echo @ > out/@'"),
    filters("a here document", "cat > out.sh <<END\n$(cat in.txt)\nEND\nchmod +x out.sh"),
    filters("exec with descriptors", "exec 3> out.txt; cat in.txt >&3; echo end >&3"),
    filters("a subshell elsewhere", "mkdir -p w; (cd w; cat ../in.txt > out.txt); ls w > list"),
]

PASTE = Case(
    "paste, join, comm",
    {"a.txt": "1 a\n2 b\n", "b.txt": "1 x\n3 y\n"},
    simple("paste a.txt b.txt > p; join a.txt b.txt > j; comm a.txt b.txt > c"),
    (
        change(Write("b.txt", b"1 z\n"), "build", names="b.txt"),
        change(SameSize("a.txt", b"b", b"c"), "build", names="a.txt"),
    ),
)

GREP = Case(
    "grep -r",
    {"src/a.txt": "todo\n", "src/sub/b.txt": "done\n", "words": "todo\n"},
    simple("grep -rf words src | LC_ALL=C sort > out.txt; grep -c . out.txt"),
    (
        change(Write("src/sub/b.txt", b"todo\n"), "build", names="src/sub/b.txt"),
        change(Write("src/sub/c.txt", b"todo\n"), "build", names="src/sub"),
        change(Write("words", b"d\n"), "build", names="words"),
        change(Delete("src/sub"), "build", names="src"),
        change(Touch("words")),
    ),
)

OLD: Source = {"old/a": "1\n2\n3\n", "old/b": "b\n", "new/a": "1\n2\n4\n", "new/b": "b\n"}

DIFF = Case(
    "diff -r",
    OLD,
    simple("diff -r --label a --label b old new > out.diff; test $? -lt 2"),
    (
        change(Write("new/b", b"c\n"), "build", names="new/b"),
        change(Write("old/a", b"1\n2\n4\n"), "build", names="old/a"),
        change(Write("new/c", b"c\n"), "build", names="new"),
        change(Touch("new/a")),
    ),
)

PATCH = Case(
    "diff | patch",
    OLD,
    simple("cp old/a work; diff old/a new/a | patch -s work"),
    (
        change(Write("new/a", b"0\n2\n"), "build", names="new/a"),
        change(Write("old/a", b"1\n2\n"), "build", names="old/a"),
    ),
    needs=("patch",),
)

ENVSUBST = Case(
    "envsubst",
    {"page.in": "hello $NAME\n"},
    simple("envsubst < page.in > page", env=["NAME"]),
    (
        change(SetEnv("NAME", "bob"), "build", names="NAME"),
        change(SetEnv("NAME", None), "build", names="NAME"),
        change(Write("page.in", b"bye $NAME\n"), "build", names="page.in"),
    ),
    conditions=Conditions({"NAME": "ada"}),
    needs=("envsubst",),
)

SOURCED = Case(
    "a script that sources another",
    {
        "lib.sh": "word=one\n",
        "main.sh": '. ./lib.sh\n[ ! -r local.sh ] || . ./local.sh\necho "$word"\n',
    },
    simple("sh main.sh > out.txt"),
    (
        change(Write("lib.sh", b"word=two\n"), "build", names="lib.sh"),
        change(Write("local.sh", b"word=mine\n"), "build", names="local.sh"),
        change(Put("local.sh", Dir()), "build"),
        change(Touch("main.sh")),
    ),
)

COMMAND_V = Case(
    "command -v",
    {"bin/README": "", "other/tool": File(b"#!/bin/sh\n", 0o755)},
    simple("command -v tool > /dev/null && echo yes > out.txt || echo no > out.txt"),
    (
        change(Put("bin/tool", File(b"#!/bin/sh\n", 0o755)), "build", names="tool"),
        change(Write("bin/else")),
    ),
    conditions=Conditions({"PATH": "{root}/bin:/usr/bin:/bin"}),
)

PERL_REQUIRE = Case(
    "perl, a module beside the script",
    {
        "main.pl": 'use lib "lib"; use My; print My::word(), "\\n";\n',
        "lib/My.pm": 'package My; sub word { "one" } 1;\n',
    },
    simple("perl main.pl > out.txt"),
    (
        change(
            Write("lib/My.pm", b'package My; sub word { "two" } 1;\n'), "build", names="lib/My.pm"
        ),
        change(
            Write("lib/My.pmc", b'package My; sub word { "pmc" } 1;\n'), "build", names="lib/My.pmc"
        ),
        change(Touch("main.pl")),
    ),
    needs=("perl",),
)

PYTHON_IMPORT = Case(
    "python, modules beside the script",
    {
        "main.py": "import conf\nprint(conf.WORD, conf.EXTRA)\n",
        "conf/__init__.py": "from .word import WORD\ntry:\n    from .extra import EXTRA\n"
        "except ImportError:\n    EXTRA = None\n",
        "conf/word.py": "WORD = 1\n",
    },
    simple("python3 main.py > out.txt"),
    (
        change(Write("conf/word.py", b"WORD = 23\n"), "build", names="conf/word.py"),
        change(Write("conf/extra.py", b"EXTRA = 3\n"), "build", names="conf"),
        change(Write("conf.py", b"WORD = EXTRA = 9\n"), may=["build"]),
        change(Touch("main.py")),
    ),
    neutral=("__pycache__",),
)

NODE_REQUIRE = Case(
    "node, modules found upwards",
    {
        "app/main.js": "process.stdout.write(`${require('dep')} ${require('./conf')}`)\n",
        "app/conf.json": "{}\n",
        "node_modules/dep/index.js": "module.exports = 1\n",
    },
    simple("node app/main.js > out.txt"),
    (
        change(
            Write("node_modules/dep/index.js", b"module.exports = 2\n"),
            "build",
            names="node_modules/dep/index.js",
        ),
        change(Write("app/node_modules/dep/index.js", b"module.exports = 3\n"), "build"),
        change(Write("app/conf.js", b"module.exports = 'js'\n"), "build", names="app/conf.js"),
        change(Touch("app/main.js")),
    ),
    needs=("node",),
)

CASES = [
    *FILTERS,
    *(PASTE, GREP, DIFF, PATCH, ENVSUBST, SOURCED, COMMAND_V, PERL_REQUIRE, PYTHON_IMPORT),
    NODE_REQUIRE,
]
