"""A record of adapt against its own counts: no model, no input."""

from __future__ import annotations

import json
from typing import Any

from stabcert.core.adaptation.division import reporting_part
from stabcert.core.adaptation.evaluate import kept_of
from stabcert.core.adaptation.settings import ComparisonSettings
from stabcert.core.adaptation.summary import summarise_comparison
from stabcert.core.streams import SMOOTHING_STREAM
from stabcert.errors import StabcertError
from stabcert.records.adapt_comparison import MeanRadiusRow, MeasureRow, OverconfidenceRow, settings_of
from stabcert.records.adapt_inputs import compared_input
from stabcert.records.writing import to_json
from stabcert.verify.checks import Check, at_least, compare, equal, holds
from stabcert.verify.common import DEFAULT_SEED

_SUM = 1e-6
"""Largest difference between 1 and the sum of probabilities."""
COUNTS_NOT_CHECKED = (
    "the counts on the reporting inputs: neither model is opened, and the confidences are taken from the record",
    "how the explanations were made",
)
NOT_CHECKED = (
    "the training: weights, losses and the measurements on the held-out inputs are taken from the record",
    "the inputs: their names, hashes and labels, and that equal contents with other bytes have one purpose",
    "which of the other inputs trained and which chose the model",
    "the circumstances: key, device, batch size, seconds, versions, rechecked masks and drift are taken from the "
    "record",
    "that seed, settings, masks and delta were chosen before the result was seen; otherwise intervals guarantee "
    "nothing",
)
NOTHING_COMPARED = (
    "any gain: the run was interrupted before the comparison, so that the record contains none",
    NOT_CHECKED[0],
    NOT_CHECKED[1],
    NOT_CHECKED[3],
)


def adapt_checks(record: dict[str, Any]) -> tuple[list[Check], list[str]]:
    """Return checks of purposes, counts, means, intervals and verdicts of a record, and what is unchecked.

    Args:
        record: valid against the schema.
    """
    result, run = record["result"], record["run"]
    checks = [*_history(result), *_purposes(result, run["seed"])]
    if "default_seed" in run:
        checks.append(equal("run.default_seed", run["default_seed"], run["seed"] == DEFAULT_SEED))
    comparison = result["comparison"]
    if comparison is None:
        known = record["status"] in ("incomplete", "reported")  # the latter before there was the former
        return [*checks, holds("status", record["status"], "incomplete", known)], list(NOTHING_COMPARED)
    checks.append(
        equal(_at("request.noise_seed"), comparison["request"]["noise_seed"], [run["seed"], SMOOTHING_STREAM])
    )
    try:
        settings = settings_of(comparison["request"])
        checks += [one for i in range(len(comparison["inputs"])) for one in _input(result, settings, i)]
        if all(check.ok for check in checks):
            checks += _summary(record)
    except (StabcertError, ValueError, ArithmeticError) as error:
        checks.append(Check(_at("request"), comparison["request"], f"no such comparison: {error}", ok=False))
    return checks, [*NOT_CHECKED[:1], *COUNTS_NOT_CHECKED, *NOT_CHECKED[1:]]


def _at(name: str) -> str:
    return f"result.comparison.{name}"


def _history(result: dict[str, Any]) -> list[Check]:
    history, chosen = result["history"], result["chosen"]
    epochs = [one["epoch"] for one in history]
    checks = [
        equal("result.history: epoch", epochs, list(range(len(history)))),
        holds("result.chosen.epoch", chosen["epoch"], f"at most {len(history) - 1}", chosen["epoch"] < len(history)),
    ]
    if checks[-1].ok:
        point = history[chosen["epoch"]]["interpolation"]
        checks.append(equal("result.chosen.interpolation", chosen["interpolation"], point))
    return checks


def _purposes(result: dict[str, Any], seed: int) -> list[Check]:
    """Return checks that equal inputs have one purpose, and that the reporting inputs were drawn by the seed."""
    purposes: dict[str, set[str]] = {}
    for one in result["inputs"]:
        purposes.setdefault(one["sha256"], set()).add(one["part"])
    twice = sorted(sha256 for sha256, parts in purposes.items() if len(parts) > 1)
    checks = [holds("result.inputs: part", twice, "one purpose for each hash", not twice)]
    comparison = result["comparison"]
    if comparison is None:
        return checks
    reporting = [(one["id"], one["sha256"]) for one in result["inputs"] if one["part"] == "reporting"]
    compared = [(one["id"], one["sha256"]) for one in comparison["inputs"]]
    checks.append(holds(_at("inputs"), len(compared), "the reporting inputs, in order", compared == reporting))
    share = comparison["request"]["report_share"]
    if share is not None:
        try:
            drawn = set(reporting_part(purposes, share=share, seed=seed))
        except StabcertError as error:
            return [*checks, Check(_at("request.report_share"), share, f"no such share: {error}", ok=False)]
        same = drawn == {sha256 for _, sha256 in reporting}
        checks.append(holds(_at("inputs: sha256"), len(compared), "the inputs that the seed draws", same))
    return checks


