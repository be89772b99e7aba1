"""Adaptation: a classifier is trained on masked inputs to stay the same classifier."""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from stabcert.adapt.checkpoint import Best, read_state, write_state
from stabcert.adapt.examples import Example, Split, check_labels, data_sha256, split
from stabcert.adapt.held_out import HeldOut
from stabcert.adapt.history import Adapted, Epoch, Progress, Quality
from stabcert.adapt.inputs import inputs_of
from stabcert.adapt.points import best_point
from stabcert.adapt.settings import AdaptSettings
from stabcert.adapt.training import ORDER, WEIGHTS, Training
from stabcert.adapt.weights import TrainedWeights, Values, set_between
from stabcert.core.streams import ADAPT_STREAM, part_of
from stabcert.errors import ParameterError
from stabcert.models.failures import failing
from stabcert.models.hub import LoadedModel
from stabcert.models.networks import is_convolutional

_ROUNDING = 1e-9


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
    truncate: bool = False,
) -> Adapted:
    """Return a classifier that was trained through the masked function that is certified; ``model`` does not change.

    The original model's prediction on the full input is the target for masked inputs and, so that it stays the same
    classifier, for full ones. After each epoch the candidates are the trained weights and points between them and the
    original ones; see `stabcert.adapt.points.best_point` for those that are measured. Of those that lose at most
    ``clean_loss`` on the held-out inputs, the one with the best masked agreement is kept; the original model is always
    one of them.

    The same model, inputs, settings, machine and versions give the same weights, interrupted and resumed or not.

    Args:
        model: loaded in float32.
        examples: inputs of the model's kind, all or none with labels.
        settings: the recipe.
        features: kind of the features; None: the model's default.
        baseline: replacement of a dropped feature; None: the model's default.
        on_progress: called after each step.
        stop: called before each step and each candidate. Where it returns True, the best candidate so far is returned.
        checkpoint: file to which the state is written after each epoch; nothing else is written.
        resume: continue from ``checkpoint`` where it exists.
        truncate: cut texts that are too long for the model, which are refused otherwise.

    Raises:
        InputError: too few inputs, labels that do not fit, inputs of the other kind, a text that is too long, or a
            checkpoint that cannot be read.
        ParameterError: the model is not in float32, or does not have these features or this baseline; or the checkpoint
            belongs to another adaptation.
        ModelError: the network cannot be trained, or one input does not fit into memory.
    """
    if model.dtype != torch.float32:
        name = str(model.dtype).removeprefix("torch.")
        raise ParameterError(f"dtype must be float32 to adapt a model, got {name}. Use dtype='float32'", "dtype")
    if model.outputs is not None:
        raise ParameterError(
            f"model must predict one of several classes to be adapted, got {model.id}, whose outputs are labels that "
            "are on or off, or numbers. Give another model"
        )
    if model.question is not None or model.settings:
        raise ParameterError(
            f"model must have classes of its own to be adapted, got {model.id} with a question, a prompt or given "
            "classes. Give another model"
        )
    check_labels(examples, model.class_names, label_weight=settings.label_weight)
    settings = settings.settled(model.kind, convolutional=is_convolutional(model.network.module))
    parts = split(examples, held_out=settings.held_out, seed=settings.seed)
    with torch.inference_mode(False), torch.enable_grad(), one_result(model.device):
        return _Adaptation(model, parts, settings, features, baseline, on_progress, checkpoint, truncate=truncate).run(
            stop, resume
        )


