"""Checks of options and files before a model is opened.

The checks are those that all commands share. The request of a command checks the command's own options. Nothing here
imports torch, so that a mistyped option is refused at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from stabcert.cli.explanation import one_method, read_mask
from stabcert.cli.inputs import Item
from stabcert.cli.loading import wording_of
from stabcert.cli.model_options import ModelOptions
from stabcert.cli.options import ExplanationOptions, InputOptions, MaskOptions
from stabcert.cli.pairs import side_of
from stabcert.cli.parsing import check_device, parse_batch_size, parse_methods, read_top_k
from stabcert.cli.questions import check_asked
from stabcert.cli.records import Recorded
from stabcert.cli.tasks import Task
from stabcert.core.types import Mask
from stabcert.errors import ParameterError, StabcertError
from stabcert.models.names import check_name
from stabcert.models.pairs import check_second, explained_places
from stabcert.models.segmentation import check_spec
from stabcert.models.text_features import text_feature
from stabcert.models.words import check_text

CheckMask = Callable[[Mask], None]

TEXT_BASELINES = ("remove", "mask", "pad", "unk")
IMAGE_BASELINES = ("zero", "black", "mean", "blur", "drop")
"""The baselines of `stabcert.models`, repeated because the modules that define them import torch."""
_MOST_FEATURES = 10**6


def check_options(
    inputs: InputOptions, model: ModelOptions, explanation: ExplanationOptions, *, several_methods: bool
) -> None:
    """Raise an error if a value is impossible for every input and every model.

    Args:
        several_methods: whether the command accepts ``--method A,B``.

    Raises:
        ParameterError: an option has an impossible value.
        ModelError: the name is not a possible name of a model.
    """
    parse_batch_size(model.batch_size)
    check_device(model.device)
    if explanation.top_k is not None:
        read_top_k(explanation.top_k)
    if explanation.target is not None and not explanation.target.strip():
        raise ParameterError("--target is empty. Give the name or the number of a class, or leave it out")
    check_asked(explanation)
    if explanation.method is not None:
        _check_methods(explanation.method, several=several_methods)
    if inputs.baseline is not None and inputs.baseline not in IMAGE_BASELINES + TEXT_BASELINES:
        raise ParameterError(
            f"--baseline {inputs.baseline!r} does not exist. Use {'|'.join(IMAGE_BASELINES)} for images, "
            f"{'|'.join(TEXT_BASELINES)} for texts"
        )
    if model.model:
        check_name(model.model, model.revision)
    wording_of(model)


def check_tasks(
    tasks: Sequence[Task], inputs: InputOptions, masks: MaskOptions, check_mask: CheckMask | None, *, keep_going: bool
) -> None:
    """Raise an error for inputs that are certain to fail, by their kind, their text or a mask in a file.

    Args:
        check_mask: a function that refuses masks with which the request cannot be met, or None if every mask is
            possible.
        keep_going: whether problems of some inputs are reported later, one input at a time.

    Raises:
        StabcertError: an input is certain to fail; the first such problem.
    """
    if masks.mask_file is not None:
        mask = read_mask(masks.mask_file)
        if check_mask is not None:
            check_mask(mask)
    problems = [problem for task in tasks if (problem := _problem(task, inputs, check_mask)) is not None]
    wrong_request = len(problems) == len(tasks) and all(isinstance(one, ParameterError) for one in problems)
    if problems and (wrong_request or not keep_going):
        raise problems[0]


def _check_methods(text: str, *, several: bool) -> None:
    from stabcert.explainers import check_method

    methods = parse_methods(text)
    for method in methods:
        check_method(method)
    if len(methods) > 1 and not several:
        raise one_method(text, methods)


def _problem(task: Task, inputs: InputOptions, check_mask: CheckMask | None) -> StabcertError | None:
    if task.problem is not None:
        return None  # reported already
    try:
        if task.recorded is not None:
            _check_recorded(task.recorded, check_mask)
        else:
            check_name(task.model, task.revision)
            if task.model.startswith("demo:"):  # the name contains the kind of input
                task.item.check_kind(task.model, task.model.removeprefix("demo:").removesuffix("-masked"))
            _check_division(task.item, inputs.features, inputs.baseline)
            explained_places(side_of(task.item, inputs.explain_side), pair=task.item.text_pair is not None)
        if task.item.text is not None:
            check_text(task.item.text)
        if task.item.text_pair is not None:
            check_second(task.item.text_pair)
    except StabcertError as error:
        return error
    return None


def _check_division(item: Item, features: str | None, baseline: str | None) -> None:
    if item.kind == "text":
        if features is not None:
            text_feature(features)
        if baseline is not None and baseline not in TEXT_BASELINES:
            raise ParameterError(f"--baseline {baseline!r} is not possible for a text. Use {'|'.join(TEXT_BASELINES)}")
        return
    if features is not None:
        check_spec(features)
    if baseline is not None and baseline not in IMAGE_BASELINES:
        raise ParameterError(f"--baseline {baseline!r} is not possible for an image. Use {'|'.join(IMAGE_BASELINES)}")


def _check_recorded(recorded: Recorded, check_mask: CheckMask | None) -> None:
    """Check the mask of a record. Whether it still fits its input is checked after the model is loaded."""
    if recorded.failed or check_mask is None:
        return
    n, selected = recorded.record["explanation"]["n"], recorded.record["explanation"]["selected"]
    if not 1 <= n <= _MOST_FEATURES or not all(0 <= index < n for index in selected):
        return
    mask = np.zeros(n, dtype=np.bool_)
    mask[selected] = True
    try:
        check_mask(mask)
    except ParameterError as error:
        raise ParameterError(f"{recorded.origin}: {error}", error.parameter) from error