def _input(result: dict[str, Any], settings: ComparisonSettings, number: int) -> list[Check]:
    """Return checks that the counts of one reporting input are possible, and fit one another."""
    one, place = result["comparison"]["inputs"][number], _at(f"inputs[{number}]")
    n, selected = one["n"], one["selected"]
    given = {used["sha256"]: used["label"] for used in result["inputs"] if used["part"] == "reporting"}.get(
        one["sha256"]
    )
    label = None if given is None else given["id"]
    labels = result["adapted"]["labels"]
    in_order = selected == sorted(set(selected)) and all(0 <= i < n for i in selected)
    checks = [holds(f"{place}.selected", selected, f"distinct numbers from 0 to {n - 1}, in order", in_order)]
    original = None if one["before"]["near_tie"] else one["before"]["prediction"]["id"]
    for name in ("before", "after"):
        reading, where = one[name], f"{place}.{name}"
        said = reading["prediction"]["id"]
        checks.append(holds(f"{where}.prediction.id", said, f"at most {labels - 1}", said < labels))
        shares = [share["keep_share"] for share in reading["shares"]]
        checks.append(equal(f"{where}.shares: keep_share", shares, list(map(str, settings.keep_shares))))
        lambdas = [level["fraction"] for level in reading["lambdas"]]
        checks.append(equal(f"{where}.lambdas: fraction", lambdas, ["1", *map(str, settings.lambdas)]))
        if checks[-1].ok and checks[-2].ok:
            for i, share in enumerate(reading["shares"]):
                checks += _share(f"{where}.shares[{i}]", share, settings, i, n)
                checks += _classes(f"{where}.shares[{i}]", share, original, label, labels)
            checks += _full(f"{where}.shares[0]", reading, original, label)
            for i, level in enumerate(reading["lambdas"]):
                checks += _level(f"{where}.lambdas[{i}]", level, settings, i, n - len(selected), n)
                checks += _level_classes(f"{where}.lambdas[{i}]", level, reading, label)
    return checks


def _share(place: str, share: dict[str, Any], settings: ComparisonSettings, number: int, n: int) -> list[Check]:
    kept = kept_of(settings.keep_shares[number], n)
    masks = 1 if kept == n else settings.masks
    certain = masks - share["near_ties"]
    checks = [
        equal(f"{place}.kept", share["kept"], kept),
        equal(f"{place}.masks", share["masks"], masks),
        holds(f"{place}.near_ties", share["near_ties"], f"at most {masks}", certain >= 0),
        holds(f"{place}.agreements", share["agreements"], f"at most {certain}", share["agreements"] <= certain),
    ]
    if share["correct"] is not None:
        checks.append(holds(f"{place}.correct", share["correct"], f"at most {certain}", share["correct"] <= certain))
    return checks


def _classes(place: str, share: dict[str, Any], original: int | None, label: int | None, labels: int) -> list[Check]:
    """Return checks of the first mask, and of agreements and correct classes, of which each mask has one class."""
    agrees, agreements, correct = share["agrees"], share["agreements"], share["correct"]
    certain = share["masks"] - share["near_ties"]
    if original is None:
        possible = agrees is None and agreements == 0
    elif agrees is None:
        possible = share["near_ties"] > 0
    else:
        possible = agreements >= 1 if agrees else agreements < certain
    checks = [
        holds(f"{place}.agrees", agrees, f"as {agreements} agreements and {certain} certain masks allow", possible),
        at_least(f"{place}.confidence", share["confidence"], (1 - _SUM) / labels),
        holds(f"{place}.correct", correct, "a number if there is a label", (correct is None) == (label is None)),
    ]
    if original is None or correct is None:
        return checks
    if label == original:
        return [*checks, equal(f"{place}.correct", correct, agreements)]
    both = agreements + correct
    return [*checks, holds(f"{place}.correct", correct, f"with agreements at most {certain}", both <= certain)]


def _full(place: str, reading: dict[str, Any], original: int | None, label: int | None) -> list[Check]:
    """Return checks of the one mask that keeps everything against the prediction."""
    share, said, certain = reading["shares"][0], reading["prediction"]["id"], not reading["near_tie"]
    correct = None if label is None else int(certain and said == label)
    return [
        equal(f"{place}.near_ties", share["near_ties"], int(not certain)),
        equal(f"{place}.agreements", share["agreements"], int(certain and said == original)),
        equal(f"{place}.correct", share["correct"], correct),
        equal(f"{place}.agrees", share["agrees"], said == original if certain and original is not None else None),
    ]


