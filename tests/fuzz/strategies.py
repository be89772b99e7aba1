"""How much is tried, and what: bytes, JSON values, mutations of valid files, arbitrary functions of masks."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from tests.doubles import Table

_ASKED = os.environ.get("STABCERT_FUZZ", "1")
TIMES = 100 if _ASKED == "nightly" else int(_ASKED)

Test = TypeVar("Test", bound=Callable[..., None])


def examples(number: int) -> Callable[[Test], Test]:
    """So many examples, always the same; or many times as many, and other ones each time."""
    chosen: Callable[[Test], Test] = settings(
        max_examples=TIMES * number,
        derandomize=TIMES == 1,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    return chosen


def teaches(error: Exception) -> None:
    """An error that is shown to people says something."""
    assert len(str(error)) > 10


DEEP = "[" * 100_000
NASTY = [
    DEEP,
    '{"a":' * 100_000,
    "9" * 5000,
    "1e999",
    "-1e999",
    "NaN",
    "Infinity",
    "null",
    "true",
    '"\\ud800"',
    '"\\u0000"',
    "\x00",
    "\n",
    "\r",
    "\x85",
    "\u2028",
    "\ufeff",
    '"',
    ",",
    "{",
    "}",
    "[]",
    "{}",
    "-1",
    "1e400",
    "a" * 300 + ".txt",
]
"""What readers stumble over: recursion, numbers without end, characters that no file name and no UTF-8 has."""

nasty_texts = st.text(max_size=20) | st.sampled_from(
    ["", "\ud800", "a\0b", "x" * 300, "x" * 300 + ".png", "\x85", "\u2028"]
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(10**400) | st.floats() | nasty_texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def mutated_bytes(draw: st.DrawFn, valid: bytes) -> bytes:
    """Valid bytes with a few places changed, cut, repeated or filled with something nasty."""
    data = valid
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 40)))
        kind = draw(st.sampled_from(["cut", "drop", "nasty", "bytes", "repeat"]))
        if kind == "cut":
            data = data[:start]
        elif kind == "drop":
            data = data[:start] + data[end:]
        elif kind == "nasty":
            data = data[:start] + draw(st.sampled_from(NASTY)).encode("utf-8", "surrogatepass") + data[end:]
        elif kind == "bytes":
            data = data[:start] + draw(st.binary(max_size=8)) + data[end:]
        else:
            data = data[:end] + data[start:]
    return data


@st.composite
def mutated_json(draw: st.DrawFn, valid: Any) -> Any:
    """A JSON value in which one thing, at whatever depth, was replaced or left out."""
    value = copy.deepcopy(valid)
    inner = value
    while True:
        if isinstance(inner, dict) and inner:
            keys: list[Any] = list(inner)
        elif isinstance(inner, list) and inner:
            keys = list(range(len(inner)))
        else:
            return draw(json_values)
        key = draw(st.sampled_from(keys))
        below = inner[key]
        if isinstance(below, (dict, list)) and below and draw(st.booleans()):
            inner = below
            continue
        if draw(st.integers(0, 4)) == 0:
            del inner[key]
        else:
            inner[key] = draw(json_values)
        return value


def as_json(value: Any) -> bytes:
    """What Python writes, NaN, infinity and lone surrogates included."""
    return json.dumps(value).encode()


@st.composite
def tables(draw: st.DrawFn, *, max_features: int = 6, n_classes: int = 3) -> Table:
    """Any function of a few features; often with equal best classes."""
    n_features = draw(st.integers(1, max_features))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    weights = rng.integers(1, 4, size=(2**n_features, n_classes)).astype(float)
    # A class that wins nearly everywhere, so that there are stable masks, too.
    weights[
        rng.random(2**n_features) < draw(st.sampled_from([0.0, 0.7, 0.95])), draw(st.integers(0, n_classes - 1))
    ] = 5.0
    return Table(weights / weights.sum(axis=1, keepdims=True))


def masks_of(n_features: int) -> st.SearchStrategy[np.ndarray]:
    return st.lists(st.booleans(), min_size=n_features, max_size=n_features).map(np.array)
