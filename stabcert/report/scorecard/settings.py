"""The settings of a scorecard: what was asked of which model, by which versions."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from stabcert.report.numbers import lambda_shown, seed_shown, threshold_shown
from stabcert.report.wording import ranges

_MOST_VALUES = 3
Record = dict[str, Any]


def asked(records: Sequence[Record], summary: Record | None) -> list[tuple[str, str]]:
    """Return names and values. Settings that the records do not contain are left out.

    Args:
        records: records of inputs, at least one.
        summary: the record of all inputs of ``smooth-eval``.
    """
    rows = [
        ("model", _values(records, lambda one: one["model"]["id"])),
        ("revision", _values(records, lambda one: one["model"]["revision"])),
        ("SHA-256 of the weights", _values(records, lambda one: one["model"]["sha256"])),
        ("SHA-256 of the configuration", _values(records, lambda one: one["model"]["config_sha256"])),
        ("SHA-256 of the code", _values(records, lambda one: one["model"].get("code_sha256"))),
        ("question", _values(records, _question)),
        ("inputs", str(len({one["input"]["sha256"] for one in records}))),
        ("SHA-256 of the inputs", f"{_inputs_hash(records)} (of their sorted hashes, one a line)"),
        ("features", _values(records, lambda one: one["explanation"]["masking"]["features"])),
        ("a dropped feature becomes", _values(records, lambda one: one["explanation"]["baseline"])),
        ("method", ", ".join(summary["result"]["methods"]) if summary is not None else _values(records, _method)),
        ("features kept", _kept(records)),
    ]
    rows += _of_curve(summary["result"]) if summary is not None else _of_request(records)
    rows += [
        ("seed", _values(records, _seed)),
        ("computed on", _values(records, lambda one: f"{one['run']['device']} {one['run']['dtype']}")),
        ("versions", _values(records, _versions)),
        ("evaluations of the model", str(sum(one["run"]["evaluations"] for one in records))),
    ]
    return [(name, value) for name, value in rows if value]


def request_of(record: Record) -> Record:
    """Return the request of a record, which the oldest ones lack."""
    found: Record = record["result"].get("request") or {}
    return found


def threshold_of(record: Record) -> str:
    """Return the threshold that an input must meet, or an empty text."""
    result = record["result"]
    if record["command"] == "certify-hard":
        way = "removing" if result["direction"] == "decremental" else "adding"
        threshold = result["threshold"]
        return "" if threshold is None else f"a proved radius of at least {threshold} for {way} features"
    if record["command"] != "certify-soft" or result["rates"][0]["threshold"] is None:
        return ""
    rate = f"a rate of at least {threshold_shown(result['rates'][0]['threshold'])}"
    if result["largest_radius"] is not None:
        return f"{rate} at the smallest radius or beyond"
    return f"{rate} at radius {ranges([one['radius'] for one in result['rates']])}"


def _of_request(records: Sequence[Record]) -> list[tuple[str, str]]:
    def of(name: str) -> Callable[[Record], Any]:
        return lambda one: request_of(one).get(name)

    return [
        ("radius", _values(records, of("radius"))),
        ("threshold", _values(records, threshold_of)),
        ("delta of a certificate", _values(records, lambda one: one["result"].get("delta"))),
        ("certificates to choose from", _values(records, lambda one: _several(request_of(one).get("family")))),
        ("samples for each radius", _values(records, of("n_samples"))),
        ("error of the rate", _values(records, of("epsilon"))),
        ("formulation", _values(records, lambda one: one["result"].get("formulation"))),
        ("bounds", _values(records, lambda one: one["result"].get("interval"))),
        ("noise", _values(records, lambda one: one["result"].get("noise"))),
        ("lambda", _values(records, _lambda)),
        ("noise masks", _values(records, lambda one: one["result"].get("draws"))),
    ]


def _of_curve(result: Record) -> list[tuple[str, str]]:
    radii = [str(one["radius"]) for one in result["lambdas"][0]["rates"]]
    thresholds = [
        f"{name} {threshold_shown(result[key]['threshold'])}"
        for name, key in (("accuracy", "min_accuracy"), ("mean rate", "min_rate"))
        if result.get(key)
    ]
    return [
        ("lambdas", ", ".join(one["fraction"] for one in result["lambdas"])),
        ("noise", f"{result['noise']}, {result['draws']} frozen noise masks"),
        ("radius", ", ".join(radii)),
        ("additions tested for each radius", str(result["n_samples"])),
        ("threshold", ", ".join(thresholds)),
        ("delta of an interval", str(result["delta"])),
    ]


def _lambda(record: Record) -> str | None:
    result = record["result"]
    if record["command"] == "certify-hard":
        return str(result["lambda"])
    smoothing = result.get("smoothing")
    return f"{lambda_shown(smoothing['lambda'])}, {smoothing['draws']} frozen masks" if smoothing else None


def _question(record: Record) -> str | None:
    found = record["model"].get("question")
    return None if found is None else " / ".join(found["answers"])


def _seed(record: Record) -> str:
    run = record["run"]
    return seed_shown(run["seed"], default=run["default_seed"]).removeprefix("seed ")


def _several(number: int | None) -> int | None:
    return None if number == 1 else number


def _method(record: Record) -> str:
    return str(record["explanation"]["method"])


def _kept(records: Sequence[Record]) -> str:
    kept, features = ([one["explanation"][name] for one in records] for name in ("k", "n"))
    return f"{_range(kept)} of {_range(features)}"


def _range(numbers: Sequence[int]) -> str:
    return str(min(numbers)) if min(numbers) == max(numbers) else f"{min(numbers)} to {max(numbers)}"


def _versions(record: Record) -> str:
    return ", ".join(f"{name} {version}" for name, version in record["run"]["versions"].items() if version)


def _inputs_hash(records: Sequence[Record]) -> str:
    hashes = sorted({one["input"]["sha256"] for one in records})
    return hashlib.sha256("".join(f"{one}\n" for one in hashes).encode()).hexdigest()


def _values(records: Sequence[Record], value: Callable[[Record], Any]) -> str:
    """Return the value that the records share, or the most frequent values with their numbers of inputs."""
    counts = Counter(str(found) for one in records if (found := value(one)) not in (None, ""))
    if len(counts) == 1 and counts.total() == len(records):
        return next(iter(counts))
    shown = [f"{found} ({number} of {len(records)})" for found, number in counts.most_common(_MOST_VALUES)]
    more = len(counts) - len(shown)
    return "; ".join([*shown, *([f"{more} others"] if more > 0 else [])])
