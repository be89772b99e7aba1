"""A sweep of 25 small records without models, for tests that kill it: ``journal_script.py FILE``.

Writes come in three pieces with pauses between, so that a kill hits the middle of a line.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from stabcert.sweep.journal import Journal


def line(number: int) -> str:
    text = "é" * 40 + str(number)
    return f'{{"schema": "stabcert/1", "status": "reported", "key": "k{number}", "input": {{"text": "{text}"}}}}'


def main(path: Path) -> None:
    write = os.write

    def slow(file: int, data: bytes) -> int:
        time.sleep(0.001)
        return write(file, data[: max(1, len(data) // 3)])

    with Journal(path, existing="resume") as journal:
        os.write = slow
        sys.stdout.write("begun\n")
        sys.stdout.flush()
        for number in range(25):
            if f"k{number}" not in journal.finished:
                journal.write(line(number), f"k{number}")
        os.write = write
        journal.arrange([f"k{number}" for number in range(25)])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
