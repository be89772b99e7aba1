"""Messages of libraries, which are hidden unless the user requests them."""

from __future__ import annotations

import logging
import sys
import warnings


class library_noise:
    """A context manager that hides the warnings of libraries unless the user requests them."""

    def __init__(self, verbose: bool) -> None:
        self._verbose = verbose
        self._catch = warnings.catch_warnings()
        self._fonts = logging.getLogger("matplotlib")
        self._level = self._fonts.level

    def __enter__(self) -> None:
        self._catch.__enter__()
        if self._verbose:
            logging.basicConfig(level=logging.INFO, stream=sys.stderr)
        else:
            warnings.simplefilter("ignore")
            self._fonts.setLevel(logging.ERROR)  # matplotlib warns when it builds its font cache

    def __exit__(self, *exception: object) -> None:
        self._fonts.setLevel(self._level)
        self._catch.__exit__(*exception)  # type: ignore[arg-type]
