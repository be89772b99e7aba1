"""The statement of a certificate, apart from its model and its mask, and the circumstances that may move its result."""

from __future__ import annotations

import json
from typing import Any

_OF_THE_MODEL = ("input_size", "removal")
"""Settings of masking that follow from the model: the size of its images, and how its tokens are removed."""
_SOFT = ("formulation", "delta", "interval", "sides", "simultaneous")
_REQUEST = {"family": 1, "allow_inconsistent": None, "allow_vacuous": None, "choice": None}
"""Parts of both requests, with the value of records from before them."""
_HARD = ("noise", "quantization", "scores", "direction", "delta")
_EFFORT = ("epsilon", "n_samples", "max_samples", "refine", "enumerate", "attack", "stream_rule")
PER_INPUT = ("n", "k")
"""Parts of a statement that may differ between the inputs of one run."""

Settings = dict[str, Any]


def statement_of(record: dict[str, Any]) -> Settings:
    """Return everything that two records must have in common so that their certificates can be compared.

    Args:
        record: a record of certify-soft or certify-hard that is valid against the schema, with a result.
    """
    explanation, result, question = record["explanation"], record["result"], record["model"].get("question")
    masking = {
        name: value for name, value in explanation["masking"].items() if name not in (*_OF_THE_MODEL, "truncated")
    }
    found: Settings = {"n": explanation["n"], "k": explanation["k"], **_soft_or_hard(record["command"], result)}
    found |= {f"masking.{name}": value for name, value in masking.items()}
    found["truncated"] = record["input"]["truncated"]
    if question is not None:
        # The reference is measured for each model, and the output may have another number.
        asked = {
            name: question[name]
            for name in ("kind", "name", "threshold", "tolerance", "reference_of")
            if name in question
        }
        found |= {f"question.{name}": value for name, value in asked.items()}
    return found


def circumstances_of(record: dict[str, Any]) -> Settings:
    """Return what is not part of the statement but may move the result: attribution, effort, draws, arithmetic."""
    explanation, run = record["explanation"], record["run"]
    request = record["result"].get("request") or {}
    found = {"method": explanation["method"]}
    found |= {f"{explanation['method']}.{name}": value for name, value in explanation["settings"].items()}
    found |= {name: explanation["masking"][name] for name in _OF_THE_MODEL if name in explanation["masking"]}
    found |= {name: request[name] for name in _EFFORT if name in request}
    return found | {"seed": run["seed"], "dtype": run["dtype"], "stabcert": run["versions"].get("stabcert")}


def differences(old: Settings, new: Settings) -> list[tuple[str, Any, Any]]:
    """Return the name and both values of every setting that differs, in the order of the settings."""
    names = [*old, *(name for name in new if name not in old)]
    pairs = [(name, old.get(name), new.get(name)) for name in names]
    return [(name, one, other) for name, one, other in pairs if canonical(one) != canonical(other)]


def canonical(value: Any) -> str:
    """Return a text that is equal for equal values, where True is not 1."""
    return json.dumps(value, sort_keys=True)


def _soft_or_hard(command: str, result: dict[str, Any]) -> Settings:
    request = result.get("request") or {}
    if command == "certify-soft":
        thresholds = sorted({rate["threshold"] for rate in result["rates"] if rate["threshold"] is not None})
        smoothing = result["smoothing"]
        found: Settings = {"radius": [rate["radius"] for rate in result["rates"]], "rate": thresholds}
        # With the largest radius requested the tested radii depend on the result.
        if request.get("largest_radius"):
            found["radius"] = request["radius"]
        found |= {name: result[name] for name in _SOFT}
        # A choice of lambda is part of the request; which one was chosen is a result.
        chosen = request.get("choice") is not None
        found["lambda"] = None if chosen or smoothing is None else smoothing["lambda"]
        found["draws"] = None if chosen or smoothing is None else smoothing["draws"]
        found["largest_radius"] = bool(request.get("largest_radius"))
        return found | {name: request.get(name, missing) for name, missing in _REQUEST.items()}
    several = bool(request.get("sweep")) or request.get("choice") is not None
    stated: Settings = {"radius": result["threshold"], "lambda": None if several else result["lambda"]}
    stated |= {name: result[name] for name in _HARD}
    stated["sweep"] = bool(request.get("sweep"))
    return stated | {name: request.get(name, missing) for name, missing in _REQUEST.items()}