def _level(
    place: str, level: dict[str, Any], settings: ComparisonSettings, number: int, n_free: int, n: int
) -> list[Check]:
    mask = level["masks"][0]
    radii = list(settings.radii) if number == 0 else []
    tried = mask["rates"]
    radius, removed = mask["hard_radius"], level["decremental_radius"]
    both = not (mask["near_tie"] or level["near_tie"])
    consistent = mask["masked_prediction"]["id"] == level["prediction"]["id"] if both else None
    return [
        equal(f"length of {place}.masks", len(level["masks"]), 1),
        equal(f"{place}.masks[0].n_free", mask["n_free"], n_free),
        equal(f"{place}.masks[0].consistent", mask["consistent"], consistent),
        equal(f"{place}.masks[0].rates: radius", [one["radius"] for one in tried], radii),
        holds(f"{place}.masks[0].hard_radius", radius, f"at most {n_free}", radius is None or radius <= n_free),
        holds(f"{place}.decremental_radius", removed, f"at most {n}", removed is None or removed <= n),
        holds(
            f"{place}.masks[0].rates: matches",
            [one["matches"] for one in tried],
            "with near ties at most the samples",
            all(one["matches"] + one["near_ties"] <= one["samples"] for one in tried),
        ),
        equal(
            f"{place}.masks[0].rates: radius_used",
            [one["radius_used"] for one in tried],
            [min(one["radius"], n_free) for one in tried],
        ),
    ]


def _level_classes(place: str, level: dict[str, Any], reading: dict[str, Any], label: int | None) -> list[Check]:
    """Return checks of one smoothed model's class against the class of the model, and of what a near tie leaves."""
    said, plain, mask = level["prediction"]["id"], reading["prediction"]["id"], level["masks"][0]
    both = not (level["near_tie"] or reading["near_tie"])
    checks = [
        equal(f"{place}.correct", level["correct"], None if label is None else said == label),
        equal(f"{place}.agrees", level["agrees"], said == plain if both else None),
        equal(f"{place}.decremental_radius: none", level["decremental_radius"] is None, level["near_tie"]),
        equal(f"{place}.masks[0].hard_radius: none", mask["hard_radius"] is None, mask["near_tie"]),
    ]
    if level["fraction"] == "1":
        checks.append(equal(f"{place}.prediction.id", said, plain))
        checks.append(equal(f"{place}.near_tie", level["near_tie"], reading["near_tie"]))
    return checks


def _summary(record: dict[str, Any]) -> list[Check]:
    """Return checks of all means, intervals and verdicts."""
    result = record["result"]
    comparison = result["comparison"]
    delta = comparison["request"]["delta"]
    found = summarise_comparison([compared_input(one) for one in comparison["inputs"]], delta=delta)
    again: dict[str, list[dict[str, Any]]] = {
        "measures": [MeasureRow.of(one).to_dict() for one in found.measures],
        "mean_radii": [MeanRadiusRow.of(one).to_dict() for one in found.mean_radii],
        "overconfidence": [
            *(OverconfidenceRow.of("before", one).to_dict() for one in found.overconfidence_before),
            *(OverconfidenceRow.of("after", one).to_dict() for one in found.overconfidence_after),
        ],
    }
    checks = [equal(_at("labelled"), comparison["labelled"], found.labelled)]
    checks += compare("result.comparison", {key: comparison[key] for key in again}, json.loads(to_json(again)))
    clean, gain = comparison["clean"], comparison["min_gain"]
    quantity = "accuracy" if found.labelled else "agreement"
    change = next(one["difference"] for one in again["measures"] if (one["quantity"], one["at"]) == (quantity, "1"))
    bound = clean["bound"]
    verdict = "beyond" if change["mean"] < -bound else "within" if change["lower"] >= -bound else "open"
    checks += [
        equal(_at("clean.quantity"), clean["quantity"], quantity),
        equal(_at("clean.bound"), bound, result["settings"].get("clean_loss")),
        equal(_at("clean.verdict"), clean["verdict"], verdict),
    ]
    status = "reported"
    if gain is not None:
        lower = next(one["difference"]["lower"] for one in again["measures"] if one["quantity"] == "masked agreement")
        met = lower >= gain["threshold"]
        status = "certified" if met else "undecided"
        checks += [equal(_at("min_gain.lower"), gain["lower"], lower), equal(_at("min_gain.met"), gain["met"], met)]
    return [*checks, equal("status", record["status"], status)]
