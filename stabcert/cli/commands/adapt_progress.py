"""Progress of a training on stderr, and its end by Ctrl-C after the current step."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stabcert.adapt.history import Progress


class TrainingProgress:
    """A bar with the time left where a person sees it, and a note after each epoch where nobody does.

    Args:
        say: tells notes.
        enabled: draw the bar.
    """

    def __init__(self, say: Callable[[str], None], *, enabled: bool) -> None:
        self._say, self._enabled = say, enabled and sys.stderr.isatty()
        self._bar: Any = None
        self._task: Any = None
        self._epoch = 0
        self._first: tuple[float, float] | None = None

    def __enter__(self) -> TrainingProgress:
        if self._enabled:
            from rich.console import Console
            from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            columns = (BarColumn(), TimeRemainingColumn(), TextColumn("left,"), TimeElapsedColumn(), TextColumn("gone"))
            self._bar = Bar(
                SpinnerColumn("line"),
                TextColumn("{task.description}", markup=False),
                *columns,
                console=Console(file=sys.stderr),
                transient=True,
            )
            self._task = self._bar.add_task("measuring the original model", total=None)
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, progress: Progress) -> None:
        """Show where the training is."""
        done = progress.epoch - 1 + progress.step / max(1, progress.steps)
        now = time.monotonic()
        if self._first is None:
            self._first = (now, done)
        loss = "" if progress.loss is None else f", loss {progress.loss:.4f}"
        described = f"epoch {progress.epoch} of {progress.epochs}{loss}"
        if self._bar is not None:
            self._bar.update(self._task, description=described, completed=done, total=progress.epochs)
        elif progress.phase == "held-out" and progress.last is not None and progress.last.epoch > self._epoch:
            self._epoch = progress.last.epoch
            self._say(f"{described}; {_held_out(progress)}{self._left(now, done, progress.epochs)}")

    def _left(self, now: float, done: float, epochs: int) -> str:
        first, begun = self._first or (now, done)
        if done <= begun or done >= epochs:
            return ""
        seconds = (now - first) / (done - begun) * (epochs - done)
        return f"; about {seconds / 60:.0f} min left" if seconds >= 90 else f"; about {seconds:.0f} s left"


class StopRequest:
    """Ctrl-C and SIGTERM ask the training to end after its current step; once more, and they interrupt at once.

    Nothing changes in threads, which get no signals.
    """

    def __init__(self) -> None:
        self.requested = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                before = signal.getsignal(number)
                if callable(before):  # not where it is ignored
                    self._before[number] = before
                    signal.signal(number, self._ask)
        return self

    def __exit__(self, *exception: object) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        again, self.requested = self.requested, True
        try:
            self._before[number](number, frame)  # which notes that it was a SIGTERM, and raises KeyboardInterrupt
        except KeyboardInterrupt:
            if again:
                raise


def _held_out(progress: Progress) -> str:
    last = progress.last
    if last is None:
        return ""
    quality = last.quality
    name = "agreement" if quality.clean_accuracy is None else "accuracy"
    masked = "" if quality.masked_agreement is None else f", masked agreement {quality.masked:.3f}"
    point = "original model, as no point is better" if last.interpolation == 0 else f"point {last.interpolation:g}"
    return f"held-out inputs ({point}): {name} {quality.clean:.3f}{masked}"
