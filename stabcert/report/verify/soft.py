"""A record of certify-soft against its own counts."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import numpy as np

from stabcert.core.soft.certificate import Shown
from stabcert.core.soft.question import SoftQuestion
from stabcert.core.soft.recount import recount_soft
from stabcert.errors import StabcertError
from stabcert.records.writing import to_json
from stabcert.report.record import soft_result
from stabcert.report.verify.checks import Check, at_least, compare, equal, holds
from stabcert.report.verify.definitions import bound_checks
from stabcert.report.verify.mask_flags import status_checks

NOT_CHECKED = (
    "the counts themselves: samples, matches and near ties are taken from the record",
    "the predictions of the model",
    "the code: how delta is shared and when a test ends is computed by the code that made the record; the bounds are "
    "held against their definitions, too",
)


def soft_checks(record: dict[str, Any], question: Callable[[], SoftQuestion]) -> tuple[list[Check], list[str]]:
    """Bounds, verdicts, largest radius and status that follow from the counts of a record; and what does not follow.

    Args:
        record: valid, with a mask that is one (`common_checks`).
        question: makes what the request of the record asks; a ParameterError if nobody can ask it.
    """
    result, explanation = copy.deepcopy(record["result"]), record["explanation"]
    rates, not_checked = result["rates"], list(NOT_CHECKED)
    radii = [rate["radius"] for rate in rates]
    checks = [
        *_smoothing(result),
        holds(
            "result.interrupted",
            result["interrupted"],
            "false without a sequential test",
            result["request"]["sequential"] or not result["interrupted"],
        ),
        holds("result.rates: radius", radii, "increasing", radii == sorted(set(radii))),
    ]
    mask = np.zeros(explanation["n"], dtype=np.bool_)
    mask[explanation["selected"]] = True
    names = ("samples", "matches", "near_ties", "population", "lower", "upper")
    try:
        found = recount_soft(
            mask,
            {rate["radius"]: Shown(*(rate[name] for name in names)) for rate in rates},
            question(),
            prediction=explanation["masked_prediction"]["id"],
            interrupted=result["interrupted"],
        )
    except (StabcertError, OverflowError) as error:
        return [
            *checks,
            Check("result.request", result["request"], f"no such certificate: {error}", ok=False),
        ], not_checked
    certificate = found.certificate
    checks += [
        holds(f"result.rates[{radii.index(one.radius)}].{one.name}", one.recorded, one.possible, ok=False)
        for one in found.impossible
    ]
    checks += _evaluations(record)
    again = soft_result(certificate, result["smoothing"], request=result["request"], interrupted=result["interrupted"])
    again = json.loads(to_json(again))
    if certificate.formulation == "worst":
        not_checked.append(
            "bounds of the sizes that are not shown: those that are shown must not claim more than theirs"
        )
        for one in (*again["rates"], *rates):
            one["enumerated"] = None
    checks += compare("result", {k: v for k, v in result.items() if k not in _INPUTS}, _without_inputs(again))
    checks += status_checks(record, certificate.verdict)
    if not (found.complete or result["interrupted"]):
        checks.append(holds("result.rates: radius", radii, "every radius that is tested", ok=False))
    if all(check.ok for check in checks):  # of counts that are possible
        checks += bound_checks(record["result"])
    return checks, not_checked


_INPUTS = ("request", "smoothing", "interrupted")
"""Of the result: what the recount takes from the record."""


def _evaluations(record: dict[str, Any]) -> list[Check]:
    """Draws without replacement are all different, and each is evaluated."""
    if record["result"]["smoothing"] is not None:
        return []  # different masks may be the same where noise masks have dropped the rest
    tried = [one["samples"] for one in record["result"]["rates"] if one["population"] is not None]
    return [at_least("run.evaluations", record["run"]["evaluations"], max(tried, default=0))]


def _without_inputs(result: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in result.items() if key not in _INPUTS}


def _smoothing(result: dict[str, Any]) -> list[Check]:
    request, smoothing = result["request"], result["smoothing"]
    if smoothing is None:
        return [equal("result.request.smooth", float(request["smooth"]), 1.0)]
    return [
        equal("result.smoothing.lambda", smoothing["lambda"], request["smooth"]),
        equal("result.smoothing.draws", smoothing["draws"], request["smooth_draws"]),
        holds("result.request.smooth", request["smooth"], "below 1", request["smooth"] < 1),
    ]
