"""SIGTERM interrupts, and leaves the process as it was."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from stabcert.cli.signals import termination_interrupts
from tests.waiting import LIMIT


def _wait_for_sigterm() -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(LIMIT)  # the handler does not wait for this


def test_sigterm_is_an_interruption_with_a_code_of_its_own() -> None:
    with termination_interrupts() as signals:
        with pytest.raises(KeyboardInterrupt):
            _wait_for_sigterm()
        assert signals.terminated
        assert [signals.code(code) for code in (0, 1, 130)] == [0, 1, 143]
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_ctrl_c_keeps_its_code() -> None:
    with termination_interrupts() as signals:
        assert signals.code(130) == 130


def test_a_handler_of_somebody_else_stays() -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with termination_interrupts():
            assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)


def test_nothing_happens_in_a_thread() -> None:
    found: list[object] = []

    def work() -> None:
        with termination_interrupts():
            found.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [signal.SIG_DFL]
