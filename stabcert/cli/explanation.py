"""From options to a mask: by an attribution method, from a file, or from the records of `explain`."""

from __future__ import annotations

import difflib
import hashlib
import json
import sys
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from stabcert.cli.inputs import Item, file_item
from stabcert.cli.options import ExplanationOptions, parse_methods
from stabcert.core.masks import top_k_mask
from stabcert.core.types import Attribution, Mask, as_mask
from stabcert.errors import InputError, ParameterError

if TYPE_CHECKING:
    from stabcert.core.minimal import StableMask
    from stabcert.models.base import ModelPredictor

DEFAULT_TOP_K = "25%"


@dataclass(frozen=True)
class Choice:
    """A mask and what made it."""

    mask: Mask
    method: str
    settings: dict[str, Any]
    target: int | None
    """None: the class predicted on the full input."""
    scores: NDArray[np.float64] | None
    attributions: tuple[Attribution, ...] = ()
    """One for each method; the first one made the mask."""
    stable: StableMask | None = None
    """The search that made the mask, if it was not k that was given."""


def by_method(predictor: ModelPredictor, options: ExplanationOptions, *, seed: int) -> Choice:
    """The top k features of one attribution of ``predictor``.

    Raises:
        ParameterError: several methods; or see `by_methods`.
    """
    methods = parse_methods(options.method)
    if len(methods) > 1:
        raise ParameterError(
            f"--method {options.method} names {len(methods)} methods, but one mask comes from one method; "
            f"use --method {methods[0]}, or compare them with stabcert explain --method {','.join(methods)}"
        )
    return by_methods(predictor, options, seed=seed)


def by_methods(
    predictor: ModelPredictor,
    options: ExplanationOptions,
    *,
    seed: int,
    n_samples: int | None = None,
    steps: int | None = None,
    sigma: float | None = None,
) -> Choice:
    """Attributions of ``predictor`` by every method that is named; the top k features of the first."""
    from stabcert.explainers import explain_all

    target = None if options.target is None else find_class(options.target, predictor.class_names)
    k = parse_top_k(DEFAULT_TOP_K if options.top_k is None else options.top_k, predictor.n_features)
    attributions = explain_all(
        predictor,
        parse_methods(options.method),
        target=target,
        seed=seed,
        n_samples=n_samples,
        steps=steps,
        sigma=sigma,
    )
    first = attributions[0]
    mask = top_k_mask(first.scores, k)
    return Choice(mask, first.method, first.settings, first.target, first.scores, attributions)


def by_file(path: Path, n_features: int) -> Choice:
    """A mask from a .npy or .json array of 0 and 1."""
    data = _read(path)
    if path.suffix.lower() == ".npy":
        try:
            values = np.load(path, allow_pickle=False)
        except (ValueError, EOFError, OSError) as error:
            raise InputError(f"{path} is not an array that numpy.save wrote: {error}") from error
    else:
        try:
            values = np.asarray(json.loads(data))
        except ValueError as error:
            raise InputError(f"{path} is not a JSON array of {n_features} values 0 or 1: {error}") from error
    settings = {"file": str(path), "sha256": hashlib.sha256(data).hexdigest()}
    return Choice(as_mask(values, n_features), "mask", settings, None, None)


def parse_top_k(text: str, n_features: int) -> int:
    """``"12"`` or ``"25%"`` as a number of features; a share is rounded half up, to at least 1.

    Raises:
        ParameterError: not a number, or not between 1 and ``n_features``.
    """
    share = text.strip().endswith("%")
    try:
        number = Decimal(text.strip().removesuffix("%"))
    except InvalidOperation:
        number = Decimal("NaN")
    if number.is_nan():
        raise ParameterError(f"--top-k {text!r} is not a number; write a count (12) or a share (25%)")
    if share:
        if not 0 < number <= 100:
            raise ParameterError(f"--top-k {text} is not possible; a share is above 0% and at most 100%")
        return max(1, int(number * n_features / 100 + Decimal("0.5")))
    if not 1 <= number <= n_features or number != int(number):
        raise ParameterError(
            f"--top-k {text} is not possible with {n_features} features; use 1 to {n_features}, or a share such as 25%"
        )
    return int(number)


def find_class(text: str, class_names: tuple[str, ...]) -> int:
    """A class by its number or name (any case; the part before a comma is enough if only one class has it).

    Raises:
        ParameterError: no such class, or several.
    """
    if text.isdecimal():
        if int(text) >= len(class_names):
            raise ParameterError(f"class {text} does not exist; the model has classes 0 to {len(class_names) - 1}")
        return int(text)
    wanted = text.casefold().strip()
    names = [name.casefold() for name in class_names]
    found = [i for i, name in enumerate(names) if name == wanted]
    found = found or [i for i, name in enumerate(names) if wanted in (part.strip() for part in name.split(","))]
    if len(found) == 1:
        return found[0]
    if found:
        raise ParameterError(
            f"{text!r} names several classes: {'; '.join(class_names[i] for i in found)}; use a number"
        )
    near = difflib.get_close_matches(wanted, names, n=3)
    hint = f"; close to it: {'; '.join(class_names[names.index(name)] for name in near)}" if near else ""
    raise ParameterError(f"the model has no class {text!r}{hint}")


