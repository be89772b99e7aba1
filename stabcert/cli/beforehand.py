"""Checks of options and files alone, before a model is opened and before anything heavy is imported.

What a command asks of its own options its request checks when it is made; here is what all commands share. Nothing
here imports torch: whoever mistypes an option does not wait for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from stabcert.cli.explanation import one_method, read_mask
from stabcert.cli.inputs import Item
from stabcert.cli.options import ExplanationOptions, InputOptions, MaskOptions, ModelOptions
from stabcert.cli.parsing import check_device, parse_batch_size, parse_methods, read_top_k
from stabcert.cli.records import Recorded
from stabcert.cli.tasks import Task
from stabcert.core.types import Mask
from stabcert.errors import ParameterError, StabcertError
from stabcert.models.names import check_name
from stabcert.models.segmentation import check_spec
from stabcert.models.text_features import TEXT_FEATURES
from stabcert.models.words import check_text

CheckMask = Callable[[Mask], None]

TEXT_BASELINES = ("remove", "mask", "pad", "unk")
IMAGE_BASELINES = ("zero", "black", "mean", "blur", "drop")
"""Written out, because the modules that have them import torch; a test compares them."""
_MOST_FEATURES = 10**6


def check_options(
    inputs: InputOptions, model: ModelOptions, explanation: ExplanationOptions, *, several_methods: bool
) -> None:
    """Refuse values that no input and no model could make possible.

    Args:
        several_methods: the command takes ``--method A,B``.

    Raises:
        ParameterError: names the option and what is possible.
        ModelError: no model can have that name.
    """
    parse_batch_size(model.batch_size)
    check_device(model.device)
    if explanation.top_k is not None:
        read_top_k(explanation.top_k)
    if explanation.target is not None and not explanation.target.strip():
        raise ParameterError("--target is empty; give the name or the number of a class, or leave it out")
    if explanation.method is not None:
        _check_methods(explanation.method, several=several_methods)
    if inputs.baseline is not None and inputs.baseline not in IMAGE_BASELINES + TEXT_BASELINES:
        raise ParameterError(
            f"baseline {inputs.baseline!r} does not exist; use {'|'.join(IMAGE_BASELINES)} for images, "
            f"{'|'.join(TEXT_BASELINES)} for texts"
        )
    if model.model:
        check_name(model.model, model.revision)


def check_tasks(
    tasks: Sequence[Task], inputs: InputOptions, masks: MaskOptions, check_mask: CheckMask | None, *, keep_going: bool
) -> None:
    """Refuse what is known to be impossible of the inputs: their kinds, texts, and masks that stand in files.

    Args:
        check_mask: refuses a mask with which the request cannot be met; None where any mask will do.
        keep_going: what is impossible for some inputs is left for when their turn comes.

    Raises:
        StabcertError: the first problem.
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
        return None  # whoever found it tells it
    try:
        if task.recorded is not None:
            _check_recorded(task.recorded, check_mask)
        else:
            check_name(task.model, task.revision)
            if task.model.startswith("demo:"):  # the name tells what it classifies
                task.item.check_kind(task.model, task.model.removeprefix("demo:").removesuffix("-masked"))
            _check_division(task.item, inputs.features, inputs.baseline)
        if task.item.text is not None:
            check_text(task.item.text)
    except StabcertError as error:
        return error
    return None


def _check_division(item: Item, features: str | None, baseline: str | None) -> None:
    if item.kind == "text":
        if features is not None and features not in TEXT_FEATURES:
            raise ParameterError(
                f"features {features!r} are not possible for a text; use --features {'|'.join(TEXT_FEATURES)}"
            )
        if baseline is not None and baseline not in TEXT_BASELINES:
            raise ParameterError(
                f"baseline {baseline!r} is not possible for a text; use --baseline {'|'.join(TEXT_BASELINES)}"
            )
        return
    if features is not None:
        check_spec(features)
    if baseline is not None and baseline not in IMAGE_BASELINES:
        raise ParameterError(f"image baseline {baseline!r} does not exist; use {', '.join(IMAGE_BASELINES)}")


def _check_recorded(recorded: Recorded, check_mask: CheckMask | None) -> None:
    """The mask of a record; whether it still belongs to its input is asked when the model is there."""
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
