"""A progress bar on stderr, which is shown only on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any


class Progress:
    """A bar that counts inputs and model evaluations over a whole command.

    It is drawn only if stderr is a terminal. The test of rich itself accepts FORCE_COLOR, which would write bars into
    logs of CI.

    Args:
        inputs: the number of inputs.
    """

    def __init__(self, inputs: int, *, enabled: bool) -> None:
        self._inputs = inputs
        self._bar: Any = None
        self._enabled = enabled and sys.stderr.isatty()

    def __enter__(self) -> Progress:
        if self._enabled:
            from rich.console import Console
            from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            over_all = (BarColumn(), TextColumn("{task.completed:.0f} of {task.total:.0f}"), TimeRemainingColumn())
            self._bar = Bar(
                SpinnerColumn("line"),  # the default spinner is not ASCII
                TextColumn("{task.description}", markup=False),
                *(over_all if self._inputs > 1 else ()),
                TextColumn("{task.fields[evaluations]} evaluations"),
                TimeElapsedColumn(),
                console=Console(file=sys.stderr),
                transient=True,
            )
            self._task = self._bar.add_task("", total=self._inputs, evaluations=0)
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def begin(self, description: str) -> None:
        """Show the current task."""
        if self._bar is not None:
            from stabcert.report.visible import visible

            self._bar.update(self._task, description=visible(description))

    def evaluated(self, rows: int) -> None:
        if self._bar is not None:
            before = self._bar.tasks[0].fields["evaluations"]
            self._bar.update(self._task, evaluations=before + rows)

    def finished(self) -> None:
        """Count one more input."""
        if self._bar is not None:
            self._bar.advance(self._task)

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Hide the bar while something else is printed."""
        if self._bar is None:
            yield
            return
        self._bar.stop()
        try:
            yield
        finally:
            self._bar.start()
