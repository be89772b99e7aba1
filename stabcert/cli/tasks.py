"""The tasks of a command: one for each input, with the key of its request."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

from stabcert.cli.call import Call
from stabcert.cli.choices import ExplainSide
from stabcert.cli.declared import Asked
from stabcert.cli.files import file_names
from stabcert.cli.inputs import Item, collect
from stabcert.cli.model_options import ModelOptions
from stabcert.cli.options import ExplanationOptions, InputOptions, MaskOptions
from stabcert.cli.records import Recorded, read_records
from stabcert.core.streams import STREAM_RULE
from stabcert.errors import InputError, ParameterError
from stabcert.models.wording import own_classes
from stabcert.records.writing import SCHEMA
from stabcert.sweep.key import request_key

_GIVEN = "--mask gives the mask"


@dataclass(frozen=True)
class Task:
    """One input with its request."""

    item: Item
    name: str
    """The beginning of the names of the input's files."""
    model: str
    revision: str | None
    request: str
    """The key of the request, see `stabcert.sweep.key.request_key`."""
    recorded: Recorded | None = None
    problem: InputError | None = None
    """The reason why the input cannot be used, if it is known."""
    copy: int = 0
    """The number of earlier inputs with the same bytes in the whole list. It is 0 if inputs are not summarised."""

    @property
    def title(self) -> str:
        """The name of the input on the progress bar."""
        return self.item.title

    def about(self, message: str) -> str:
        """Return a message that names the input exactly once."""
        return self.item.about(message)


def make_tasks(
    call: Call,
    asked: Asked,
    label: Callable[[Sequence[Item]], list[Item]] | None = None,
) -> list[Task]:
    """Return all tasks in the order of the inputs.

    Args:
        asked: all options of the call.
        label: a function that attaches labels to the inputs, or None if the command does not use labels.

    Raises:
        InputError: a named file or directory does not contain inputs.
        ParameterError: the options contradict one another.
    """
    inputs, model, masks = call.inputs, call.model, call.masks
    check_sources(inputs, model, call.explanation, masks)
    found: list[tuple[Item, Recorded | None, InputError | None]]
    if masks.from_file is None:
        # Labels in the order of the inputs count all inputs, so that the limit comes afterwards.
        items = collect(
            inputs if label is None else replace(inputs, limit=None),
            labelled=label is not None,
            offline=model.offline,
        )
        found = [(item, None, None) for item in (items if label is None else label(items))[: inputs.limit]]
    else:
        found = [_recorded(record) for record in read_records(masks.from_file, offline=model.offline)]
        if label is not None:
            rest = [(recorded, problem) for _, recorded, problem in found]
            labelled = label([item for item, _, _ in found])  # missing files with a label come last
            found = [(item, *known) for item, known in zip_longest(labelled, rest, fillvalue=(None, None))]
        found = found[: inputs.limit]
    names = file_names([item.id for item, _, _ in found])
    parameters = result_parameters(asked)
    tasks = []
    items = [item for item, _, _ in found]
    # Equal inputs have different draws only if the command summarises inputs. In other commands, a different draw for
    # the same request would be an unmarked second chance, and could not be reproduced from the record.
    copies = [0] * len(items) if label is None else equal_before(items)
    for (item, recorded, problem), name, occurrence, copy in zip(
        found, names, _occurrences(items), copies, strict=True
    ):
        named = (
            (recorded.model, recorded.revision) if recorded else (model.model or f"demo:{item.kind}", model.revision)
        )
        key = request_key(
            schema=SCHEMA,
            command=call.command,
            parameters=parameters
            | ({} if item.label is None else {"label": item.label.key})
            | ({"copy": copy} if copy else {}),
            model=named[0],
            revision=named[1],
            identity=item.id,
            occurrence=occurrence,
            recorded=None if recorded is None else recorded.digest,
        )
        tasks.append(Task(item, name, *named, key, recorded, problem or item.problem, copy))
    return tasks


def result_parameters(asked: Asked) -> dict[str, Any]:
    """Return the options that affect the result, by the names in keys of records. Files include their content."""
    parameters: dict[str, Any] = {"stream rule": STREAM_RULE}
    for one in asked:
        if one.declared.affects != "result" or (one.declared.only_given and one.value == one.default):
            continue
        parameters[one.name] = str(one.value) if isinstance(one.value, Path) else one.value
        if isinstance(one.value, Path) or one.declared.reads == "feature file":
            parameters[f"{one.name} sha256"] = _content_sha256(one.value)
    return parameters


