"""One input, from opening its model to the report; the same in this process and in a worker."""

from __future__ import annotations

import hashlib
import platform
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import metadata
from typing import TYPE_CHECKING, Any

from stabcert import __version__
from stabcert.cli.exhibits import canvas_of, explanation_of, flips_of
from stabcert.cli.explanation import Choice, by_file, by_method
from stabcert.cli.inputs import Label
from stabcert.cli.library_noise import library_noise
from stabcert.cli.options import DEFAULT_SEED, Call
from stabcert.cli.spelling import Flags, spell, typed
from stabcert.cli.tasks import Task
from stabcert.core.mask_flags import Allowed, MaskFlags, refusal
from stabcert.core.soft.certificate import SoftCertificate
from stabcert.core.streams import Draws, model_digest
from stabcert.errors import InputError, ModelError, StabcertError
from stabcert.report.canvas import Exhibit
from stabcert.report.hard.finding import HardFinding
from stabcert.report.record import Explanation, InputInfo, ModelInfo, Report, RunInfo, Status
from stabcert.report.spectrum.record import SpectrumFinding
from stabcert.report.wording import tie_note
from stabcert.sweep.key import record_key

if TYPE_CHECKING:
    from stabcert.core.types import MaskedPredictor
    from stabcert.models.base import ModelPredictor
    from stabcert.models.batches import BatchSize
    from stabcert.models.hub import LoadedModel

Say = Callable[[str], None]


@dataclass(frozen=True)
class Case:
    """One input in front of one model, with its mask: what a command works on."""

    predictor: ModelPredictor
    choice: Choice
    class_names: tuple[str, ...]
    draws: Draws
    """What its random numbers are derived from."""
    say: Say
    """Tells the user something before the result is there."""
    label: Label | None = None


@dataclass(frozen=True)
class Outcome:
    """What a command found; the session makes the report of it."""

    status: Status
    result: dict[str, Any]
    function: MaskedPredictor | None = None
    """The function that was certified, if it is not the model itself."""
    certificate: SoftCertificate | HardFinding | SpectrumFinding | None = None
    interrupted: bool = False
    flags: MaskFlags | None = None
    """Of the function that was certified, where it is not the one whose predictions are shown."""
    allowed: Allowed = field(default_factory=Allowed)
    """What is certified all the same."""

    def status_of(self, explanation: Explanation) -> Status:
        """The status of the report: a threshold is met by a mask that explains the prediction, or not at all."""
        if self.status != "certified":
            return self.status
        flags = [explanation.flags, *([] if self.flags is None else [self.flags])]
        return refusal(flags, self.allowed) or self.status


