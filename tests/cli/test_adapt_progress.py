"""Progress of a training, and its end by a signal."""

from __future__ import annotations

import io
import os
import signal
import sys
from typing import Any

import pytest

from stabcert.adapt.history import Epoch, Progress, Quality
from stabcert.cli.commands import adapt_progress
from stabcert.cli.commands.adapt_progress import StopRequest, TrainingProgress
from stabcert.cli.signals import termination_interrupts

GOOD = Quality(0.98, None, (0.3, 0.5, 0.7))


def progress(epoch: int, step: int = 10, *, phase: Any = "held-out", done: int | None = None) -> Progress:
    done = epoch if done is None else done
    last = Epoch(done, 0.5, 1.0, GOOD, GOOD)
    return Progress(phase, epoch, 4, step, 10, 0.25, last)


def test_each_epoch_is_told_once_with_the_time_that_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 10_000, 100))
    monkeypatch.setattr(adapt_progress.time, "monotonic", lambda: float(next(clock)))
    said: list[str] = []
    with TrainingProgress(said.append, enabled=True) as show:
        for step in (0, 5, 10):
            show(progress(1, step, phase="training", done=0))
        show(progress(1))
        show(progress(1))
        show(progress(2, 10, phase="training", done=1))
        show(progress(2))
        show(progress(4))
    assert len(said) == 3
    # 300 s for the first epoch: three are left.
    assert said[
        0
    ] == "epoch 1 of 4, loss 0.2500; held-out inputs (point 1): agreement 0.980, masked agreement 0.500; " + (
        "about 15 min left"
    )
    assert said[1].endswith("about 10 min left")
    assert said[2].startswith("epoch 4 of 4")
    assert "left" not in said[2]


def test_a_resumed_run_counts_its_own_epochs_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter((0.0, 10.0))
    monkeypatch.setattr(adapt_progress.time, "monotonic", lambda: next(clock))
    said: list[str] = []
    with TrainingProgress(said.append, enabled=False) as show:
        show(progress(3, 0, phase="training", done=2))
        show(progress(3))
    assert said[0].endswith("about 10 s left")


def test_a_person_sees_a_bar_and_no_notes(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream, said = Terminal(), list[str]()
    monkeypatch.setattr(sys, "stderr", stream)
    with TrainingProgress(said.append, enabled=True) as show:
        show(progress(1, 5, phase="training", done=0))
        show(progress(1))
    assert said == []
    assert "epoch 1 of 4, loss 0.2500" in stream.getvalue()


def test_the_first_signal_asks_and_the_second_interrupts() -> None:
    before = signal.getsignal(signal.SIGINT)
    with StopRequest() as stop:
        assert not stop.requested
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.requested
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_a_termination_is_noted_as_one() -> None:
    with termination_interrupts() as signals:
        with StopRequest() as stop:
            os.kill(os.getpid(), signal.SIGTERM)
            assert stop.requested
        assert signals.terminated
        assert signals.code(130) == 143


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with StopRequest() as stop:
            os.kill(os.getpid(), signal.SIGINT)
            assert not stop.requested
    finally:
        signal.signal(signal.SIGINT, before)
