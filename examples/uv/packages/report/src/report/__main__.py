import sys
from pathlib import Path

from report import lines

sys.stdout.write("\n".join(lines(Path(sys.argv[1]).read_text(encoding="utf-8"))) + "\n")
