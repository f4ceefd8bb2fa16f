"""Plays a person at a terminal: `terminal.py TURNS PROGRAM...`, an array of [wait for, type].

What appears on the terminal is printed; the exit code is the program's, 128+n after signal n.
"""

import json
import os
import pty
import re
import sys

turns = json.loads(sys.argv[1])
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 - that is what it is for
seen = ""
while True:
    try:
        chunk = os.read(terminal, 4096)
    except OSError:  # EIO: nobody has it open any more
        break
    if not chunk:
        break
    sys.stdout.write(chunk.decode(errors="replace"))
    sys.stdout.flush()
    seen += chunk.decode(errors="replace")
    while turns and (found := re.search(turns[0][0], seen)):
        seen = seen[found.end() :]
        os.write(terminal, turns.pop(0)[1].encode())
status = os.waitpid(pid, 0)[1]
if turns:
    print("never seen:", turns[0][0])
ended = os.waitstatus_to_exitcode(status)
sys.exit(ended if ended >= 0 else 128 - ended)
