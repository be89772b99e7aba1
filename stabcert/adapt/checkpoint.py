"""The state of an adaptation in a file, from which it continues as if it had not been interrupted."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from stabcert.adapt.history import Epoch, Quality
from stabcert.adapt.training import Training
from stabcert.adapt.weights import Values
from stabcert.errors import InputError, ParameterError
from stabcert.models.failures import reason

HASHED = ("inputs", "weights of the model", "configuration of the model")
"""Parts of a task that are hashes, of which a user knows nothing."""


@dataclass
class Best:
    """The best candidate so far."""

    epoch: int
    interpolation: float
    trained: Values
    """The parameters of the network at point 1 of that epoch; empty for the original model."""


def write_state(path: Path, task: Mapping[str, Any], training: Training, history: list[Epoch], best: Best) -> None:
    """Write the state after an epoch; the file is complete or the former one.

    Args:
        path: file to write.
        task: everything that decides the result, as plain values.
        training: state of the training.
        history: rows so far.
        best: best candidate so far.
    """
    state = {
        "task": dict(task),
        "weights": training.weights.values(),
        "average": training.average,
        "optimizer": training.optimizer.state_dict(),
        "done": training.done,
        "micro_batch": training.memory.size,
        "history": [dataclasses.asdict(row) for row in history],
        "best": {"epoch": best.epoch, "interpolation": best.interpolation, "trained": best.trained},
    }
    temporary = path.with_name(f"{path.name}.part")
    torch.save(state, temporary)
    os.replace(temporary, path)


def read_state(path: Path, task: Mapping[str, Any], training: Training) -> tuple[list[Epoch], Best]:
    """Put a training into the state of a file; return its history and best candidate.

    Raises:
        InputError: the file cannot be read.
        ParameterError: it belongs to an adaptation with other settings, inputs or another model.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        known = dict(state["task"])
    except Exception as error:  # torch raises whatever it likes for a file of another kind
        raise InputError(
            f"{path} is not a checkpoint of an adaptation ({reason(error)}). Remove it to start from the beginning"
        ) from error
    found = (_difference(name, known.get(name), task.get(name)) for name in {**known, **task})
    different = [one for one in found if one is not None]
    if different:
        raise ParameterError(
            f"{path} belongs to another adaptation: {'; '.join(different)}. "
            "Use the same model, inputs and settings, or remove it to start from the beginning"
        )
    training.weights.load(state["weights"])
    for key, value in training.average.items():
        value.copy_(state["average"][key])
    training.optimizer.load_state_dict(state["optimizer"])
    training.done = state["done"]
    training.memory.size = state["micro_batch"]
    best = state["best"]
    trained = {key: value.to(training.device) for key, value in best["trained"].items()}
    return [_epoch(row) for row in state["history"]], Best(best["epoch"], best["interpolation"], trained)


def _difference(name: str, before: Any, now: Any) -> str | None:
    """Return how a part of the task differs, None if it does not; of what has a hash only that it does."""
    if before == now:
        return None
    if name in HASHED:
        return f"the {name} {'is another' if name.startswith('configuration') else 'are others'}"
    return f"{name} was {_shown(before)} and is {_shown(now)}"


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value)) or "none"
    return "the default" if value is None else str(value)


def _epoch(row: dict[str, Any]) -> Epoch:
    return Epoch(**{**row, "quality": _quality(row["quality"]), "trained": _quality(row["trained"])})


def _quality(row: dict[str, Any]) -> Quality:
    shares = row["masked_agreement"]
    return Quality(row["clean_agreement"], row["clean_accuracy"], None if shares is None else tuple(shares))
