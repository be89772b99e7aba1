"""A record of certify-hard against its own votes: what they prove, and what nothing in the record could support."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stabcert.core.hard.finding import Reported
from stabcert.core.hard.question import BernoulliQuestion, HardQuestion
from stabcert.core.streams import NOISE_STREAM
from stabcert.errors import StabcertError
from stabcert.verify.bernoulli import bernoulli_checks
from stabcert.verify.checks import Check, at_most, equal, holds
from stabcert.verify.definitions import draws_checks, vote_checks
from stabcert.verify.hard_found import refinement_checks, tried_checks
from stabcert.verify.hard_sweep import NOT_CHECKED as SWEEP_NOT_CHECKED
from stabcert.verify.hard_sweep import sweep_checks
from stabcert.verify.mask_flags import hard_flag_checks, status_checks
from stabcert.verify.quantized import RecordedNoise, quantized_checks, share_on_grid

NOT_CHECKED = (
    "the votes themselves, and near ties. The record does not contain how many near ties the full input has",
    "what refinement found in its tables, and what was tested on the unsmoothed model. Only their consistency with one "
    "another and with the votes was checked",
)
_ARRANGEMENT = (
    "which noise masks cast which vote. The record does not contain it, so radii that depend on it are only bounded"
)
_CODE_OF_FROZEN_NOISE = (
    "the code: noise masks, leads and radii are computed by the code that made the record. The lead of votes, and the "
    "radius that follows from it alone, are also compared with their definitions"
)
_CODE_OF_BERNOULLI_NOISE = (
    "the code: leads and radii are computed by the code that made the record. Leads are also compared with their "
    "definition"
)


def _not_checked(result: dict[str, Any]) -> list[str]:
    if result["noise"] == "bernoulli":
        return [*NOT_CHECKED, _CODE_OF_BERNOULLI_NOISE]
    sweep = [] if result["sweep"] is None else [SWEEP_NOT_CHECKED]
    return [*NOT_CHECKED, _ARRANGEMENT, *sweep, _CODE_OF_FROZEN_NOISE]


def hard_checks(
    record: dict[str, Any], question: Callable[[], HardQuestion | BernoulliQuestion]
) -> tuple[list[Check], list[str]]:
    """Return checks of everything that votes determine or bound, and a list of what was not checked.

    Args:
        record: valid, with a mask that is one (`common_checks`).
        question: makes what the request of the record asks; a ParameterError if nobody can ask it.
    """
    result, explanation = record["result"], record["explanation"]
    free = explanation["n"] - len(explanation["selected"])
    checks = [
        *_repeated(record),
        *_votes(result, "votes", record["model"]["labels"]),
        *_votes(result, "full_votes", record["model"]["labels"]),
        *_predictions(record),
    ]
    if not all(check.ok for check in checks):
        return checks, _not_checked(result)  # nothing follows from impossible votes
    try:
        asked = question()
    except StabcertError as error:
        impossible = Check("result.request", result["request"], f"no such certificate: {error}", ok=False)
        return [*checks, impossible], _not_checked(result)
    if isinstance(asked, BernoulliQuestion):
        checks += bernoulli_checks(record, asked, free)
        if all(check.ok for check in checks):  # of leads that are possible
            checks += draws_checks(result, asked.delta_each)
    else:
        noise = RecordedNoise(record)
        checks += [*quantized_checks(record, asked, noise), *sweep_checks(record, asked, noise)]
        if all(check.ok for check in checks):
            keep = share_on_grid(result["lambda"], noise.quantization) or 1
            checks += vote_checks(result, record["model"]["labels"], keep, free)
    checks += [*refinement_checks(result, free), *tried_checks(result, explanation), *_verdict(record, free)]
    return checks, _not_checked(result)


def _repeated(record: dict[str, Any]) -> list[Check]:
    """Return checks of values that repeat the request."""
    result, request = record["result"], record["result"]["request"]
    names = ("noise", "quantization", "scores", "direction")
    checks = [equal(f"result.{name}", result[name], request[name]) for name in names]
    checks.append(equal("result.threshold", result["threshold"], request["min_radius"]))
    quantized, chosen = request["noise"] == "quantized", request.get("choice") is not None
    checks += [
        holds(
            "result.request.quantization",
            request["quantization"],
            "a number for quantized noise alone",
            (request["quantization"] is not None) == quantized,
        ),
        holds(
            "result.request.delta",
            [request["delta"], request["n_samples"]],
            "numbers for Bernoulli noise alone",
            all((value is None) == quantized for value in (request["delta"], request["n_samples"])),
        ),
        equal("result.noise_seed", result["noise_seed"], [request["seed"], NOISE_STREAM] if quantized else None),
        holds(
            "result.sweep",
            request["sweep"],
            "a list for a sweep, or for a lambda that was chosen, alone",
            (request["sweep"] or chosen) == (result["sweep"] is not None),
        ),
        holds(
            "result.request.choice",
            request.get("choice"),
            "missing with a sweep or Bernoulli noise",
            not chosen or (quantized and not request["sweep"]),
        ),
        holds(
            "result.attack",
            request["attack"],
            "as many calls as were requested",
            request["attack"] == (None if result["attack"] is None else result["attack"]["calls"]),
        ),
        holds(
            "result.enumerated",
            request["enumerate"],
            "there if evaluations were requested",
            (request["enumerate"] > 0) == (result["enumerated"] is not None),
        ),
    ]
    if quantized and request["quantization"] is not None:
        checks.append(equal("result.draws", result["draws"], request["quantization"]))
        count = share_on_grid(result["lambda"], request["quantization"])
        text = None if count is None else f"{count}/{request['quantization']}"
        checks.append(equal("result.lambda", result["lambda"], text))
    if not (request["sweep"] or chosen):
        checks.append(equal("result.lambda", result["lambda"], request["lambda"]))
    return checks


def _votes(result: dict[str, Any], name: str, labels: int) -> list[Check]:
    votes = result[name]
    if votes is None:
        return [
            holds(f"result.{name}", None, "only left out if nothing is removed", result["direction"] == "incremental")
        ]
    pairs = [(-one["votes"], one["id"]) for one in votes]
    ids = [one["id"] for one in votes]
    return [
        equal(f"result.{name}: sum", sum(one["votes"] for one in votes), result["draws"]),
        holds(f"result.{name}: order", ids, "most votes first, then lower numbers", pairs == sorted(pairs)),
        holds(f"result.{name}: classes", ids, f"different classes from 0 to {labels - 1}", len(set(ids)) == len(ids)),
        holds(
            f"result.{name}: votes",
            [one["votes"] for one in votes],
            "each at least 1, and no more classes than the model has",
            all(one["votes"] > 0 for one in votes) and len(votes) <= labels,
        ),
    ]


def _predictions(record: dict[str, Any]) -> list[Check]:
    """Return checks of the winners of the votes, also where the record repeats them."""
    result, explanation = record["result"], record["explanation"]
    prediction, full = result["prediction"]["id"], result["full_prediction"]
    plain, plain_masked = result["unsmoothed_prediction"], result["unsmoothed_masked_prediction"]
    checks = hard_flag_checks(record)
    if result["noise"] == "bernoulli":
        # The function of the record is the unsmoothed model.
        for name, one, other in (
            ("prediction", record["prediction"], plain),
            ("explanation.masked_prediction", explanation["masked_prediction"], plain_masked),
        ):
            checks.append(equal(name, one["id"], other["id"]))
        return checks
    checks.append(equal("explanation.masked_prediction.id", explanation["masked_prediction"]["id"], prediction))
    if full is not None:
        checks.append(equal("prediction.id", record["prediction"]["id"], full["id"]))
    checks.append(
        equal(
            "result.agrees_with_unsmoothed",
            result["agrees_with_unsmoothed"],
            None if full is None else full["id"] == plain["id"],
        )
    )
    if result["scores"] == "vote":
        for name, votes, one in (
            ("explanation.masked_prediction", result["votes"], explanation["masked_prediction"]),
            ("prediction", result["full_votes"], record["prediction"]),
        ):
            if votes:
                checks.append(equal(f"{name}.id", one["id"], votes[0]["id"]))
                checks.append(equal(f"{name}.probability", one["probability"], votes[0]["votes"] / result["draws"]))
    return checks


def _verdict(record: dict[str, Any], free: int) -> list[Check]:
    result, threshold = record["result"], record["result"]["threshold"]
    radii = (result["radius_incremental"], result["radius_decremental"], result["why_no_decremental"])
    shown = Reported(*radii, result["stable_for_all_supersets"])
    met = None if threshold is None else shown.reaches(threshold)
    status = "reported" if met is None else "certified" if met else "not-certified"
    checks = [equal("result.met", result["met"], met), *status_checks(record, status)]
    if threshold is not None:
        checks.append(at_most("result.threshold", threshold, free))
    return checks
