"""The features of a tensor: cells or patches of its plane, groups of numbers by label, or each number."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stabcert.core.types import Feature, Features
from stabcert.errors import InputError, ParameterError
from stabcert.models.segmentation import segment

TensorFeatures = str | ArrayLike | None
_GRID = "grid:7"
_MOST_NUMBERS = 10**5


@dataclass(frozen=True)
class Division:
    """A partition of the numbers of one input."""

    labels: NDArray[np.int64]
    """The feature of each number, in the shape of the input."""
    plane: NDArray[np.int64] | None
    """``(height, width)`` labels of an image, or None for another tensor."""
    features: Features
    settings: dict[str, Any]


def divide(shape: tuple[int, ...], features: TensorFeatures, names: Sequence[str] | None) -> Division:
    """Divide an input of ``shape`` (without the dimension of the batch) into features.

    - ``"grid:N"``: N x N cells of an image ``(channels, height, width)``, or of a plane ``(height, width)``
    - ``"patch:N"``: squares of N x N pixels of the same
    - ``"each"``: each number individually
    - an array of whole numbers: the numbers with one label are one feature, in ascending order of the labels. Its shape
      is that of the input, ``(height, width)`` of an image, or the first dimension of a plane
    - None: ``"each"`` for a vector, ``"grid:7"`` for an image of at least 7 x 7 pixels

    Args:
        names: a name for each feature.

    Raises:
        ParameterError: the features do not exist for this shape.
        InputError: an array of labels has another shape, or does not contain whole numbers.
    """
    if features is None:
        features = _default(shape)
    found = _by_word(shape, features) if isinstance(features, str) else _by_label(shape, features)
    return found if names is None else replace(found, features=_named(found.features, names))


def _default(shape: tuple[int, ...]) -> str:
    if len(shape) == 1:
        return "each"
    if len(shape) == 3 and min(shape[1:]) >= 7:
        return _GRID
    if len(shape) == 3 and shape[2] in (1, 3, 4):
        raise ParameterError(
            f"features must be given for an input of shape {shape}. If it is an image, move its channels to the front: "
            "tensor.permute(2, 0, 1). Otherwise use features='each'",
            "features",
        )
    raise ParameterError(
        f"features must be given for an input of shape {shape}. Use features='each', 'grid:N', 'patch:N' or an array "
        "of labels of that shape",
        "features",
    )


def _by_word(shape: tuple[int, ...], spec: str) -> Division:
    if spec == "each":
        n = int(np.prod(shape))
        if n > _MOST_NUMBERS:
            raise ParameterError(
                f"features='each' would be {n} features, and at most {_MOST_NUMBERS} are possible. Use 'grid:N'"
            )
        labels = np.arange(n, dtype=np.int64).reshape(shape)
        items = tuple(Feature(f"number {_place(i, shape)}") for i in range(n))
        return Division(labels, None, Features("number", items, (n,), ("number", "numbers")), {"features": spec})
    kind, _, number = spec.partition(":")
    if kind not in ("grid", "patch") or not (number.isascii() and number.isdecimal()):
        raise ParameterError(
            f"features must be 'grid:N', 'patch:N', 'each' or an array of labels for a tensor, got {spec!r}. Use "
            "features='grid:7' for an image, or features='each' for a vector",
            "features",
        )
    if len(shape) not in (2, 3):
        raise ParameterError(
            f"features={spec!r} needs an image (channels, height, width), got shape {shape}. Use features='each'",
            "features",
        )
    plane = np.zeros((*shape[-2:], 3), dtype=np.uint8)
    found = segment("patch", plane, int(number)) if kind == "patch" else segment(spec, plane)
    labels = np.broadcast_to(found.labels, shape).copy()
    return Division(labels, found.labels, found.features, {**found.settings, "features": spec})


def _by_label(shape: tuple[int, ...], given: ArrayLike) -> Division:
    array = np.asarray(given)
    fitting = [shape]
    if len(shape) == 3:
        fitting.append(shape[1:])
    elif len(shape) == 2:
        fitting.append(shape[:1])
    if array.dtype.kind not in "iub" or array.shape not in fitting:
        raise InputError(
            f"labels must be whole numbers of shape {' or '.join(map(str, fitting))}, got {array.dtype} of shape "
            f"{array.shape}. Give one label for each place; places with equal labels are one feature"
        )
    values, inverse = np.unique(array, return_inverse=True)
    numbered = inverse.reshape(array.shape).astype(np.int64)
    is_plane = array.ndim == 2 and len(shape) in (2, 3)
    whole = numbered[:, None] if array.shape == shape[:1] and len(shape) == 2 else numbered
    labels = np.broadcast_to(whole, shape).copy()
    items = _segments(numbered, len(values)) if is_plane else tuple(Feature(f"group {value}") for value in values)
    nouns = ("segment", "segments") if is_plane else ("group", "groups")
    digest = hashlib.sha256(numbered.astype("<i8").tobytes()).hexdigest()
    settings = {"features": "labels", "labels_sha256": digest}
    return Division(labels, numbered if is_plane else None, Features(nouns[0], items, (len(values),), nouns), settings)


def _segments(numbered: NDArray[np.int64], count: int) -> tuple[Feature, ...]:
    from scipy.ndimage import find_objects

    boxes = find_objects(numbered + 1)
    return tuple(
        Feature(f"segment {i}", box=(columns.start, rows.start, columns.stop, rows.stop))
        for i, (rows, columns) in zip(range(count), boxes, strict=True)
    )


def _named(features: Features, names: Sequence[str]) -> Features:
    given = check_names(names, len(features))
    items = tuple(replace(item, label=name) for item, name in zip(features.items, given, strict=True))
    return replace(features, items=items)


def check_names(names: Sequence[str], n: int) -> tuple[str, ...]:
    """Return the names of ``n`` features.

    Raises:
        InputError: their number is another one, or two of them are equal.
    """
    if isinstance(names, str):
        raise InputError(f"names must be a list of {n} names, got the text {names!r:.40}. Put them into a list")
    given = tuple(str(name) for name in names)
    if len(given) != n or len(set(given)) != n:
        problem = f"{len(given)} names" if len(given) != n else "a name twice"
        raise InputError(f"names must be {n} distinct names, one for each feature, got {problem}. Name each once")
    return given


def _place(index: int, shape: tuple[int, ...]) -> str:
    return ", ".join(str(int(i)) for i in np.unravel_index(index, shape))
