"""Calls of `stabcert certify-hard`, and small predictors that are known everywhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stabcert.core.hard.certificate import HardCertificate
from stabcert.core.hard.certify import certify_hard
from stabcert.core.noise import quantized_keep_masks
from stabcert.core.smoothing import SmoothedPredictor
from stabcert.core.types import Mask, Masks
from stabcert.models.predictors import load_predictor
from tests.cli.conftest import SENTENCE, Run
from tests.doubles import Table


def certify(run: Run, bert: Path, *more: object):
    return run("certify-hard", "-t", SENTENCE, "-m", bert, "--method", "random", "--json", *more)


def result(run: Run, bert: Path, *more: object) -> dict[str, Any]:
    found: dict[str, Any] = certify(run, bert, *more).record["result"]
    return found


def file_of(path: Path, values: list[int]) -> Path:
    path.write_text(json.dumps(values))
    return path


@dataclass(frozen=True)
class Known:
    """A predictor of nine words or fewer, evaluated everywhere once."""

    text: str
    model: str
    table: Table

    def smoothed(self, keep: int, quantization: int, noise_seed: list[int]) -> SmoothedPredictor:
        rng = np.random.default_rng(noise_seed)
        noise = quantized_keep_masks(self.table.n_features, keep=keep, quantization=quantization, rng=rng)
        return SmoothedPredictor(self.table, noise)

    def arguments(self, mask: Mask, folder: Path) -> tuple[object, ...]:
        path = file_of(folder / "mask.json", [int(kept) for kept in mask])
        return ("certify-hard", "-t", self.text, "-m", self.model, "--mask", path, "--json")


def every_mask(n: int) -> Masks:
    return (np.arange(2**n)[:, None] >> np.arange(n)) & 1 == 1


def known(text: str, model: str) -> Known:
    predictor = load_predictor(model, text)
    return Known(text, model, Table(predictor(every_mask(predictor.n_features))))


def above(mask: Mask) -> Masks:
    """Every superset."""
    every = every_mask(len(mask))
    return every[(every >= mask).all(axis=1)]


def some_mask(function: SmoothedPredictor, wanted: Callable[[HardCertificate, Mask], bool]) -> Mask:
    """A mask that makes a test meaningful."""
    every = every_mask(function.n_features)
    for mask in every[every.sum(axis=1) == 3]:  # of smaller ones the votes hardly depend on the noise
        if wanted(certify_hard(function, mask), mask):
            return mask
    pytest.fail("no mask is as the test needs it: choose another lambda")
