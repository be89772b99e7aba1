"""Masks, scores and label maps that do not fit or say nothing."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from typing import Any

import numpy as np

from tests.robustness.case import Build, Workshop, cases
from tests.robustness.workshop import SENTENCE

AREA = "masks, scores and feature maps"


def npy(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def _mask(data: bytes | str, *options: str, name: str = "mask.json", command: str = "certify-soft") -> Build:
    def build(shop: Workshop) -> Sequence[object]:
        return [command, "-t", SENTENCE, "-m", shop.text_model, "--mask", shop.write(name, data), *options, "--json"]

    return build


def _huge_header() -> bytes:
    """An array of a few bytes that says it has 10^14 values."""
    header = b"{'descr': '|b1', 'fortran_order': False, 'shape': (100000000000000,), }"
    header += b" " * (63 - (len(header) + 10) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + b"\1" * 9


def _zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("mask.npy", npy(np.ones(9, dtype=np.bool_)))
    return buffer.getvalue()


def _features(name: str, data: bytes, *options: str) -> Build:
    def build(shop: Workshop) -> Sequence[object]:
        from tests.models.image_bytes import encoded
        from tests.models.tiny_images import picture

        photo = shop.write("photo.png", encoded(picture(), "PNG"))
        arguments = ["explain", photo, "-m", shop.image_model, "--features", shop.write(name, data)]
        return [*arguments, "--method", "random", *options, "--json"]

    return build


def _method(*options: object, text: str = SENTENCE) -> Build:
    return lambda shop: ["explain", "-t", text, "-m", shop.text_model, *options, "--json"]


def _constant(method: str) -> Build:
    """A model that says the same of everything: all weights of its head are zero."""

    def build(shop: Workshop) -> Sequence[object]:
        from tests.robustness.workshop import with_weights

        def flatten(weights: dict[str, Any]) -> None:
            weights["classifier.weight"].zero_()

        model = with_weights(shop.text_model, "constant-model", flatten)
        return ["explain", "-t", SENTENCE, "-m", model, "--method", method, "--json"]

    return build


_GAPS = np.repeat(np.repeat(np.array([[0, 7], [40, -3]]), 16, 0), 16, 1)

CASES = cases(
    AREA,
    ("a mask that is too short", _mask("[1, 0, 1]"), 3, "a mask of shape (3,) does not fit"),
    ("a mask that is too long", _mask(json.dumps([1] * 50)), 3, "a mask of shape (50,) does not fit"),
    ("an empty mask", _mask("[]"), 3, "an array of shape (0,), which is not a mask"),
    ("two rows", _mask(json.dumps([[1] * 9] * 2)), 3, "an array of shape (2, 9), which is not a mask"),
    ("rows of different lengths", _mask("[[1, 0], [1]]"), 3, "not a JSON array of values 0 or 1"),
    ("null", _mask("null"), 3, "not a mask"),
    (
        "an addition to check that is too short",
        lambda shop: [
            *("certify-hard", "-t", SENTENCE, "-m", shop.text_model, "--method", "random"),
            *("--check", shop.write("addition.json", "[1, 0]")),
        ],
        3,
        "a mask of shape (2,) does not fit",
    ),
    ("an object", _mask('{"mask": [1]}'), 3, "an array of shape (), which is not a mask"),
    ("a mask of all zeros", _mask(json.dumps([0] * 9)), 0, "reported, 0 of 9"),
    ("a mask of all ones", _mask(json.dumps([1] * 9)), 0, "reported, 9 of 9"),
    (
        "a mask of all ones and a radius",
        _mask(json.dumps([1] * 9), "-r", "1"),
        2,
        "0 of the 9 features are left to add",
    ),
    ("all zeros, hard", _mask(json.dumps([0] * 9), command="certify-hard"), 0, "reported, 0 of 9"),
    ("all ones, hard", _mask(json.dumps([1] * 9), command="certify-hard"), 0, "reported, 9 of 9"),
    ("all ones, spectrum", _mask(json.dumps([1] * 9), command="fourier"), 0, "reported, 9 of 9"),
    ("a mask with NaN", _mask("[NaN, 1, 0, 0, 0, 0, 0, 0, 0]"), 3, "NaN is not a finite number"),
    ("a mask with shares", _mask("[0.5, 1, 0, 0, 0, 0, 0, 0, 0]"), 3, "must contain only 0 and 1"),
    ("a mask with 2", _mask("[2, 1, 0, 0, 0, 0, 0, 0, 0]"), 3, "must contain only 0 and 1"),
    ("a mask with a number of 40 digits", _mask(f"[{10**40}, 1, 0, 0, 0, 0, 0, 0, 0]"), 3, "must contain only 0 and 1"),
    ("a mask of words", _mask('["a", 1, 0, 0, 0, 0, 0, 0, 0]'), 3, "must contain only 0 and 1"),
    ("a mask of 100,000 brackets", _mask("[" * 100_000), 3, "not a JSON array of values 0 or 1"),
    ("a mask that is not UTF-8", _mask(b"[\xff]"), 3, "not a JSON array of values 0 or 1"),
    (
        "a mask that is a pickle",
        _mask(npy(np.array([{1}] * 9, dtype=object)), name="mask.npy"),
        3,
        "not an array that numpy.save wrote",
    ),
    ("a mask that is cut off", _mask(npy(np.ones(9))[:-20], name="mask.npy"), 3, "not an array that numpy.save wrote"),
    ("a mask of zero bytes", _mask(b"", name="mask.npy"), 3, "not an array that numpy.save wrote"),
    (
        "a header that says 10^14 values",
        _mask(_huge_header(), name="mask.npy"),
        3,
        "not an array that numpy.save wrote",
    ),
    (
        "an archive with the name of an array",
        _mask(_zipped(), name="mask.npy"),
        3,
        "not an array that numpy.save wrote",
    ),
    (
        "a mask of complex numbers",
        _mask(npy(np.ones(9, dtype=complex)), name="mask.npy"),
        3,
        "must contain only 0 and 1",
    ),
    (
        "a mask that is a directory",
        lambda shop: ["certify-soft", "-t", SENTENCE, "-m", shop.text_model, "--mask", "text-model"],
        3,
        "cannot read text-model",
    ),
    (
        "scores from one sample of lime",
        _method("--method", "lime", "--n-samples", "1"),
        0,
        "all scores are equal: the top 2 are the first 2 of 9",
    ),
    ("scores of lime that are constant", _constant("lime"), 0, "all scores are equal: the top 2 are any 2 of 9"),
    (
        "scores of occlusion that are constant",
        _constant("occlusion"),
        0,
        "all scores are equal: the top 2 are the first 2 of 9",
    ),
    ("gradients that are constant", _constant("saliency"), 0, "all scores are equal: the top 2 are the first 2 of 9"),
    ("kernelshap from one sample", _method("--method", "kernelshap", "--n-samples", "1"), 2, "--n-samples"),
    ("shap from one sample", _method("--method", "shap", "--n-samples", "1"), 2, "--n-samples"),
    ("smoothgrad with a sigma of NaN", _method("--method", "smoothgrad", "--sigma", "nan"), 2, "sigma"),
    ("clime with a sigma of infinity", _method("--method", "clime", "--sigma", "inf"), 2, "sigma"),
    (
        "neighbours with a negative deviation",
        _method("--method", "random", "--neighbours", "2", "--neighbour-sigma", "-1"),
        2,
        "--neighbour-sigma must be above 0, got -1",
    ),
    (
        "nine methods on one word",
        _method(
            "--method",
            "kernelshap,intgrad,mfaba,saliency,inputxgrad,smoothgrad,clime,occlusion,random",
            text="film",
        ),
        0,
        "reported, 1 of 1",
    ),
    ("a label map whose numbers have gaps", _features("map.npy", npy(_GAPS)), 0, "1 of 4 segment"),
    ("a label map of one label", _features("map.npy", npy(np.zeros((32, 32), dtype=int))), 0, "1 of 1 segment"),
    (
        "a label map of another size",
        _features("map.npy", npy(_GAPS[:5])),
        3,
        "got 32 x 5 pixels",
    ),
    ("a label map of fractions", _features("map.npy", npy(_GAPS / 2)), 3, "are not whole numbers"),
    (
        "a label map in colours",
        _features("map.npy", npy(np.zeros((32, 32, 3), dtype=int))),
        3,
        "more than one value per pixel",
    ),
    (
        "a label map that is a pickle",
        _features("map.npy", npy(np.full((32, 32), {1}, dtype=object))),
        3,
        "not a readable label map",
    ),
    ("a label map whose header says 10^14 values", _features("map.npy", _huge_header()), 3, "not a readable label map"),
    ("a label map that is no image", _features("map.png", b"nothing"), 3, "not a readable label map"),
)
