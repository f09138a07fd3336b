"""Draws docs/demo.svg: what ``clarion demo --once`` prints in a terminal, from a real run."""

import os
import pty
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

WIDTH = 84


def main() -> int:
    """Run the demonstration in a pseudo-terminal and export what it printed."""
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = pty.openpty()
        environment = os.environ | {
            "CLARION_DEMO_DIR": f"{folder}/demo",
            "COLUMNS": str(WIDTH),
            "TERM": "xterm-256color",
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "clarion", "demo", "--once"],
            stdout=theirs,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        os.close(theirs)
        printed = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:
                break
            if not piece:
                break
            printed += piece
        code = process.wait()
    with Path(os.devnull).open("w") as nowhere:
        console = Console(record=True, width=WIDTH, file=nowhere)
        console.print(
            Text.from_ansi("$ make run\n" + printed.decode().replace("\r\n", "\n").rstrip())
        )
        svg = console.export_svg(title="Clarion")
    # The picture stands alone: no fonts from elsewhere, no maker's mark.
    svg = re.sub(r"@font-face\s*\{.*?\}\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->\s*", "", svg, flags=re.DOTALL)
    Path(__file__).with_name("demo.svg").write_text(svg)
    return code


if __name__ == "__main__":
    sys.exit(main())
