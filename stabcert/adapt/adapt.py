"""Adaptation: fine-tune a classifier on masked inputs, as the same classifier."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from stabcert.adapt.examples import Example
from stabcert.adapt.history import Adapted, Progress
from stabcert.adapt.settings import AdaptSettings
from stabcert.models.hub import LoadedModel


def adapt(
    model: LoadedModel,
    examples: Sequence[Example],
    settings: AdaptSettings,
    *,
    features: str | None = None,
    baseline: str | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
    checkpoint: Path | None = None,
    resume: bool = False,
) -> Adapted:
    """Train a classifier through the masked function that is certified; ``model`` itself does not change.

    The original model's prediction on the full input is the target for masked inputs and, so that it stays the same
    classifier, for full ones. After each epoch the candidates are the trained weights and points between them and the
    original ones. Of those that lose at most ``clean_loss`` on the held-out inputs, the one with the best masked
    agreement is kept; the original model is always one of them.

    The same model, inputs, settings, machine and versions give the same weights, interrupted and resumed or not.

    Args:
        model: loaded in float32.
        examples: inputs of the model's kind, all or none with labels.
        settings: the recipe.
        features: kind of the features; None: the model's default.
        baseline: replacement of a dropped feature; None: the model's default.
        on_progress: called after each step.
        stop: called before each step. Where it returns True, the best candidate so far is returned.
        checkpoint: file to which the state is written after each epoch; nothing else is written.
        resume: continue from ``checkpoint`` where it exists.

    Raises:
        InputError: too few inputs, labels that do not fit, inputs of the other kind, or a checkpoint of another
            adaptation.
        ParameterError: the model is not in float32, or does not have these features or this baseline.
        ModelError: the network cannot be trained, or one input does not fit into memory.
    """
    raise NotImplementedError
