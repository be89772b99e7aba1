"""SIGTERM as an interruption, so that a run ended by a scheduler keeps as many results as one ended by Ctrl-C."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

from stabcert.cli.exit_codes import INTERRUPTED, TERMINATED


class termination_interrupts:
    """A context manager in which SIGTERM raises KeyboardInterrupt.

    It has no effect if the parent process ignores SIGTERM, or in a thread, which does not receive signals.

    Attributes:
        terminated: whether a SIGTERM was received.
    """

    def __init__(self) -> None:
        self.terminated = False
        self._before: Any = None

    def __enter__(self) -> termination_interrupts:
        if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
            self._before = signal.signal(signal.SIGTERM, self._interrupt)
        return self

    def __exit__(self, *exception: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGTERM, self._before)

    def code(self, code: int) -> int:
        """Return the exit code of a run that ends with ``code``."""
        return TERMINATED if self.terminated and code == INTERRUPTED else code

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        self.terminated = True
        raise KeyboardInterrupt
