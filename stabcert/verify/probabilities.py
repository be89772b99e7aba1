"""Probabilities of a network: what they can be at all, and how far they may differ between machines."""

from __future__ import annotations

import re
from typing import Any

from stabcert.verify.checks import Check, Tolerance, equal, holds
from stabcert.verify.question import scale_of

_OF_THE_MODEL = re.compile(r"unsmoothed\w*\.probability$|\.attack\.model\.prediction\.probability$")
_OUTPUTS = re.compile(r"prediction\.output$|(^|\.)model\.question\.reference$")
_PROBABILITIES = re.compile(r"(^|\.)(\w*prediction)\.probability$")
_LEADS = re.compile(r"\.(gap|full_gap|published_radius)$")
_BY_DTYPE = {"float32": 1e-4, "float64": 1e-8, "bfloat16": 0.05, "float16": 0.01}


def tolerance_of(record: dict[str, Any], dtype: str) -> Tolerance:
    """Return the allowed difference of each number.

    Counts, votes and radii: not at all. Shares of votes and bounds that follow from counts: in the last bits.
    Probabilities that come out of a network: as far as its arithmetic differs between machines.
    """
    result, loose = record["result"], _BY_DTYPE.get(dtype, 1e-4) * scale_of(record)
    by_vote = bool(result.get("smoothing")) or (result.get("noise") == "quantized" and result["scores"] == "vote")
    averaged = result.get("scores") == "probability"

    def tolerance(name: str) -> float:
        if averaged and _LEADS.search(name):
            # A published radius is a lead divided by twice the share that is kept.
            return loose * (result["quantization"] or 1 if name.endswith("published_radius") else 1)
        if _OF_THE_MODEL.search(name) or _OUTPUTS.search(name):
            return loose
        return loose if _PROBABILITIES.search(name) and not by_vote else 0.0

    return tolerance


_ROUNDING = 1e-6
"""Most by which the sum of a row of probabilities may differ from 1."""


def probability_checks(record: dict[str, Any]) -> list[Check]:
    """Return checks that each prediction has the probability of a most probable class, equal for equal masks.

    Args:
        record: valid, with a mask that is one (`common_checks`).
    """
    explanation, labels, smoothing = record["explanation"], record["model"]["labels"], record["result"].get("smoothing")
    own = [
        ("prediction", record["prediction"]),
        *((f"explanation.{name}", explanation[name]) for name in ("masked_prediction", "empty_prediction")),
    ]
    least = (1.0 - _ROUNDING) / labels
    checks = []
    for name, one in own + _predictions("result", record["result"]):
        value = one["probability"]
        words = f"{least:.6g} to 1, as the most probable of {labels} classes"
        checks.append(holds(f"{name}.probability", value, words, least <= value <= 1.0))
    for name, one in own if smoothing is not None else []:
        votes = one["probability"] * smoothing["draws"]
        words = f"a share of {smoothing['draws']} votes"
        checks.append(holds(f"{name}.probability", one["probability"], words, abs(votes - round(votes)) < _ROUNDING))
    # All features kept is the input itself; none is the empty input.
    for same, (name, other) in ((explanation["k"] == explanation["n"], own[0]), (explanation["k"] == 0, own[2])):
        if same:
            masked = explanation["masked_prediction"]
            checks.append(equal(f"explanation.masked_prediction.id, as of {name}", masked["id"], other["id"]))
            checks.append(
                equal(
                    f"explanation.masked_prediction.probability, as of {name}",
                    masked["probability"],
                    other["probability"],
                    _ROUNDING,
                )
            )
    return checks


def _predictions(where: str, value: Any) -> list[tuple[str, dict[str, Any]]]:
    if isinstance(value, list):
        return [found for number, part in enumerate(value) for found in _predictions(f"{where}[{number}]", part)]
    if not isinstance(value, dict):
        return []
    own = [(where, value)] if {"id", "label", "probability"} <= value.keys() else []
    return own + [found for key, part in value.items() for found in _predictions(f"{where}.{key}", part)]
