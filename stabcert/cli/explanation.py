"""From options to a mask: by an attribution method or from a file."""

from __future__ import annotations

import difflib
import hashlib
import io
import sys
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from stabcert.cli.options import ExplanationOptions, parse_methods
from stabcert.core.masks import top_k_mask
from stabcert.core.types import Attribution, Mask, as_mask
from stabcert.errors import InputError, ParameterError
from stabcert.report.reading import parse_json

if TYPE_CHECKING:
    from stabcert.core.soft.stable_mask import StableMask
    from stabcert.models.base import ModelPredictor

DEFAULT_TOP_K = "25%"
_MOST_DIGITS = 18
_FEW_CLASSES = 12  # no more are listed in a message
_MOST_DIGITS = 18  # of a number; Python itself refuses to read some thousand


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
    interrupted: bool = False
    """That search was."""


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
    data = read_bytes(path)
    if path.suffix.lower() == ".npy":
        try:
            # An array and nothing else: `numpy.load` opens archives, too. A header that lies costs no memory, and of a
            # broken one numpy raises whatever its parsers do.
            values = np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)
        except Exception as error:
            raise InputError(f"{path} is not an array that numpy.save wrote: {error}") from error
        if not isinstance(values, np.ndarray):
            raise InputError(f"{path} is an archive of arrays; save the mask alone, with numpy.save")
    else:
        try:
            values = np.asarray(parse_json(data))
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
    number = class_number(text)
    if number is not None:
        if number >= len(class_names):
            raise ParameterError(f"class {text} does not exist; the model has classes 0 to {len(class_names) - 1}")
        return number
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
    if not near and len(class_names) <= _FEW_CLASSES:
        hint = f"; it has {', '.join(class_names)}"
    raise ParameterError(f"the model has no class {text!r}{hint}")


def class_number(text: str) -> int | None:
    """The number of a class that ``text`` is, if it is one; so many digits that no model has the class are one, too."""
    if not text.isdecimal():
        return None
    return int(text) if len(text) < _MOST_DIGITS else sys.maxsize


def read_bytes(path: Path) -> bytes:
    """A file that an option names."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:  # a null character, or half of a surrogate pair
        raise InputError(f"cannot read {path}: no file can have that name ({error})") from error
