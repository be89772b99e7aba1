"""Which numbers of a record come straight out of a network, and how far they may differ between machines."""

from __future__ import annotations

import re
from typing import Any

from stabcert.report.verify.checks import Tolerance

_OF_THE_MODEL = re.compile(r"unsmoothed\w*\.probability$|\.attack\.model\.prediction\.probability$")
_PROBABILITIES = re.compile(r"(^|\.)(\w*prediction)\.probability$")
_LEADS = re.compile(r"\.(gap|full_gap|published_radius)$")
_BY_DTYPE = {"float32": 1e-4, "float64": 1e-8, "bfloat16": 0.05, "float16": 0.01}


def tolerance_of(record: dict[str, Any], dtype: str) -> Tolerance:
    """How far each number may differ.

    Counts, votes and radii: not at all. Shares of votes and bounds that follow from counts: in the last bits.
    Probabilities that come out of a network: as far as its arithmetic differs between machines.
    """
    result, loose = record["result"], _BY_DTYPE.get(dtype, 1e-4)
    by_vote = bool(result.get("smoothing")) or (result.get("noise") == "quantized" and result["scores"] == "vote")
    averaged = result.get("scores") == "probability"

    def tolerance(name: str) -> float:
        if averaged and _LEADS.search(name):
            # A published radius is a lead divided by twice the share that is kept.
            return loose * (result["quantization"] or 1 if name.endswith("published_radius") else 1)
        if _OF_THE_MODEL.search(name):
            return loose
        return loose if _PROBABILITIES.search(name) and not by_vote else 0.0

    return tolerance