@dataclass(frozen=True)
class Result:
    """What became of one input: an exhibit, an error, or neither if its record is there already."""

    key: str
    exhibit: Exhibit | None = None
    error: StabcertError | None = None
    interrupted: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Runner:
    """What a session does with each input; picklable as long as it has loaded nothing.

    Args:
        work: what the command does with a case.
        choose: makes the mask of an input; None for `by_method`.
        pictures: whether anything is drawn beyond the screen.
        finished: keys of records that need not be made again.
        models: those that are loaded, by name and revision, and those that cannot be, so that each is tried once.
    """

    call: Call
    batch_size: BatchSize
    work: Callable[[Case], Outcome]
    choose: Callable[[ModelPredictor, Draws], Choice] | None
    pictures: bool
    finished: Collection[str]
    models: dict[tuple[str, str | None], LoadedModel | ModelError]
    flags: Flags
    """The option of each parameter, for notes and errors about one input."""

    def collect(self, task: Task) -> Result:
        """`run` where nobody listens: notes come with the result."""
        notes: list[str] = []
        with library_noise(self.call.running.verbose):
            result = self.run(task, notes.append)
        return replace(result, notes=tuple(notes))

    def run(self, task: Task, say: Say, on_progress: Callable[[int], None] | None = None) -> Result:
        """The report on one input, or why there is none; notes and errors name options."""
        flags = self.flags
        result = self._result(task, lambda note: say(typed(note, flags)), on_progress)
        if result.error is not None:
            spell(result.error, flags)
        return result

    def _result(self, task: Task, say: Say, on_progress: Callable[[int], None] | None) -> Result:
        try:
            if task.problem is not None:
                raise task.problem
            # Read once: what is hashed is what is classified, whatever happens to the file meanwhile.
            data = task.item.read()
            sha256 = hashlib.sha256(data).hexdigest()
            model = self._open(task, say)
            key = record_key(
                task.request,
                input_sha256=sha256,
                model_revision=model.revision,
                model_sha256=model.sha256,
                model_config_sha256=model.config_sha256,
            )
            if key in self.finished:
                return Result(key)
            return self._run(task, key, data, sha256, model, say, on_progress)
        except StabcertError as error:
            return Result(task.request, error=error)
        except (MemoryError, RuntimeError) as error:
            from stabcert.models.memory import is_out_of_memory

            if not is_out_of_memory(error):
                raise
            advice = "use a smaller --batch-size, coarser --features, or a smaller model"
            return Result(task.request, error=ModelError(f"out of memory at {task.item.title}; {advice}"))

    def _run(
        self,
        task: Task,
        key: str,
        data: bytes,
        sha256: str,
        model: LoadedModel,
        say: Say,
        on_progress: Callable[[int], None] | None,
    ) -> Result:
        start = time.perf_counter()
        predictor, size = self._predictor(task, data, model, say)
        predictor.on_progress = on_progress
        for note in predictor.masked_input.notes:
            say(f"{task.item.id}: {note}")
        digest = model_digest(model.sha256, model.config_sha256, model.id)
        draws = Draws(self.call.running.seed, sha256, digest, task.copy)
        choice = self._choose(task, predictor, draws, model)
        for note in (note for attribution in choice.attributions for note in attribution.notes):
            say(f"{task.item.id}: {note}")
        outcome = self.work(Case(predictor, choice, model.class_names, draws, say, task.item.label))
        function = outcome.function or predictor
        explanation = explanation_of(predictor, function, choice)
        tied = tie_note(explanation)
        if tied is not None and self.call.output.json:  # elsewhere it stands with the result
            say(f"{task.item.title}: {tied}")
        flips = flips_of(function, outcome.certificate, choice, model.class_names) if self.pictures else ()
        report = Report(
            command=self.call.command,
            status=outcome.status_of(explanation),
            input=InputInfo(
                id=task.item.id,
                kind=task.item.kind,
                sha256=sha256,
                path=None if task.item.path is None else str(task.item.path),
                text=task.item.text,
                size=size,
                truncated=bool(explanation.masking.get("truncated", False)),
            ),
            model=ModelInfo(
                model.id, model.revision, model.sha256, model.class_names, config_sha256=model.config_sha256
            ),
            explanation=explanation,
            result=outcome.result,
            run=RunInfo(
                seed=self.call.running.seed,
                default_seed=self.call.running.seed == DEFAULT_SEED,
                device=str(model.device),
                dtype=str(model.dtype).removeprefix("torch."),
                batch_size=predictor.batches.largest,
                evaluations=predictor.evaluations,
                rechecked=predictor.rechecked,
                drift=predictor.drift,
                seconds=time.perf_counter() - start,
                versions=dict(versions()),
            ),
            certificate=outcome.certificate,
            key=key,
        )
        return Result(key, Exhibit(report, canvas_of(predictor), flips), interrupted=outcome.interrupted)

    def _open(self, task: Task, say: Say) -> LoadedModel:
        """The model for this input; loaded once."""
        kind, name, revision = task.item.kind, task.model, task.revision
        if (name, revision) not in self.models:
            if task.recorded is None and self.call.model.model is None:
                say(f"no --model given: using the built-in {name}")
            from stabcert.models.hub import load_model
            from stabcert.models.memory import keep_freed_memory

            keep_freed_memory()
            options = self.call.model
            try:
                loaded = load_model(
                    name,
                    revision=revision,
                    trust_remote_code=options.trust_remote_code,
                    allow_pickle=options.allow_pickle,
                    allow_random_head=options.allow_random_head,
                    offline=options.offline,
                    device=options.device,
                    dtype=options.dtype.value,
                    compile=options.compile,
                )
            except ModelError as error:
                self.models[name, revision] = error
                raise
            for note in loaded.notes:
                say(note)
            self.models[name, revision] = loaded
        model = self.models[name, revision]
        if isinstance(model, ModelError):
            raise model
        if model.kind != kind:
            raise InputError(
                f"{task.item.title} is {_article(kind)}, but {name} classifies {model.kind}s; use --model demo:{kind}"
            )
        return model

    def _predictor(
        self, task: Task, data: bytes, model: LoadedModel, say: Say
    ) -> tuple[ModelPredictor, tuple[int, int] | None]:
        asked = self.call.inputs
        features, baseline, truncate = asked.features, asked.baseline, asked.truncate
        if task.recorded:
            masking = task.recorded.masking
            features, baseline, truncate = masking["features"], masking["baseline"], task.recorded.truncated
        options = {"features": features, "baseline": baseline, "truncate": truncate, "batch_size": self.batch_size}
        if task.item.text is not None:
            return model.predictor(task.item.text, **options), None  # type: ignore[arg-type]
        from stabcert.models.decode import decode_image

        decoded = decode_image(data, name="standard input" if task.item.path is None else str(task.item.path))
        for note in decoded.notes:
            say(f"{task.item.title}: {note}")
        return model.predictor(decoded, **options), decoded.size  # type: ignore[arg-type]

    def _choose(self, task: Task, predictor: ModelPredictor, draws: Draws, model: LoadedModel) -> Choice:
        if task.recorded:
            return task.recorded.choice(
                predictor, input_sha256=draws.input_sha256, model_sha256=model.sha256, config_sha256=model.config_sha256
            )
        if self.call.masks.mask_file is not None:
            return by_file(self.call.masks.mask_file, predictor.n_features)
        if self.choose is not None:
            return self.choose(predictor, draws)
        return by_method(predictor, self.call.explanation, seed=self.call.running.seed)


def _article(kind: str) -> str:
    return "an image" if kind == "image" else "a text"


@cache  # half of the time of a cheap input otherwise
def versions() -> dict[str, str]:
    found = {"stabcert": __version__, "python": platform.python_version()}
    return found | {name: metadata.version(name) for name in ("torch", "transformers", "timm", "numpy", "scipy")}
