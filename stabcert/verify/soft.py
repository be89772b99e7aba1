"""A record of certify-soft against its own counts."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from stabcert.core.soft.certificate import Shown
from stabcert.core.soft.question import SoftQuestion
from stabcert.core.soft.recount import recount_soft
from stabcert.errors import StabcertError
from stabcert.records.soft import SoftResult
from stabcert.records.writing import to_json
from stabcert.verify.checks import Check, at_least, compare, equal, holds
from stabcert.verify.choice import NOT_CHECKED as CHOICE_NOT_CHECKED
from stabcert.verify.choice import choice_checks
from stabcert.verify.definitions import bound_checks
from stabcert.verify.mask_flags import status_checks

NOT_CHECKED = (
    "the counts themselves: samples, matches and near ties are taken from the record",
    "the predictions of the model",
    "the code: how delta is shared and when a test ends is computed by the code that made the record. The bounds are "
    "also compared with their definitions",
)


def soft_checks(record: dict[str, Any], question: Callable[[], SoftQuestion]) -> tuple[list[Check], list[str]]:
    """Return checks of bounds, verdicts, largest radius and status by the counts of a record, and what is unchecked.

    Args:
        record: valid, with a mask that is one (`common_checks`).
        question: makes what the request of the record asks; a ParameterError if nobody can ask it.
    """
    result, explanation = copy.deepcopy(record["result"]), record["explanation"]
    rates, not_checked = result["rates"], list(NOT_CHECKED)
    if result.get("choice") is not None:
        not_checked.append(CHOICE_NOT_CHECKED)
    radii = [rate["radius"] for rate in rates]
    checks = [
        *_smoothing(result),
        *choice_checks(record),
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
    checks += _evaluations(record) + possible_rates(rates, certificate.formulation)
    if not certificate.rates:  # of the radii that are tested none is shown
        return [*checks, equal("length of result.rates", len(rates), 0)], not_checked
    again = json.loads(to_json(SoftResult.of(certificate).to_dict()))
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


_INPUTS = ("request", "smoothing", "choice", "interrupted")
"""Parts of the result that the recount takes from the record."""


def possible_rates(rates: list[dict[str, Any]], formulation: str) -> list[Check]:
    """Return what holds for the rates of every function and does not follow from the counts of one radius.

    For "worst" the recount knows only one size, which leaves ``enumerated`` and ``upper`` open. For "up-to" the sets of
    additions are nested, and so are their counts.
    """
    checks = []
    if formulation == "worst":
        for number, one in enumerate(rates):
            name = f"result.rates[{number}]"
            if one["enumerated"]:
                checks.append(equal(f"{name}.samples", one["samples"], one["population"]))
            if one["rate"] is not None and one["samples"]:
                # Other sizes are not smaller. Without replacement a bound can be the count of members next to the rate.
                possible = one["upper"] > one["rate"] - 1 / one["population"]
                checks.append(holds(f"{name}.upper", one["upper"], "above the rate without one member", possible))
    if formulation != "up-to":
        return checks
    whole = [(number, one) for number, one in enumerate(rates) if one["enumerated"]]
    for number, one in whole:
        if not one["near_ties"]:
            checks.append(holds(f"result.rates[{number}].matches", one["matches"], "1 or more", one["matches"] > 0))
    for (_, smaller), (number, larger) in pairwise(whole):
        before = smaller["samples"] - smaller["matches"] - smaller["near_ties"]
        for key in ("matches", "near_ties"):
            words = f"at least {smaller[key]}, as at a smaller radius"
            checks.append(holds(f"result.rates[{number}].{key}", larger[key], words, larger[key] >= smaller[key]))
        lost = larger["samples"] - larger["matches"] - larger["near_ties"]
        words = f"at least {before} changes, as at a smaller radius"
        checks.append(holds(f"result.rates[{number}].samples", lost, words, lost >= before))
    return checks


def _evaluations(record: dict[str, Any]) -> list[Check]:
    """Return the check that all draws without replacement, which are different, were evaluated."""
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