@dataclass(frozen=True)
class Recorded:
    """One record of `explain --json`."""

    record: dict[str, Any]
    origin: str

    @property
    def model(self) -> str:
        return str(self.record["model"]["id"])

    @property
    def masking(self) -> dict[str, Any]:
        masking: dict[str, Any] = self.record["explanation"]["masking"]
        return masking

    @property
    def truncated(self) -> bool:
        return bool(self.record["input"]["truncated"])

    def item(self) -> Item:
        """The input the record is about.

        Raises:
            InputError: it cannot be found any more.
        """
        info = self.record["input"]
        if info["kind"] == "text":
            path = None if info["path"] is None else Path(info["path"])
            return Item(info["id"], "text", text=info["text"], path=path)
        if info["path"] is None:
            raise InputError(
                f"{self.origin}: the image of the record came from standard input and cannot be read again; "
                "give explain a file name"
            )
        return file_item(Path(info["path"]), identity=info["id"])

    def choice(self, predictor: ModelPredictor, *, input_sha256: str, model_sha256: str | None) -> Choice:
        """The recorded mask, if it still belongs to this input and this model.

        Raises:
            InputError: the input, the model or the features are not those of the record.
        """
        explanation, n = self.record["explanation"], predictor.n_features
        if self.record["input"]["sha256"] != input_sha256:
            raise InputError(
                f"{self.origin}: the input {self.record['input']['id']} has changed since it was explained"
            )
        if self.record["model"]["sha256"] != model_sha256:
            raise InputError(f"{self.origin}: the weights of {self.model} have changed since the input was explained")
        selected = explanation["selected"]
        if explanation["n"] != n:
            raise InputError(f"{self.origin}: the record has {explanation['n']} features, the input has {n}")
        if not all(0 <= i < n for i in selected) or len(set(selected)) != len(selected):
            raise InputError(f"{self.origin}: the selected features must be distinct numbers from 0 to {n - 1}")
        if not 0 <= explanation["target"] < predictor.n_classes:
            raise InputError(
                f"{self.origin}: the record explains class {explanation['target']}, the model has classes 0 to "
                f"{predictor.n_classes - 1}"
            )
        if self.masking != predictor.masked_input.settings:
            raise InputError(
                f"{self.origin}: features are dropped in another way than in the record "
                f"({predictor.masked_input.settings} instead of {self.masking}); explain the input again"
            )
        mask = np.zeros(n, dtype=np.bool_)
        mask[selected] = True
        scores = [feature["score"] for feature in explanation["features"]]
        known = len(scores) == n and None not in scores
        return Choice(
            mask,
            explanation["method"],
            explanation["settings"],
            explanation["target"],
            np.array(scores, dtype=np.float64) if known else None,
        )


def read_records(source: str) -> list[Recorded]:
    """The records of `explain --json` in a file, or on standard input for ``"-"``.

    Raises:
        InputError: not such records; the message names the line.
    """
    name = "standard input" if source == "-" else source
    data = sys.stdin.buffer.read() if source == "-" else _read(Path(source))
    recorded = []
    for number, line in enumerate(data.split(b"\n"), start=1):
        if not line.strip():
            continue
        origin = f"{name}, line {number}"
        try:
            record = json.loads(line)
            if record["status"] == "failed":
                raise InputError(
                    f"{origin}: {record['input']['id']} could not be explained: {record['error']['message']}"
                )
            if record["schema"] != "stabcert/1" or record["command"] != "explain":
                raise InputError(f"{origin} was not made by `stabcert explain` of this version")
            _check(record)
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{origin} is not a record of `stabcert explain --json` ({type(error).__name__}: {error})"
            ) from error
        recorded.append(Recorded(record, origin))
    if not recorded:
        raise InputError(f"{name} holds no records; make them with `stabcert explain INPUT --json`")
    return recorded


def _check(record: dict[str, Any]) -> None:
    """Everything that is read later exists and has its type; raises KeyError or TypeError."""
    info, explanation = record["input"], record["explanation"]
    for value, kind in (
        (info["id"], str),
        (info["kind"], str),
        (info["sha256"], str),
        (info["truncated"], bool),
        (record["model"]["id"], str),
        (explanation["masking"]["features"], str),
        (explanation["masking"]["baseline"], str),
        (explanation["method"], str),
        (explanation["settings"], dict),
        (explanation["target"], int),
        (explanation["n"], int),
        (explanation["selected"], list),
        (explanation["features"], list),
    ):
        if not isinstance(value, kind):
            raise TypeError(f"{value!r} should be {kind.__name__}")
    if info["kind"] not in ("image", "text") or (info["kind"] == "text" and not isinstance(info["text"], str)):
        raise TypeError("an input is an image, or a text with its text")
    if not all(type(index) is int for index in explanation["selected"]):
        raise TypeError("selected features are integers")
    for optional in (record["model"]["sha256"], record["model"]["revision"], info["path"]):
        if optional is not None and not isinstance(optional, str):
            raise TypeError("hashes, revisions and paths are strings")
    for feature in explanation["features"]:
        if feature["score"] is not None and not isinstance(feature["score"], (int, float)):
            raise TypeError("scores are numbers")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
