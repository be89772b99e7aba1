"""Checks of the parts of every certificate record that follow from other parts, without model and input."""

from __future__ import annotations

from typing import Any

from stabcert.core.types import SIDES
from stabcert.records.text_pair import text_sha256
from stabcert.verify.checks import Check, equal, holds
from stabcert.verify.mask_flags import flag_checks

NOT_CHECKED = (
    "the name of the input: a list can give any id and any path to any input",
    "the circumstances: key, device, batch size, seconds, versions, rechecked masks and drift are taken from the "
    "record",
    "how the mask was found: method, settings, scores and target are taken from the record",
)
"""Unchecked in either mode."""
CHOICES = (
    "that seed, samples, mask, thresholds and delta were chosen before the draws were seen; otherwise bounds from "
    "draws guarantee nothing"
)
"""Unchecked in either mode for certificates from draws."""
DEFAULT_SEED = 0
LARGEST = 10**6
"""Features of one input, beyond any model."""


def never_checked(record: dict[str, Any]) -> list[str]:
    """Return what nobody can check of a record, model or not."""
    drawn = record["command"] == "certify-soft" or record["result"].get("noise") == "bernoulli"
    return [*NOT_CHECKED, CHOICES] if drawn else list(NOT_CHECKED)


def common_checks(record: dict[str, Any]) -> list[Check]:
    """Return checks of mask, classes, text and seed of a record that is valid against the schema."""
    explanation, info, labels = record["explanation"], record["input"], record["model"]["labels"]
    n, selected = explanation["n"], explanation["selected"]
    full, masked, empty = record["prediction"], explanation["masked_prediction"], explanation["empty_prediction"]
    checks = [
        holds("explanation.n", n, f"at most {LARGEST}", n <= LARGEST),
        holds(
            "explanation.selected",
            selected,
            f"distinct numbers from 0 to {n - 1}, in order",
            all(0 <= i < n for i in selected) and selected == sorted(set(selected)),
        ),
        equal("explanation.k", explanation["k"], len(selected)),
        equal("explanation.features: index", [one["index"] for one in explanation["features"]], selected),
        *flag_checks(record, consistent=masked["id"] == full["id"], vacuous=masked["id"] == empty["id"]),
        equal("explanation.baseline", explanation["baseline"], explanation["masking"]["baseline"]),
        equal("input.truncated", info["truncated"], bool(explanation["masking"].get("truncated", False))),
        *_classes(record, labels),
    ]
    if info["kind"] == "text":
        checks += _texts(info, explanation["masking"])
    request, run = record["result"].get("request"), record["run"]
    if "default_seed" in run:
        checks.append(equal("run.default_seed", run["default_seed"], run["seed"] == DEFAULT_SEED))
    if request is not None:
        # The type of the arithmetic of a model in Python is decided by its code and not requested.
        requested = ("seed",) if record["model"]["id"].startswith("python:") else ("seed", "dtype")
        checks += [equal(f"run.{name}", run[name], request[name]) for name in requested]
    return checks


def _texts(info: dict[str, Any], masking: dict[str, Any]) -> list[Check]:
    """Return checks of the hashes of a text or a pair, and that only a pair has sides."""
    text, second = info.get("text"), info.get("text_pair")
    side = masking.get("explain_side")
    sides = ("both", *SIDES)
    fits = side in sides if second is not None else side is None
    checks = [equal("input.sha256", info["sha256"], _sha256(text, second))]
    if second is not None or side is not None:
        expected = f"one of {', '.join(sides)}" if second is not None else "absent without a second text"
        checks.append(holds("explanation.masking.explain_side", side, expected, fits))
    for name, one in (("text_sha256", text), ("text_pair_sha256", second)):
        known = None if second is None else _sha256(one)
        if info.get(name) is not None or known is not None:
            checks.append(equal(f"input.{name}", info.get(name), known))
    return checks


def _classes(record: dict[str, Any], labels: int) -> list[Check]:
    """Return checks that a class has one name, and that the model has the class."""
    explanation = record["explanation"]
    found = [
        ("prediction", record["prediction"]),
        ("explanation.masked_prediction", explanation["masked_prediction"]),
        ("explanation.empty_prediction", explanation["empty_prediction"]),
        ("explanation.target", {"id": explanation["target"], "label": explanation["target_label"]}),
        *_named("result", {key: part for key, part in record["result"].items() if key != "request"}),
    ]
    names: dict[int, str] = {}
    checks = []
    for where, one in found:
        known = names.setdefault(one["id"], one["label"])
        checks.append(holds(f"{where}.id", one["id"], f"one of the classes 0 to {labels - 1}", one["id"] < labels))
        checks.append(equal(f"{where}.label", one["label"], known))
    return checks


def _named(where: str, value: Any) -> list[tuple[str, dict[str, Any]]]:
    """Return every class that a part of the record names."""
    if isinstance(value, list):
        return [found for number, part in enumerate(value) for found in _named(f"{where}[{number}]", part)]
    if not isinstance(value, dict):
        return []
    own = [(where, value)] if {"id", "label"} <= value.keys() else []
    return own + [found for key, part in value.items() for found in _named(f"{where}.{key}", part)]


def _sha256(text: str | None, second: str | None = None) -> str | None:
    if text is None:
        return None
    try:
        return text_sha256(text, second)
    except UnicodeEncodeError:
        return None