class _Adaptation:
    """The loop over epochs; see `adapt`."""

    def __init__(
        self,
        model: LoadedModel,
        parts: Split,
        settings: AdaptSettings,
        features: str | None,
        baseline: str | None,
        on_progress: Callable[[Progress], None] | None,
        checkpoint: Path | None,
        *,
        truncate: bool,
    ) -> None:
        self._parts, self._settings, self._checkpoint = parts, settings, checkpoint
        self._on_progress = on_progress
        self._teacher = model.network.module
        with failing(type(self._teacher).__name__):
            student = copy.deepcopy(self._teacher)
            self._candidate = copy.deepcopy(self._teacher)
        inputs = inputs_of(model, features, baseline, settings.further_features, truncate=truncate)
        checked = inputs.check(model, (*parts.training, *parts.held_out))
        self._steps = math.ceil(len(parts.training) / settings.batch_size)
        first = torch.Generator().manual_seed(int(part_of([settings.seed, ADAPT_STREAM], WEIGHTS).integers(2**62)))
        self._training = Training(
            inputs,
            student,
            self._teacher,
            TrainedWeights(student, settings, n_classes=len(model.class_names), generator=first),
            settings,
            steps=settings.epochs * self._steps,
            micro_batch=_micro_batch(inputs.rows_at_once(parts.training), settings),
            device=model.device,
            autocast=torch.bfloat16 if model.device.type == "cuda" else None,
        )
        self._held_out = HeldOut(
            inputs,
            parts.held_out,
            self._teacher,
            seed=settings.seed,
            labelled=parts.labelled,
            device=model.device,
        )
        self._cut = checked.cut
        self._used = {**settings.plain(), "features": checked.features.kind, **checked.masking}
        if truncate:
            self._used["truncate"] = True
        self._data = data_sha256([*parts.training, *parts.held_out])
        self._task = {
            **self._used,
            "inputs": self._data,
            "weights of the model": model.sha256 or model.id,
            "configuration of the model": model.config_sha256 or model.id,
            "device": model.device.type,
            "torch": str(torch.__version__),
        }
        self._history: list[Epoch] = []
        self._best = Best(0, 0.0, {})

    def run(self, stop: Callable[[], bool], resume: bool) -> Adapted:
        if resume and self._checkpoint is not None and self._checkpoint.is_file():
            self._history, self._best = read_state(self._checkpoint, self._task, self._training)
        else:
            original = self._held_out.masked(self._teacher, self._held_out.clean(self._teacher))
            self._history = [Epoch(0, None, 0.0, original, original)]
        for epoch in range(len(self._history), self._settings.epochs + 1):
            loss = self._train(epoch, stop)
            if loss is None:
                return self._result(interrupted=True)
            row, complete = self._measure(epoch, loss, stop)
            self._history.append(row)
            if not complete:  # a checkpoint would continue with other candidates than an uninterrupted run
                return self._result(interrupted=True)
            if self._checkpoint is not None:
                write_state(self._checkpoint, self._task, self._training, self._history, self._best)
            self._report("held-out", epoch, self._steps, loss)
        return self._result(interrupted=False)

    def _train(self, epoch: int, stop: Callable[[], bool]) -> float | None:
        """Return the mean loss of one epoch of training, or None if it was stopped."""
        examples, size = self._parts.training, self._settings.batch_size
        order = part_of([self._settings.seed, ADAPT_STREAM], ORDER, epoch).permutation(len(examples))
        total, seen = 0.0, 0
        for step in range(self._steps):
            if stop():
                return None
            batch = [(int(place), examples[place]) for place in order[step * size : (step + 1) * size]]
            total += self._training.step(batch, epoch) * len(batch)
            seen += len(batch)
            self._report("training", epoch, step + 1, total / seen)
        return total / seen

    def _measure(self, epoch: int, loss: float, stop: Callable[[], bool]) -> tuple[Epoch, bool]:
        """Measure points between the original weights and those of this epoch, and keep the best of all epochs.

        Return the row of the history, and whether all points were measured that had to be.
        """
        trained = self._training.weights.merged(self._training.values())
        original = self._history[0].quality
        found = best_point(
            self._settings.interpolations,
            _Points(self._candidate, self._teacher, trained, self._held_out),
            original,
            least_clean=original.clean - self._settings.clean_loss - _ROUNDING,
            thorough=epoch == self._settings.epochs,
            stop=stop,
        )
        if found.point > 0 and found.quality.masked > self._history[self._best.epoch].quality.masked:
            self._best = Best(epoch, found.point, {key: value.clone() for key, value in trained.items()})
        return Epoch(epoch, loss, found.point, found.quality, found.trained), found.complete

    def _report(self, phase: Any, epoch: int, step: int, loss: float) -> None:
        if self._on_progress is not None:
            last = self._history[-1]
            self._on_progress(Progress(phase, epoch, self._settings.epochs, step, self._steps, loss, last))

    def _result(self, *, interrupted: bool) -> Adapted:
        best = self._best
        set_between(self._candidate, self._teacher, best.trained, best.interpolation)
        return Adapted(
            module=self._candidate.requires_grad_(False).eval(),
            history=tuple(self._history),
            epoch=best.epoch,
            interpolation=best.interpolation,
            reason=self._reason(),
            training_ids=tuple(example.id for example in self._parts.training),
            held_out_ids=tuple(example.id for example in self._parts.held_out),
            interrupted=interrupted,
            settings=self._used,
            data_sha256=self._data,
            micro_batch=self._training.memory.size,
            cut=self._cut,
        )

    def _reason(self) -> str:
        what = "accuracy" if self._parts.labelled else "agreement"
        bound = (
            f"lose at most {self._settings.clean_loss:g} of clean {what} on {len(self._parts.held_out)} held-out inputs"
        )
        if self._best.epoch == 0:
            return f"the original model, because no candidate of those that {bound} predicts masked inputs better"
        epoch, point = self._best.epoch, self._best.interpolation
        weights = "" if point == 1 else f" at {point:g} of the way from the original weights"
        return f"epoch {epoch}{weights}: the best masked agreement of the candidates that {bound}"


@dataclass(frozen=True)
class _Points:
    """Networks between two, measured on held-out inputs; a `stabcert.adapt.points.Measure`."""

    candidate: torch.nn.Module
    original: torch.nn.Module
    trained: Values
    held_out: HeldOut

    def clean(self, point: float) -> Quality:
        set_between(self.candidate, self.original, self.trained, point)
        return self.held_out.clean(self.candidate)

    def masked(self, point: float, clean: Quality) -> Quality:
        set_between(self.candidate, self.original, self.trained, point)
        return self.held_out.masked(self.candidate, clean)


def _micro_batch(rows: int | None, settings: AdaptSettings) -> int:
    if rows is None:
        return settings.batch_size
    return min(settings.batch_size, max(1, rows // (settings.copies + 1)))


@contextmanager
def one_result(device: torch.device) -> Iterator[None]:
    """Let CUDA compute the same result each time, where it can; settings of the process are put back."""
    if device.type != "cuda":
        yield
        return
    strict = torch.are_deterministic_algorithms_enabled()
    warned = torch.is_deterministic_algorithms_warn_only_enabled()
    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")  # of operations that do not have such a form
        stack.enter_context(torch.backends.cudnn.flags(benchmark=False, deterministic=True))
        stack.enter_context(sdpa_kernel(SDPBackend.MATH))  # gradients of the others depend on the order of sums
        stack.callback(torch.use_deterministic_algorithms, strict, warn_only=warned)
        torch.use_deterministic_algorithms(True, warn_only=True)
        yield
