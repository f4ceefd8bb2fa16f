"""One operation on files, named by the first argument."""

import os
import subprocess
import sys

OPS = {
    "read": lambda: open("f").read(),
    "missing": lambda: os.path.exists("nope"),
    "create": lambda: open("n", "w").close(),
    "append": lambda: open("f", "a").close(),
    "rename": lambda: os.rename("f", "g"),
    "unlink": lambda: os.unlink("f"),
    "mkdir": lambda: os.mkdir("d"),
    "list": lambda: os.listdir("."),
    "stat": lambda: os.stat("f"),
    "symlink": lambda: os.symlink("f", "n"),
    "readlink": lambda: os.readlink("l"),
    "chdir": lambda: (os.chdir("d"), open("f").read()),
    "spawn": lambda: subprocess.run(["./prog"], check=True),
}
OPS[sys.argv[1]]()
