"""A sweep of 25 small records without models, for tests that kill it: ``journal_script.py FILE [PIECES]``.

Writes come in pieces. After as many as are asked for it says so, and waits to be killed in the middle of a line.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from stabcert.sweep.journal import Journal


def line(number: int) -> str:
    text = "é" * 40 + str(number)
    return f'{{"schema": "stabcert/1", "status": "reported", "key": "k{number}", "input": {{"text": "{text}"}}}}'


def main(path: Path, pieces: int) -> None:
    write, left = os.write, pieces

    def in_pieces(file: int, data: bytes) -> int:
        nonlocal left
        left -= 1
        written = write(file, data[: max(1, len(data) // 3)])
        if left == 0:
            sys.stdout.write("now\n")
            sys.stdout.flush()
            sys.stdin.read()
        return written

    with Journal(path, existing="resume") as journal:
        os.write = in_pieces
        for number in range(25):
            if f"k{number}" not in journal.finished:
                journal.write(line(number), f"k{number}")
        os.write = write
        journal.arrange([f"k{number}" for number in range(25)])


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else -1)