def _content_sha256(path: Path | str | None) -> str | None:
    try:
        return None if path is None else hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except (
        OSError,
        ValueError,
    ):  # a word such as grid:7, or a missing file, which is reported where it is used
        return None


def _recorded(record: Recorded) -> tuple[Item, Recorded, InputError | None]:
    try:
        return record.item(), record, None
    except InputError as error:
        return record.place(), record, error


def _occurrences(items: Sequence[Item]) -> list[int]:
    """Return for each input its number, from 1, among the inputs with the same id and bytes."""
    shared = {identity for identity, number in Counter(item.id for item in items).items() if number > 1}
    seen: Counter[tuple[str, str | None]] = Counter()
    numbers = []
    for item in items:
        same = (item.id, _bytes_sha256(item) if item.id in shared else None)
        seen[same] += 1
        numbers.append(seen[same])
    return numbers


def equal_before(items: Sequence[Item]) -> list[int]:
    """Return for each input the number of earlier inputs with the same bytes. Only inputs of equal length are read."""
    lengths = [item.length() for item in items]
    shared = {length for length, number in Counter(lengths).items() if number > 1}
    seen: Counter[str] = Counter()
    numbers = []
    for item, length in zip(items, lengths, strict=True):
        sha256 = _bytes_sha256(item) if length is not None and length in shared else None
        numbers.append(0 if sha256 is None else seen[sha256])
        if sha256 is not None:
            seen[sha256] += 1
    return numbers


def _bytes_sha256(item: Item) -> str | None:
    try:
        return item.sha256()
    except InputError:  # reported when the input is read
        return None


def check_sources(
    inputs: InputOptions, model: ModelOptions, explanation: ExplanationOptions, masks: MaskOptions
) -> None:
    """Refuse options that name the model, the inputs or the mask twice, or not at all.

    Raises:
        ParameterError: names them.
    """
    chosen = [
        name
        for name, given in (
            ("--mask", masks.mask_file is not None),
            ("--from", masks.from_file is not None),
            ("--method", explanation.method is not None),
        )
        if given
    ]
    if model.model == "":
        raise ParameterError("--model is empty. Name a model, or leave --model out for the built-in one")
    if model.classes is not None and masks.from_file is None:
        if model.model is None:
            raise ParameterError("--classes needs a language model. Name its directory with --model")
        if model.model.startswith("demo:"):
            raise own_classes(model.model, ())
    if len(chosen) > 1:
        raise ParameterError(
            f"{' and '.join(chosen)} exclude one another, because each is a source of masks. Give one of them"
        )
    if masks.mask_file is not None:
        # With one of these, --target names the label or the number that the question is about.
        asks = explanation.threshold is not None or explanation.tolerance is not None
        target = None if asks else explanation.target
        _refuse(
            _GIVEN if target is None else f"{_GIVEN}. To ask about one of several labels, add --threshold 0.5",
            {"--top-k": explanation.top_k, "--target": target},
        )
    if masks.from_file is not None:
        _refuse(
            "the records given to --from already contain that",
            {
                "INPUT": inputs.inputs,
                "--text": inputs.text,
                "--text-pair": inputs.text_pair,
                "--explain-side": inputs.explain_side is not ExplainSide.both,
                "--inputs": inputs.inputs_file,
                "--dataset": inputs.dataset,
                "--split": inputs.split,
                "--column": inputs.column,
                "--label-column": inputs.label_column,
                "--model": model.model,
                "--revision": model.revision,
                "--classes": model.classes,
                "--prompt": model.prompt,
                "--chat": model.chat,
                "--features": inputs.features,
                "--baseline": inputs.baseline,
                "--truncate": inputs.truncate,
                "--top-k": explanation.top_k,
                "--target": explanation.target,
                "--threshold": explanation.threshold is not None,
                "--tolerance": explanation.tolerance is not None,
            },
        )


def _refuse(reason: str, options: dict[str, Any]) -> None:
    given = [name for name, value in options.items() if value]
    if given:
        raise ParameterError(f"leave out {', '.join(given)}: {reason}")
