"""Masks that the options name: from an attribution method or from a file."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from stabcert.cli.classes import explained_class
from stabcert.cli.options import ExplanationOptions
from stabcert.cli.parsing import parse_methods, parse_top_k
from stabcert.cli.text_files import read_file
from stabcert.core.masks import top_k_mask
from stabcert.core.types import Attribution, Mask, as_mask
from stabcert.errors import InputError, ParameterError
from stabcert.records.reading import parse_json

if TYPE_CHECKING:
    from stabcert.core.soft.stable_mask import StableMask
    from stabcert.models.base import ModelPredictor

DEFAULT_TOP_K = "25%"


@dataclass(frozen=True)
class Choice:
    """A mask and its origin."""

    mask: Mask
    method: str
    settings: dict[str, Any]
    target: int | None
    """The explained class, or None for the class predicted on the full input."""
    scores: NDArray[np.float64] | None
    attributions: tuple[Attribution, ...] = ()
    """One attribution for each method. The first one determines the mask."""
    stable: StableMask | None = None
    """The search that found the mask, if k was not given."""
    interrupted: bool = False
    """True if that search was interrupted."""


def by_method(predictor: ModelPredictor, options: ExplanationOptions, *, seed: int) -> Choice:
    """Return the mask of the top k features of one attribution of ``predictor``.

    Raises:
        ParameterError: several methods are named, or see `by_methods`.
    """
    methods = parse_methods(options.method)
    if len(methods) > 1:
        raise one_method(str(options.method), methods)
    return by_methods(predictor, options, seed=seed)


def one_method(text: str, methods: tuple[str, ...]) -> ParameterError:
    """Return the error for several methods in a command that uses one."""
    return ParameterError(
        f"--method {text} names {len(methods)} methods, but one mask comes from one method. "
        f"Use --method {methods[0]}, or compare them with stabcert explain --method {','.join(methods)}"
    )


def by_methods(
    predictor: ModelPredictor,
    options: ExplanationOptions,
    *,
    seed: int,
    effort: Mapping[str, int | float] | None = None,
) -> Choice:
    """Return the attributions by all named methods, and the mask of the top k features of the first one."""
    from stabcert.explainers import explain_all

    target = explained_class(predictor, options.target)
    k = parse_top_k(DEFAULT_TOP_K if options.top_k is None else options.top_k, predictor.n_features)
    attributions = explain_all(
        predictor,
        parse_methods(options.method),
        target=target,
        seed=seed,
        options=effort,
    )
    first = attributions[0]
    mask = top_k_mask(first.scores, k)
    return Choice(mask, first.method, first.settings, first.target, first.scores, attributions)


def by_file(path: Path, n_features: int) -> Choice:
    """Return a mask from a .npy or .json array of 0 and 1."""
    values, data = _read_array(path, f"{n_features} values")
    settings = {"file": str(path), "sha256": hashlib.sha256(data).hexdigest()}
    return Choice(as_mask(values, n_features), "mask", settings, None, None)


def read_mask(path: Path) -> Mask:
    """Return the mask in a file. Its length is not compared with an input.

    Raises:
        InputError: the file cannot be read, or is not one row of 0 and 1.
    """
    values, _ = _read_array(path, "values")
    if values.ndim != 1 or len(values) == 0:
        raise InputError(
            f"{path} has an array of shape {values.shape}, which is not a mask. "
            "Give one row of values, 1 = kept, 0 = dropped"
        )
    return as_mask(values, len(values))


def _read_array(path: Path, expected: str) -> tuple[NDArray[Any], bytes]:
    """Return the array in a file, and the bytes of the file."""
    data = read_file(path)
    if path.suffix.lower() == ".npy":
        try:
            # Only plain arrays, although `numpy.load` also opens archives. A false header costs no memory, and a broken
            # one can raise any error of numpy's parsers.
            values = np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)
        except Exception as error:
            raise InputError(f"{path} is not an array that numpy.save wrote: {error}") from error
        if not isinstance(values, np.ndarray):
            raise InputError(f"{path} is an archive of arrays. Save the mask alone, with numpy.save")
    else:
        try:
            values = np.asarray(parse_json(data))
        except ValueError as error:
            raise InputError(f"{path} is not a JSON array of {expected} 0 or 1: {error}") from error
    return values, data
