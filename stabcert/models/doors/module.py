"""A network in memory and one tensor, as a predictor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from stabcert.core.given import door_of, is_one
from stabcert.errors import FailedInputError, InputError, ModelError, ParameterError

if TYPE_CHECKING:
    import torch

    from stabcert.models.base import ModelPredictor
    from stabcert.models.batches import BatchSize
    from stabcert.models.doors.tensor import MaskedTensor, Outputs

_DOOR = "from_module"


def from_module(
    network: torch.nn.Module,
    tensor: torch.Tensor | ArrayLike,
    *,
    features: str | ArrayLike | None = None,
    baseline: float | torch.Tensor | ArrayLike = 0.0,
    outputs: Outputs = "logits",
    class_names: Sequence[str] | None = None,
    names: Sequence[str] | None = None,
    batched: bool | None = None,
    batch_size: BatchSize = "auto",
) -> ModelPredictor:
    """Make a predictor of a network in memory and one input tensor; gradient methods work, too.

    A kept number is that of ``tensor``, a dropped one that of ``baseline``, both bit for bit. The predictor is the
    softmax of ``network(batch)`` over batches of such tensors. The network is left as it is: its mode, weights, device
    and ``requires_grad``. If its mode or its weights change afterwards, the predictor refuses to be evaluated. Changes
    through ``tensor.data`` and of plain attributes of the network are not noticed.

    Three inputs are evaluated here, jointly and individually. A network that depends on the batch or on random numbers
    is refused if these differ by more than rounding. That is a test and not a guarantee. Decisions close to a tie are
    repeated by a copy of the network in float64 where the copy computes in float64.

    Args:
        network: a module in evaluation mode. It maps ``(b, *shape)`` to ``(b, n_classes)``, or to an object with such
            ``logits``, as the models of transformers return.
        tensor: one input of the network, already preprocessed: an image ``(channels, height, width)``, a vector, or
            any other shape, with or without a first dimension of 1. It is converted to the type and the device of the
            weights.
        features: ``"grid:N"``, ``"patch:N"``, ``"each"`` (each number), or an array of whole numbers: places with equal
            labels are one feature. Its shape is that of the input, or ``(height, width)`` of an image. None:
            ``"grid:7"`` for an image, ``"each"`` for a vector.
        baseline: the value of dropped numbers: one number, or a tensor that can be broadcast to the input.
        outputs: ``"logits"``, or ``"probabilities"`` if the network ends with a softmax.
        class_names: one for each output; None: the names in ``network.config``, otherwise ``class 0``, ...
        names: one for each feature.
        batched: whether the first dimension of ``tensor`` is that of the batch. None: it is if the tensor has four
            dimensions and the first is 1, or two and the first is 1.
        batch_size: number of masks in a batch.

    Raises:
        InputError: an argument is another kind of object (the message names the function for it), or the tensor, the
            baseline or the labels do not fit.
        ParameterError: the features do not exist for this shape.
        ModelError: the network is in training mode, cannot be run, has fewer than two outputs, or depends on the batch.
    """
    import torch

    if not isinstance(network, torch.nn.Module):
        raise InputError(_not_a_module(network))
    if isinstance(network, torch.jit.ScriptModule):
        raise ModelError(
            "network must be a plain module, got one of TorchScript, whose parts cannot be watched. Give the module "
            "that it was made of, or use from_function(function, n)"
        )
    from stabcert.models.doors.tensor import MaskedTensor
    from stabcert.models.doors.tensor_features import divide
    from stabcert.models.doors.watched import Watch, WatchedPredictor, place_of

    if outputs not in ("logits", "probabilities"):
        raise ParameterError(f"outputs must be 'logits' or 'probabilities', got {outputs!r}", "outputs")
    watch = Watch(network, _DOOR)
    device, dtype = place_of(network, _DOOR)
    with torch.inference_mode(False):  # what is made here has gradients
        point, notes = _point(tensor, batched, device, dtype)
        dropped, name = _dropped(baseline, point)
        division = divide(tuple(point.shape[1:]), features, names)
        masked = MaskedTensor(network, point, dropped, division, outputs=outputs, baseline_name=name, notes=notes)
        classes = _trial(masked, network, outputs)
    predictor = WatchedPredictor(
        masked, _class_names(network, class_names, classes), watch, device=device, dtype=dtype, batch_size=batch_size
    )
    predictor.evaluations += 2  # those of the trial
    check_repeated(predictor)
    return predictor


def _not_a_module(value: object) -> str:
    door = door_of(value)
    hint = f"Use {door}" if door else "Give the network, such as a torch.nn.Module"
    return f"network must be a torch.nn.Module, got {type(value).__name__}. {hint}"


def _point(
    given: Any, batched: bool | None, device: torch.device, dtype: torch.dtype
) -> tuple[torch.Tensor, tuple[str, ...]]:
    """Return a copy of the input, ``(1, *shape)``, and a note if its numbers are rounded."""
    import torch

    if is_one(given, "PIL", "Image") or isinstance(given, (str, bytes)):
        raise InputError(
            f"tensor must contain numbers, got {type(given).__name__}. Apply the preprocessing of the network first, "
            "or use from_pipeline(model, image, processor=...)"
        )
    try:
        tensor = (given if isinstance(given, torch.Tensor) else torch.as_tensor(np.asarray(given))).detach().clone()
    except (TypeError, ValueError) as error:
        raise InputError(f"tensor must contain numbers, got {type(given).__name__} ({error})") from error
    if not tensor.is_floating_point():
        raise InputError(
            f"tensor must contain numbers with a decimal point, got {tensor.dtype}. Convert pixels with "
            "tensor.float() / 255. For token ids use from_pipeline(model, text, tokenizer=...)"
        )
    if batched is None:
        batched = tensor.ndim in (2, 4) and len(tensor) == 1
    if batched and (tensor.ndim == 0 or len(tensor) != 1):
        raise InputError(f"tensor must be one input, got a batch of shape {tuple(tensor.shape)}. Use tensor[:1]")
    if not batched:
        if tensor.ndim == 4:
            raise InputError(f"tensor must be one input, got a batch of shape {tuple(tensor.shape)}. Use tensor[:1]")
        tensor = tensor[None]
    if tensor[0].numel() == 0 or tensor.ndim < 2:
        raise InputError(f"tensor must contain at least one feature, got shape {tuple(tensor.shape[1:])}")
    converted = tensor.to(device, dtype).contiguous()
    if not bool(torch.isfinite(converted).all()):
        raise InputError("tensor must contain finite numbers, got NaN or infinity. Replace them first")
    exact = torch.equal(converted.to(tensor.device, tensor.dtype), tensor)
    notes = () if exact else (f"the tensor was rounded from {_short(tensor.dtype)} to {_short(dtype)}, as the weights",)
    return converted, notes


def _short(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _dropped(baseline: Any, point: torch.Tensor) -> tuple[torch.Tensor, str]:
    """Return the input with everything dropped, and the name of the baseline."""
    import torch

    if isinstance(baseline, str):
        raise InputError(
            f"baseline must be a number or a tensor that fits the shape {tuple(point.shape[1:])}, got {baseline!r}. "
            "Use baseline=0.0, or a tensor such as the mean of the training inputs"
        )
    try:
        values = (baseline if isinstance(baseline, torch.Tensor) else torch.as_tensor(np.asarray(baseline))).detach()
        values = values.to(point.device, point.dtype)
        if values.ndim == point.ndim - 1:
            values = values[None]
        spread = values.expand_as(point).clone().contiguous()
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(
            f"baseline must be a number or a tensor that fits the shape {tuple(point.shape[1:])}, got "
            f"{type(baseline).__name__} ({error}). Use baseline=0.0"
        ) from error
    if not bool(torch.isfinite(spread).all()):
        raise InputError("baseline must be finite, got NaN or infinity. Use baseline=0.0")
    return spread, f"{float(values):g}" if values.numel() == 1 else "tensor"


def _trial(masked: MaskedTensor, network: torch.nn.Module, outputs: Outputs) -> int:
    """Return the number of classes after two inputs were evaluated.

    Raises:
        ModelError: the output is not one of a classifier.
        ParameterError: the output does not look like what ``outputs`` names.
    """
    import torch

    from stabcert.models.failures import reason

    name, n = type(network).__name__, len(masked.features)
    both = np.stack([np.ones(n, dtype=np.bool_), np.zeros(n, dtype=np.bool_)])
    try:
        with torch.no_grad():
            values = masked.logits(both)
    except FailedInputError as error:
        raise ModelError(
            f"{name} cannot be run on a batch of shape {(2, *masked.point.shape[1:])} ({reason(error)}). Give one "
            "input of the shape that it reads, and batched=True or batched=False if its first dimension is misread"
        ) from error
    shape = tuple(values.shape)
    if values.ndim != 2 or len(values) != 2 or shape[1] < 2:
        advice = "Give a classifier"
        if shape in ((2,), (2, 1)):
            advice = (
                "For one logit z, wrap it in a module that returns torch.cat([0 * z, z], dim=1), the logits of no and "
                "yes. For a number z, torch.cat([t - z, z - t], dim=1) are those of at most t and above t"
            )
        raise ModelError(f"{name} must return (2, classes) for 2 inputs, with 2 or more classes, got {shape}. {advice}")
    probs = values.exp() if outputs == "probabilities" else values
    like_probabilities = bool((probs >= 0).all()) and bool(((probs.double().sum(dim=1) - 1).abs() < 1e-3).all())
    if outputs == "logits" and like_probabilities:
        raise ParameterError(
            f"outputs='logits' does not fit {name}, because its outputs are probabilities (not negative, sum 1). Use "
            "outputs='probabilities'",
            "outputs",
        )
    if outputs == "probabilities" and not like_probabilities:
        raise ParameterError(
            f"outputs='probabilities' does not fit {name}, because its outputs do not sum to 1. Use outputs='logits'",
            "outputs",
        )
    return int(shape[1])


def _class_names(network: torch.nn.Module, given: Sequence[str] | None, classes: int) -> tuple[str, ...]:
    labels = getattr(getattr(network, "config", None), "id2label", None)
    if given is None and isinstance(labels, dict) and len(labels) == classes:
        given = [str(labels.get(i, f"class {i}")) for i in range(classes)]
    return class_names_of(given, classes)


def class_names_of(given: Sequence[Any] | None, classes: int) -> tuple[str, ...]:
    """Return distinct names of classes; ``class 0``, ... without any.

    Raises:
        InputError: the number of names is not that of the outputs.
    """
    from stabcert.models.networks import distinct

    if given is None:
        return tuple(f"class {i}" for i in range(classes))
    if isinstance(given, str) or len(given) != classes:
        got = "a text" if isinstance(given, str) else f"{len(given)} names"
        raise InputError(f"class_names must be {classes} names, one for each output, got {got}. Name every class")
    return distinct([str(name) for name in given])


def check_repeated(predictor: ModelPredictor) -> None:
    """Evaluate three masks in a batch and individually, and compare.

    Raises:
        ModelError: the results differ by more than rounding: the predictor is not a function of the mask alone.
    """
    from stabcert.core.decisions import predict
    from stabcert.models.doors.called import not_a_function

    n = predictor.n_features
    half = np.arange(n) % 2 == 0
    masks = np.stack([np.ones(n, dtype=np.bool_), half, np.zeros(n, dtype=np.bool_)])
    together = predict(predictor, masks)
    tolerance = predictor.drift_tolerance
    for i in (2, 1, 0):
        try:
            moved = float(np.abs(together[i] - predictor.alone(masks[i : i + 1])[0]).max())
        except FailedInputError:
            raise
        except ModelError as error:  # the predictor noticed it
            raise not_a_function(str(error)) from error
        if moved > tolerance:
            raise not_a_function(f"a probability moved by {moved:.2g}, and rounding explains only {tolerance:.2g}")
