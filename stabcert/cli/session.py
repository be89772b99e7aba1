"""From options to reports: opens models, walks over the inputs, writes results, decides the exit code."""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stabcert import __version__
from stabcert.cli.exhibits import canvas_of, explanation_of, flips_of
from stabcert.cli.explanation import Choice, by_file, by_method
from stabcert.cli.inputs import Item, collect
from stabcert.cli.memory import keep_freed_memory
from stabcert.cli.noise import library_noise
from stabcert.cli.options import ExplanationOptions, InputOptions, MaskOptions, ModelOptions, OutputOptions
from stabcert.cli.progress import Progress
from stabcert.cli.records import Recorded, read_records
from stabcert.cli.writer import Render, Writer
from stabcert.core.soft_certificate import SoftCertificate
from stabcert.errors import InputError, ParameterError, StabcertError
from stabcert.report.canvas import Exhibit
from stabcert.report.hard_record import HardFinding
from stabcert.report.record import (
    InputInfo,
    ModelInfo,
    Report,
    RunInfo,
    Status,
    failed_record,
)
from stabcert.report.spectrum_record import SpectrumFinding

if TYPE_CHECKING:
    from stabcert.core.types import MaskedPredictor
    from stabcert.models.base import BatchSize, ModelPredictor
    from stabcert.models.hub import LoadedModel

DONE, NOT_MET, WRONG_REQUEST, COULD_NOT_RUN, SOME_FAILED, INTERRUPTED = 0, 1, 2, 3, 4, 130


def exit_code(error: StabcertError) -> int:
    return WRONG_REQUEST if isinstance(error, ParameterError) else COULD_NOT_RUN


@dataclass(frozen=True)
class Case:
    """One input in front of one model, with its mask: what a command works on."""

    predictor: ModelPredictor
    choice: Choice
    class_names: tuple[str, ...]
    input_sha256: str


@dataclass(frozen=True)
class Outcome:
    """What a command found; the session makes the report of it."""

    status: Status
    result: dict[str, Any]
    function: MaskedPredictor | None = None
    """The function that was certified, if it is not the model itself."""
    certificate: SoftCertificate | HardFinding | SpectrumFinding | None = None
    interrupted: bool = False


@dataclass(frozen=True)
class _Task:
    item: Item
    recorded: Recorded | None = None


