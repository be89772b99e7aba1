"""One row of a table and rows of its background, and the rows between them that masks choose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stabcert.core.given import is_one
from stabcert.core.types import Masks
from stabcert.errors import InputError

_MOST_CELLS = 4 * 10**6
"""Most cells of the table that a function reads in one call."""


@dataclass(frozen=True)
class Rows:
    """The table of every kept value and every background value."""

    n_background: int
    names: tuple[str, ...] | None
    """The names of the columns, or None for an array."""
    build: Callable[[NDArray[np.intp]], Any]
    """``(m, d)`` numbers to a table of m rows: 0 takes the value of the row, i > 0 that of background row i - 1."""

    def at(self, masks: Masks) -> Any:
        """Return a table with ``n_background`` rows for each of ``(k, d)`` masks: kept values are those of the row."""
        return self.build(self._chosen(masks))

    def _chosen(self, masks: Masks) -> NDArray[np.intp]:
        which = np.arange(1, self.n_background + 1)[None, :, None]
        return np.where(masks[:, None, :], 0, which).reshape(-1, masks.shape[1])

    def mean(self, predict: Callable[[Any], Any], masks: Masks, read: Callable[[Any, int], NDArray[Any]]) -> Any:
        """Return ``(k, n_classes)``: for each mask the mean of the predictions over the background.

        It is summed in float64 and has the type of the predictions, which tells how precise they are.
        """
        if self.n_background == 1:
            return read(predict(self.at(masks)), len(masks))
        step = max(1, _MOST_CELLS // (self.n_background * masks.shape[1]))
        parts = []
        for start in range(0, len(masks), step):
            part = masks[start : start + step]
            rows = len(part) * self.n_background
            found = read(predict(self.at(part)), rows)
            of_masks = found.astype(np.float64).reshape(len(part), self.n_background, -1)
            # A mean of whole numbers is not a whole number.
            kind = found.dtype if found.dtype.kind == "f" else np.float64
            parts.append(of_masks.mean(axis=1).astype(kind))
        return np.concatenate(parts)


def rows_of(row: Any, background: Any) -> Rows:
    """Return the rows of a table; numpy arrays, sequences, or a frame of pandas as background.

    Raises:
        InputError: the row has other columns than the background, several rows, or values that the type of a column
            cannot represent.
    """
    if is_one(background, "pandas", "DataFrame"):
        return _of_frame(row, background)
    if is_one(row, "pandas", "DataFrame"):
        # One reference row may be given as a Series or a sequence, like the row itself.
        values = background if is_one(background, "pandas", "Series") else np.asarray(background, dtype=object)
        if is_one(background, "pandas", "Series") or values.ndim == 1:
            return _of_frame(row, _frame_of_row(values, row))
    if is_one(row, "pandas", "DataFrame") or is_one(row, "pandas", "Series"):
        raise InputError(
            f"background must be a DataFrame of pandas as the row, got {type(background).__name__}. Give rows of the "
            "table that the estimator was trained on, such as X_train.sample(50)"
        )
    return _of_array(row, background)


def _of_array(row: Any, background: Any) -> Rows:
    try:
        one, others = np.asarray(row), np.asarray(background)
    except ValueError as error:  # rows of different lengths
        raise InputError(
            f"row and background must be rows of one length ({error}). Use X[0] and X_train[:50]"
        ) from error
    one = one[0] if one.ndim == 2 and len(one) == 1 else one
    others = others[None] if others.ndim == 1 else others
    if one.ndim != 1 or len(one) == 0:
        raise InputError(f"row must be one row of a table, got shape {one.shape}. Use X[0]")
    if others.ndim != 2 or others.shape[1] != len(one) or len(others) == 0:
        raise InputError(
            f"background must be rows of {len(one)} values like the row, got shape {others.shape}. Use X_train[:50]"
        )
    both = np.concatenate([one[None], others])
    for name, given, values in (("row", row, both[:1]), ("background", background, both[1:])):
        if not _equal(given, values):
            raise InputError(
                f"row and background must have a common type of numbers, but {name} changes as {both.dtype}. Give "
                "arrays of one type, object for a table of several types, or a DataFrame"
            )
    columns = np.arange(len(one))
    return Rows(len(others), None, lambda chosen: both[chosen, columns])


def _equal(given: Any, values: NDArray[Any]) -> bool:
    """Return whether values are those that were given: neither rounded nor converted to text."""
    if isinstance(given, np.ndarray) and given.dtype == values.dtype:
        return True
    own = np.array(given, dtype=object).reshape(values.shape)
    texts = [isinstance(one, str) for one in own.flat] == [isinstance(one, str) for one in values.astype(object).flat]
    # Numbers of Python are compared exactly.
    return texts and all(
        a == b or (a != a and b != b) for a, b in zip(own.flat, values.astype(object).flat, strict=True)
    )


def _frame_of_row(values: Any, like: Any) -> Any:
    import pandas

    if is_one(values, "pandas", "Series"):
        values = [values[name] for name in like.columns] if set(like.columns) == set(values.index) else list(values)
    if len(values) != len(like.columns):
        raise InputError(f"background must have {len(like.columns)} values like the row, got {len(values)}")
    return pandas.DataFrame(
        {name: _typed(name, value, like[name]) for name, value in zip(like.columns, values, strict=True)}
    )


def _of_frame(row: Any, background: Any) -> Rows:
    import pandas

    columns = list(background.columns)
    if len(background) == 0 or not columns or len(set(columns)) != len(columns):
        raise InputError("background must have at least one row and distinct columns. Use X_train.sample(50)")
    values = _values_by_name(row, columns)
    both = []
    for name in columns:
        column = background[name]
        both.append(pandas.concat([_typed(name, values[name], column), column.reset_index(drop=True)]))
        if both[-1].dtype != column.dtype:
            raise InputError(
                f"row has a value of type {type(values[name]).__name__} in column {name!r}, which the type "
                f"{column.dtype} of the background cannot represent. Convert the column first"
            )

    def build(chosen: NDArray[np.intp]) -> Any:
        taken = {
            name: column.array.take(chosen[:, i]) for i, (name, column) in enumerate(zip(columns, both, strict=True))
        }
        return pandas.DataFrame(taken)

    return Rows(len(background), tuple(str(name) for name in columns), build)


def _values_by_name(row: Any, columns: list[Any]) -> dict[Any, Any]:
    if is_one(row, "pandas", "DataFrame"):
        if len(row) != 1:
            raise InputError(f"row must be one row of a table, got {len(row)} rows. Use X.iloc[[0]]")
        names, values = list(row.columns), [row[name].iloc[0] for name in row.columns]
    elif is_one(row, "pandas", "Series"):
        names, values = list(row.index), list(row)
    elif isinstance(row, dict):
        names, values = list(row), list(row.values())
    else:
        array = np.asarray(row, dtype=object)
        array = array[0] if array.ndim == 2 and len(array) == 1 else array
        if array.shape != (len(columns),):
            raise InputError(f"row must have {len(columns)} values, as the background has columns, got {array.shape}")
        names, values = columns, list(array)
    found = dict(zip(names, values, strict=True))
    if set(found) != set(columns):
        missing = [str(name) for name in columns if name not in found]
        more = [str(name) for name in found if name not in columns]
        raise InputError(
            f"row must have the columns of the background; missing: {', '.join(missing) or 'none'}, more: "
            f"{', '.join(more) or 'none'}. Give both from the same table"
        )
    return found


def _plain(value: Any) -> Any:
    """Return a number as one of Python, which compares whole numbers with others exactly."""
    return value.item() if isinstance(value, np.number) else value


def _typed(name: Any, value: Any, column: Any) -> Any:
    """Return a value as a column of one row, with the type of the background's column."""
    import pandas

    categories = getattr(column.dtype, "categories", None)
    if categories is not None and not pandas.isna(value) and value not in categories:
        raise InputError(
            f"row has the value {value!r:.40} in column {name!r}, which is not a category of the background. Give row "
            "and background from the same table"
        )
    try:
        typed = pandas.Series([value]).astype(column.dtype)
        kept = typed.iloc[0]
        same = bool(pandas.isna(value) and pandas.isna(kept)) or bool(_plain(kept) == _plain(value))
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(
            f"row has the value {value!r:.40} in column {name!r}, which is not of the background's type {column.dtype} "
            f"({error}). Convert the column first"
        ) from error
    if not same:
        raise InputError(
            f"row has the value {value!r:.40} in column {name!r}, which the background's type {column.dtype} cannot "
            "represent. Give row and background from the same table"
        )
    return typed
