"""Masks of the user's own: any bytes under either suffix, and masks that come back as they were saved.

Wrong variants this file has been seen to kill: shares such as 0.999 rounded to 1; a broken header of numpy, or an
archive, that ends in an error of a parser; recursion without end.
"""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stabcert.cli.explanation import by_file
from stabcert.errors import InputError
from tests.fuzz.strategies import NASTY, examples, json_values, mutated_bytes, teaches

pytestmark = pytest.mark.slow


def npy(array: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def npz(array: Any) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, array)
    return stream.getvalue()


VALID = {".npy": npy(np.array([1, 0, 1, 1])), ".json": b"[1, 0, 1, 1]"}
HEADER = npy(np.array([1, 0, 1, 1]))
HUGE = HEADER.replace(b"(4,), }" + b" " * 15, b"(" + b"9" * 15 + b",), }")


def any_bytes(suffix: str) -> st.SearchStrategy[bytes]:
    found = st.binary(max_size=60) | mutated_bytes(VALID[suffix])
    if suffix == ".json":
        values = st.lists(json_values, max_size=4).map(lambda value: json.dumps(value).encode())
        values |= st.just(b"[1, 0.999, 0, 1]")
        return found | values | st.sampled_from(NASTY).map(lambda text: text.encode())
    others = [npz(np.ones(4)), HUGE, npy(np.ones((4, 1))), npy(np.array("x")), npy(np.full(4, 0.999))]
    return found | st.sampled_from([*others, b"PK\x03\x04 no archive", b"\x80\x04."]) | mutated_bytes(others[0])


@examples(150)
@given(case=st.sampled_from(sorted(VALID)).flatmap(lambda suffix: st.tuples(st.just(suffix), any_bytes(suffix))))
def test_any_bytes_are_a_mask_or_refused(scratch: Path, case: tuple[str, bytes]) -> None:
    suffix, data = case
    path = scratch / ("mask" + suffix)
    path.write_bytes(data)
    try:
        choice = by_file(path, 4)
    except InputError as error:
        teaches(error)
        return
    assert choice.mask.dtype == np.bool_
    assert choice.mask.shape == (4,)
    assert choice.settings["sha256"] == hashlib.sha256(data).hexdigest()
    said = json.loads(data) if suffix == ".json" else np.load(io.BytesIO(data)).tolist()
    assert choice.mask.tolist() == said, "nothing is rounded"


@examples(50)
@given(
    kept=st.lists(st.booleans(), max_size=9),
    dtype=st.sampled_from(["?", "i1", "u1", "<i8", ">i4", "f2", "<f4", ">f8"]),
    suffix=st.sampled_from([".npy", ".json", ".JSON", ".Npy"]),
)
def test_a_mask_comes_back_as_it_was_saved(scratch: Path, kept: list[bool], dtype: str, suffix: str) -> None:
    array = np.array(kept, dtype=bool).astype(dtype)
    path = scratch / ("saved" + suffix)
    path.write_bytes(npy(array) if suffix.lower() == ".npy" else json.dumps(array.tolist()).encode())
    assert by_file(path, len(kept)).mask.tolist() == kept
