"""The steps from a task to a case: bytes, model, predictor and mask, from options or from a record."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from stabcert.cli.call import Call
from stabcert.cli.choices import Dtype
from stabcert.cli.explanation import Choice, by_file, by_method
from stabcert.cli.inputs import Label
from stabcert.cli.loading import load, wording_of
from stabcert.cli.pairs import explained_side, side_of
from stabcert.cli.questions import asked, reading_of, settled
from stabcert.cli.tasks import Task
from stabcert.core.streams import Draws, model_digest
from stabcert.errors import ModelError
from stabcert.models.names import check_recorded_code
from stabcert.models.wording import Wording
from stabcert.sweep.key import record_key

if TYPE_CHECKING:
    from stabcert.models.base import ModelPredictor
    from stabcert.models.batches import BatchSize
    from stabcert.models.hub import LoadedModel

Say = Callable[[str], None]
Choose = Callable[["ModelPredictor", Draws], Choice | None]


@dataclass(frozen=True)
class Source:
    """An input and its model before any computation. Both together determine the key of the record."""

    task: Task
    data: bytes
    """The bytes of the input. They are read once, so that the hash and the prediction are of the same bytes."""
    sha256: str
    model: LoadedModel
    key: str


@dataclass(frozen=True)
class Case:
    """One input, one model and one mask, as a command needs them."""

    predictor: ModelPredictor
    choice: Choice
    class_names: tuple[str, ...]
    draws: Draws
    """The origin of its random numbers."""
    say: Say
    """The function that shows a note to the user before the result is known."""
    source: Source
    size: tuple[int, int] | None = None
    """The width and height of an image, or None for a text."""
    label: Label | None = None
    started: float = field(default_factory=time.perf_counter)


@dataclass(frozen=True)
class Opening:
    """A loader of inputs and models. It can be pickled as long as no model is loaded.

    Args:
        choose: a function that returns the mask of an input, or None to leave the mask to `by_method`.
        models: loaded models, and errors of models that could not be loaded, by name, revision, data type, and
            classes with prompt. Each model is loaded at most once.
    """

    call: Call
    batch_size: BatchSize
    choose: Choose | None = None
    models: dict[tuple[str, str | None, str, Wording], LoadedModel | ModelError] = field(default_factory=dict)

    def of_request(self, request: dict[str, Any]) -> Opening:
        """Return an opening with the seed and the data type of a recorded request. Both share the loaded models."""
        model = replace(self.call.model, dtype=Dtype(request["dtype"]))
        running = replace(self.call.running, seed=request["seed"])
        return replace(self, call=replace(self.call, model=model, running=running))

    def find(self, task: Task, say: Say) -> Source:
        """Return the input of a task with its model, which is loaded if necessary.

        Raises:
            StabcertError: the input or the model cannot be used.
        """
        if task.problem is not None:
            raise task.problem
        data = task.item.read()
        sha256 = hashlib.sha256(data).hexdigest()
        model = self._model(task, say)
        key = record_key(
            task.request,
            input_sha256=sha256,
            model_revision=model.revision,
            model_sha256=model.sha256,
            model_config_sha256=model.config_sha256,
        )
        return Source(task, data, sha256, model, key)

    def open(self, source: Source, say: Say, on_progress: Callable[[int], None] | None) -> Case:
        """Return the case of an input, which is divided into features and has a mask.

        Raises:
            StabcertError: the input cannot be divided into these features, or the mask does not fit them.
        """
        started = time.perf_counter()
        task, model = source.task, source.model
        predictor, size = self._predictor(source, say)
        predictor.on_progress = on_progress
        for note in predictor.masked_input.notes:
            say(f"{task.item.id}: {note}")
        settings = {**model.settings, **explained_side(predictor.masked_input.settings)}
        if model.question is not None:
            settings["question"] = model.question.of_draws()
        digest = model_digest(model.sha256, model.config_sha256, model.id, settings)
        draws = Draws(self.call.running.seed, source.sha256, digest, task.copy)
        choice = self._choice(source, predictor, draws)
        for note in (note for attribution in choice.attributions for note in attribution.notes):
            say(f"{task.item.id}: {note}")
        predictor = settled(predictor, choice.mask, self.call.command, task.recorded)
        return Case(predictor, choice, predictor.class_names, draws, say, source, size, task.item.label, started)

    def _model(self, task: Task, say: Say) -> LoadedModel:
        """Return the model of a task. It is loaded at most once."""
        name, options = task.model, self.call.model
        wording = wording_of(options) if task.recorded is None else task.recorded.wording
        place = (name, task.revision, options.dtype.value, wording)
        if task.recorded is not None:
            check_recorded_code(name, allowed=options.trust_remote_code)
        if place not in self.models:
            if task.recorded is None and options.model is None:
                say(f"no --model given: using the built-in {name}")
            try:
                loaded = self.models[place] = load(name, task.revision, options, wording, say)
            except ModelError as error:
                self.models[place] = error
                raise
            note = None if task.recorded else reading_of(loaded, self.call.explanation)
            if note is not None:
                say(note)
        model = self.models[place]
        if isinstance(model, ModelError):
            raise model
        task.item.check_kind(name, model.kind)
        return asked(model, self.call.explanation, task.recorded)

    def _predictor(self, source: Source, say: Say) -> tuple[ModelPredictor, tuple[int, int] | None]:
        task, given = source.task, self.call.inputs
        features, baseline, truncate = given.features, given.baseline, given.truncate
        side = side_of(task.item, given.explain_side)
        if task.recorded:
            masking = task.recorded.masking
            features, baseline, truncate = masking["features"], masking["baseline"], task.recorded.truncated
            side = masking.get("explain_side")
        options = {"features": features, "baseline": baseline, "truncate": truncate, "batch_size": self.batch_size}
        if task.item.text_pair is not None or side is not None:
            options |= {"text_pair": task.item.text_pair, "explain_side": side}
        if task.item.text is not None:
            return source.model.predictor(task.item.text, **options), None  # type: ignore[arg-type]
        from stabcert.models.decode import decode_image

        decoded = decode_image(source.data, name=str(task.item.path or task.item.title))
        for note in decoded.notes:
            say(f"{task.item.title}: {note}")
        return source.model.predictor(decoded, **options), decoded.size  # type: ignore[arg-type]

    def _choice(self, source: Source, predictor: ModelPredictor, draws: Draws) -> Choice:
        recorded, model = source.task.recorded, source.model
        if recorded:
            return recorded.choice(
                predictor, input_sha256=source.sha256, model_sha256=model.sha256, config_sha256=model.config_sha256
            )
        if self.call.masks.mask_file is not None:
            return by_file(self.call.masks.mask_file, predictor.n_features)
        chosen = None if self.choose is None else self.choose(predictor, draws)
        return chosen or by_method(predictor, self.call.explanation, seed=self.call.running.seed)


@contextmanager
def out_of_memory_explained(title: str) -> Iterator[None]:
    """Raise a ModelError with advice if memory runs out.

    Args:
        title: the name of the input in messages.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        from stabcert.models.memory import is_out_of_memory

        if not is_out_of_memory(error):
            raise
        advice = "Use a smaller --batch-size, coarser --features, or a smaller model"
        raise ModelError(f"out of memory at {title}. {advice}") from error
