"""Waiting for what happens, and not for seconds: no outcome of a test depends on how fast the machine is."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

LIMIT = 600.0
"""Seconds after which a test gives up: ten times what a loaded machine needs. Reached only where something hangs."""


def wait_until(happened: Callable[[], bool], what: str, process: subprocess.Popen[bytes] | None = None) -> None:
    """Return as soon as something has happened; fail if ``process`` ends before."""
    end = time.monotonic() + LIMIT
    while not happened():
        if process is not None and process.poll() is not None and not happened():
            raise AssertionError(
                f"the process ended ({process.returncode}) and {what} did not happen: {_said(process)}"
            )
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not happen within {LIMIT:g} s")
        time.sleep(0.005)


def wait_for_lines(path: Path, number: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until a process has written some lines of a file."""
    wait_until(lambda: path.exists() and path.read_bytes().count(b"\n") >= number, f"line {number} of {path}", process)


def wait_until_blocked(path: Path, process: subprocess.Popen[bytes]) -> None:
    """Wait until a process writes no more lines of a file, because nobody reads another stream of it."""
    known = -1

    def still() -> bool:
        nonlocal known
        before, known = known, path.read_bytes().count(b"\n") if path.exists() else 0
        if 0 < known == before:
            return True
        time.sleep(1.0)  # too short on a slow machine is no harm: the process is then in the middle of its work
        return False

    wait_until(still, f"a pause in {path}", process)


def finish(process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    """Read what a process writes until it ends."""
    try:
        return process.communicate(timeout=LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        raise


def _said(process: subprocess.Popen[bytes]) -> str:
    return b"".join(part for part in process.communicate() if part).decode(errors="replace")[-2000:]