class Session:
    """One call of a command over all its inputs.

    Args:
        masks: options for masks that do not come from a method; None where there are none.
        save_flips: folder for the additions that change the prediction.
        choose: makes the mask of an input, given its SHA-256; by default `by_method`.
    """

    def __init__(
        self,
        command: str,
        inputs: InputOptions,
        model: ModelOptions,
        explanation: ExplanationOptions,
        output: OutputOptions,
        *,
        masks: MaskOptions | None = None,
        save_flips: Path | None = None,
        choose: Callable[[ModelPredictor, str], Choice] | None = None,
    ) -> None:
        self.command = command
        self.inputs = inputs
        self.model = model
        self.explanation = explanation
        self.output = output
        self.masks = masks or MaskOptions()
        self.save_flips = save_flips
        self.choose = choose
        self._models: dict[tuple[str, str | None], LoadedModel] = {}

    def run(self, work: Callable[[Case], Outcome], render: Render) -> int:
        """Do ``work`` on every input, write each report as soon as it is there, return the exit code."""
        batch_size = _batch_size(self.model.batch_size)
        tasks = self._tasks()
        worst = DONE
        failed = False
        writer = Writer(self.output, self.command, [task.item.id for task in tasks], self.save_flips)
        with library_noise(self.output.verbose), writer:
            for task in tasks:
                try:
                    exhibit, interrupted = self._one(task, work, batch_size, pictures=writer.wants_pictures)
                except StabcertError as error:
                    if not self.output.keep_going:
                        raise
                    failed = True
                    self._say(f"Error: {task.item.id}: {error}")
                    writer.failed(failed_record(self.command, task.item.describe(), exit_code(error), str(error)))
                    continue
                writer.write(exhibit, render)
                if interrupted:
                    return INTERRUPTED
                if exhibit.report.status in ("not-certified", "undecided"):
                    worst = NOT_MET
        return SOME_FAILED if failed else worst

    def _tasks(self) -> list[_Task]:
        chosen = [
            name
            for name, given in (
                ("--mask", self.masks.mask_file is not None),
                ("--from", self.masks.from_file is not None),
                ("--method", self.explanation.method is not None),
            )
            if given
        ]
        if len(chosen) > 1:
            raise ParameterError(f"{' and '.join(chosen)} exclude one another: each says where the mask comes from")
        if self.masks.from_file is None:
            if self.masks.mask_file is not None:
                self._refuse(
                    "--mask gives the mask", {"--top-k": self.explanation.top_k, "--target": self.explanation.target}
                )
            return [_Task(item) for item in collect(self.inputs)]
        self._refuse(
            "the records given to --from say that already",
            {
                "INPUT": self.inputs.inputs,
                "--text": self.inputs.text,
                "--inputs": self.inputs.inputs_file,
                "--model": self.model.model,
                "--revision": self.model.revision,
                "--features": self.inputs.features,
                "--baseline": self.inputs.baseline,
                "--truncate": self.inputs.truncate,
                "--top-k": self.explanation.top_k,
                "--target": self.explanation.target,
            },
        )
        recorded = read_records(self.masks.from_file)[: self.inputs.limit]
        return [_Task(record.item(), record) for record in recorded]

    def _refuse(self, reason: str, options: dict[str, Any]) -> None:
        given = [name for name, value in options.items() if value]
        if given:
            raise ParameterError(f"leave out {', '.join(given)}: {reason}")

    def _one(
        self, task: _Task, work: Callable[[Case], Outcome], batch_size: BatchSize, *, pictures: bool
    ) -> tuple[Exhibit, bool]:
        sha256 = task.item.sha256()
        model = self._open(task)
        start = time.perf_counter()
        predictor, size = self._predictor(task, model, batch_size)
        with Progress(task.item.id, enabled=not self.output.quiet) as progress:
            predictor.on_progress = progress.advance
            choice = self._choose(task, predictor, sha256, model.sha256)
            outcome = work(Case(predictor, choice, model.class_names, sha256))
            function = outcome.function or predictor
            explanation = explanation_of(predictor, function, choice)
            flips = flips_of(function, outcome.certificate, choice, model.class_names) if pictures else ()
        report = Report(
            command=self.command,
            status=outcome.status,
            input=InputInfo(
                id=task.item.id,
                kind=task.item.kind,
                sha256=sha256,
                path=None if task.item.path is None else str(task.item.path),
                text=task.item.text,
                size=size,
                truncated=bool(explanation.masking.get("truncated", False)),
            ),
            model=ModelInfo(model.id, model.revision, model.sha256, model.class_names),
            explanation=explanation,
            result=outcome.result,
            run=RunInfo(
                seed=self.output.seed,
                device=str(model.device),
                dtype=str(model.dtype).removeprefix("torch."),
                batch_size=predictor.batch_size,
                evaluations=predictor.evaluations,
                seconds=time.perf_counter() - start,
                versions=_versions(),
            ),
            certificate=outcome.certificate,
        )
        return Exhibit(report, canvas_of(predictor), flips), outcome.interrupted

    def _open(self, task: _Task) -> LoadedModel:
        """The model for this input; loaded once."""
        kind = task.item.kind
        name = task.recorded.model if task.recorded else self.model.model or f"demo:{kind}"
        revision = task.recorded.record["model"]["revision"] if task.recorded else self.model.revision
        if (name, revision) not in self._models:
            if task.recorded is None and self.model.model is None:
                self._say(f"no --model given: using the built-in {name}")
            from stabcert.models.hub import load_model

            keep_freed_memory()
            options = self.model
            loaded = load_model(
                name,
                revision=revision,
                trust_remote_code=options.trust_remote_code,
                allow_pickle=options.allow_pickle,
                allow_random_head=options.allow_random_head,
                offline=options.offline,
                device=options.device,
                dtype=options.dtype.value,
            )
            for note in loaded.notes:
                self._say(note)
            self._models[name, revision] = loaded
        model = self._models[name, revision]
        if model.kind != kind:
            raise InputError(
                f"{task.item.id} is {_article(kind)}, but {name} classifies {model.kind}s; use --model demo:{kind}"
            )
        return model

    def _predictor(
        self, task: _Task, model: LoadedModel, batch_size: BatchSize
    ) -> tuple[ModelPredictor, tuple[int, int] | None]:
        features, baseline, truncate = self.inputs.features, self.inputs.baseline, self.inputs.truncate
        if task.recorded:
            masking = task.recorded.masking
            features, baseline, truncate = masking["features"], masking["baseline"], task.recorded.truncated
        options = {"features": features, "baseline": baseline, "truncate": truncate, "batch_size": batch_size}
        if task.item.text is not None:
            return model.predictor(task.item.text, **options), None  # type: ignore[arg-type]
        from stabcert.models.decode import decode_image

        decoded = decode_image(task.item.path if task.item.path is not None else task.item.read())
        for note in decoded.notes:
            self._say(f"{task.item.id}: {note}")
        return model.predictor(decoded, **options), decoded.size  # type: ignore[arg-type]

    def _choose(self, task: _Task, predictor: ModelPredictor, input_sha256: str, model_sha256: str | None) -> Choice:
        if task.recorded:
            return task.recorded.choice(predictor, input_sha256=input_sha256, model_sha256=model_sha256)
        if self.masks.mask_file is not None:
            return by_file(self.masks.mask_file, predictor.n_features)
        if self.choose is not None:
            return self.choose(predictor, input_sha256)
        return by_method(predictor, self.explanation, seed=self.output.seed)

    def _say(self, text: str) -> None:
        if not self.output.quiet or text.startswith("Error"):
            from stabcert.report.visible import visible

            print(visible(text), file=sys.stderr)  # noqa: T201


def _batch_size(text: str) -> BatchSize:
    if text == "auto":
        return "auto"
    if not text.isdecimal() or int(text) < 1:
        raise ParameterError(f"--batch-size {text!r} is not possible; use auto or a number from 1")
    return int(text)


def _article(kind: str) -> str:
    return "an image" if kind == "image" else "a text"


def _versions() -> dict[str, str]:
    found = {"stabcert": __version__, "python": platform.python_version()}
    return found | {name: metadata.version(name) for name in ("torch", "transformers", "timm", "numpy", "scipy")}
