"""``adapt`` from options to a directory, a record and a document."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stabcert.cli.beforehand import check_options, check_tasks
from stabcert.cli.call import Call
from stabcert.cli.class_numbers import number_note
from stabcert.cli.commands.adapt_compare import Comparing, Cost
from stabcert.cli.commands.adapt_data import AdaptData, divide, examples_of, gather
from stabcert.cli.commands.adapt_place import Place
from stabcert.cli.commands.adapt_progress import StopRequest, TrainingProgress
from stabcert.cli.commands.adapt_report import Reporting
from stabcert.cli.commands.adapt_request import AdaptRequest
from stabcert.cli.declared import Asked
from stabcert.cli.exit_codes import INTERRUPTED, code_of_status
from stabcert.cli.library_noise import library_noise
from stabcert.cli.loading import load
from stabcert.cli.opening import Say
from stabcert.cli.overwriting import check_overwriting
from stabcert.cli.sinks.of_call import Sinks
from stabcert.cli.sinks.sink import Whole
from stabcert.cli.streams import Notes
from stabcert.cli.tasks import Task, check_sources
from stabcert.errors import ParameterError
from stabcert.models.names import PYTHON
from stabcert.models.wording import Wording
from stabcert.records.adaptation import AdaptFinding

if TYPE_CHECKING:
    from stabcert.adapt.history import Adapted
    from stabcert.models.hub import LoadedModel


def run_adapt(
    request: AdaptRequest, call: Call, asked: Asked, *, labels: Path | None, report_on: Sequence[str], resume: bool
) -> int:
    """Return the exit code after a model was trained, written and compared for the inputs of a call.

    Raises:
        StabcertError: a request that is not possible, or a model that cannot be trained.
    """
    started, say = time.perf_counter(), Notes(quiet=call.running.quiet)
    check_options(call.inputs, call.model, call.explanation, several_methods=False)
    _check_model(call)
    call.output.check(resume=False)
    check_sources(call.inputs, call.model, call.explanation, call.masks)
    gathered = gather(call, request.settings.label_weight, labels, report_on)
    name = call.model.model or f"demo:{gathered.items[0].kind}"
    tasks = [Task(item, "", name, call.model.revision, "") for item in gathered.items]
    check_tasks(tasks, call.inputs, call.masks, None, keep_going=False)
    place = Place(request.out, resume)
    place.check(name)
    data = divide(gathered, request)
    check_overwriting(call.output, asked, tasks)
    sinks = Sinks(call, [], summarised=True, resumable=False)
    with library_noise(call.running.verbose), sinks.opened():
        for note in [*sinks.records.notes, *data.notes]:
            say(note)
        if call.model.model is None:
            say(f"no --model given: using the built-in {name}")
        model = load(name, call.model.revision, call.model, Wording(), say)
        data.every[0].item.check_kind(name, model.kind)
        if model.outputs is not None:
            raise ParameterError(
                f"adapt is not possible for {name}, whose outputs are labels that are on or off, or numbers. Give a "
                "model that predicts one of several classes"
            )
        numbered = number_note(data.every[0].item.label, model.class_names)
        if numbered is not None:
            say(numbered)
        adapting = Adapting(request, call, asked, place, data.with_classes(model.class_names), model, say, started)
        found = adapting.run()
        if found is None:
            return INTERRUPTED
        finding, whole = found
        place.write_record(whole.record or {})
        sinks.records.save_whole(whole)
        for sink in sinks:
            sink.summarise(whole)
        if finding.compared is None:
            say(f"interrupted: the best model so far is in {place.out}. {_resume_advice(place)}", always=True)
            return INTERRUPTED
        place.finish()
        return code_of_status(finding.status)


@dataclass(frozen=True)
class Adapting:
    """One adaptation: its model is loaded and its inputs are divided."""

    request: AdaptRequest
    call: Call
    asked: Asked
    place: Place
    data: AdaptData
    model: LoadedModel
    say: Notes
    started: float

    def run(self) -> tuple[AdaptFinding, Whole] | None:
        """Return what was found after the directory was written; None if it was interrupted before.

        Raises:
            StabcertError: the model cannot be trained, written or compared.
        """
        from stabcert.models.hub import load_model
        from stabcert.report.says.adapt import adapt_document

        cost = Cost()
        comparing = Comparing(self.call, self.request, self.data, self.model, cost)
        cut = comparing.check()
        epochs = self.request.settings.epochs
        self.say(
            f"{len(self.data.training)} inputs to train and choose, {len(self.data.reporting)} to report on; "
            f"{epochs} epoch{'' if epochs == 1 else 's'}"
        )
        with StopRequest() as stop:  # until the directory is complete with its record, which makes it resumable
            adapted = self._train(self.say, stop)
            if adapted.interrupted and len(adapted.history) == 1:
                self.say("interrupted before the first epoch was complete: nothing was written", always=True)
                return None
            self.place.save(self.model, adapted)
            options = self.call.model
            after = load_model(
                str(self.place.out), device=options.device, offline=True, trust_remote_code=options.trust_remote_code
            )
            reporting = Reporting(
                self.request, self.asked, self.data, self.model, self.started, cut=cut, resumed=self.place.resume
            )
            finding = reporting.finding(adapted, after, None, cost)
            self.place.write_record(reporting.record(finding))
        if not (adapted.interrupted or stop.requested):
            try:
                finding = reporting.finding(adapted, after, comparing.run(after), cost)
            except KeyboardInterrupt:
                self.say("interrupted during the comparison", always=True)
        return finding, Whole(reporting.record(finding), adapt_document(finding))

    def _train(self, say: Say, stop: StopRequest) -> Adapted:
        from stabcert.adapt.adapt import adapt

        asked, examples = self.call.inputs, examples_of(self.data.training)
        with TrainingProgress(say, enabled=not self.call.running.quiet) as progress:
            return adapt(
                self.model,
                examples,
                self.request.settings,
                features=asked.features,
                baseline=asked.baseline,
                on_progress=progress,
                stop=lambda: stop.requested,
                checkpoint=self.place.checkpoint,
                resume=self.place.resume,
                truncate=asked.truncate,
            )


def _check_model(call: Call) -> None:
    """Refuse options on models with which none can be trained."""
    if call.model.dtype.value != "float32":
        raise ParameterError(f"--dtype must be float32 to adapt a model, got {call.model.dtype.value}. Leave it out")
    if (call.model.model or "").startswith(PYTHON):
        raise ParameterError(
            f"--model must be the name of a model with files to adapt it, got {call.model.model}. Save the model with "
            "save_pretrained, and name its directory"
        )
    if call.model.compile:
        raise ParameterError("--compile is not possible: a compiled model cannot be trained. Leave it out")
    if call.model.classes is not None:
        raise ParameterError(
            "--classes is not possible: adapt trains only models with classes of their own. Give such a model, and "
            "leave --classes out"
        )


def _resume_advice(place: Place) -> str:
    if place.checkpoint.is_file():
        return "Add --resume to the same command to go on"
    return "Remove it to start from the beginning"
