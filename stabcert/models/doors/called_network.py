"""Networks for the command line that are Python functions on lists of texts or images."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import PIL.Image
import torch
from numpy.typing import NDArray

from stabcert.core.given import is_one
from stabcert.core.types import Feature, Features, Masks
from stabcert.errors import InputError, ModelError, ParameterError, StabcertError
from stabcert.models.doors.called import MaskedFunction, as_array, checked, chosen_precision, not_a_function
from stabcert.models.doors.python_model import PythonModel
from stabcert.models.doors.watched import place_of
from stabcert.models.evaluation import DECISION_TOLERANCE
from stabcert.models.failures import reason
from stabcert.models.image_checks import check_image_network
from stabcert.models.memory import is_out_of_memory
from stabcert.models.networks import ImageNetwork, TextNetwork, call_with_pixels, distinct, is_convolutional
from stabcert.models.preprocessing import Preprocessing
from stabcert.models.text_features import text_feature
from stabcert.models.words import Span, check_text

_TRIAL_SIDE = 64


class _NoModule(torch.nn.Module):
    """The place of a network where there is a function."""


@dataclass(frozen=True, kw_only=True)
class CalledTexts(TextNetwork):
    """A function on lists of texts. It has neither a module nor a tokenizer."""

    model: PythonModel
    name: str
    dtype: torch.dtype

    def masked(self, text: str, text_pair: str | None, features: str | None, baseline: str | None) -> MaskedFunction:
        """Return one text as a masked input.

        Raises:
            InputError: the text has no such features, or a second text is given.
            ParameterError: the features or the baseline are not possible.
        """
        if text_pair is not None:
            raise InputError(f"{self.name} does not classify pairs of texts. Leave out text_pair")
        spec = "word" if features is None else features
        feature = text_feature(spec)
        if feature.split is None:
            raise ParameterError(
                f"features={spec!r} needs the tokenizer of a model, and {self.name} is a function of texts. Use "
                "features='word'",
                "features",
            )
        if baseline not in (None, "remove"):
            raise ParameterError(
                f"baseline={baseline!r} is not possible for a function of texts. Use baseline='remove'", "baseline"
            )
        check_text(text)
        spans = feature.split(text)
        if not spans:
            raise InputError(f"the text {text[:40]!r} has no {feature.nouns[0]}. Give another text")
        items = tuple(Feature(text[start:end], span=(start, end)) for start, end in spans)
        pieces, model = _pieces(text, spans), self.model

        def function(masks: Masks) -> Any:
            rows = ["".join(piece for piece, kept in zip(pieces, row, strict=True) if kept) for row in masks]
            return called(model, rows)

        settings = {"features": spec, "baseline": "remove", "removal": "characters removed", "truncated": False}
        found = Features(spec.partition(":")[0], items, (len(items),), feature.nouns)
        return MaskedFunction(function, found, settings, name=self.name, dtype=self.dtype, cost=len(items), text=text)


def _pieces(text: str, spans: list[Span]) -> list[str]:
    """Return the parts of a text: each begins with a feature and ends before the next; together they are the text."""
    starts = [0, *(start for start, _ in spans[1:])]
    return [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]


class CalledImages(torch.nn.Module):
    """A function on lists of images as a network: ``(k, 3, height, width)`` colours from 0 to 1 to logarithms."""

    def __init__(self, model: PythonModel, name: str, dtype: torch.dtype) -> None:
        super().__init__()
        self.model, self.name, self.dtype = model, name, dtype
        self.eval()

    def __deepcopy__(self, memo: dict[int, Any]) -> CalledImages:
        return self  # what belongs to the caller is not copied

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        if pixels.requires_grad:
            raise ParameterError(
                f"{self.name} has neither gradients nor neighbours, because it is not a network. Use one of lime, "
                "shap, kernelshap, occlusion and random"
            )
        if pixels.dtype == torch.float64 != self.dtype:
            raise ModelError(f"{self.name} does not compute in float64")
        colours = (pixels.detach().float().clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
        probs = checked(called(self.model, images_of(colours)), len(colours), self.name, self.dtype)
        return torch.from_numpy(np.log(np.maximum(probs, np.finfo(np.float32).tiny)))


def images_of(colours: NDArray[np.uint8]) -> list[PIL.Image.Image]:
    """Return ``(k, height, width, 3)`` colours as images."""
    return [PIL.Image.fromarray(np.ascontiguousarray(one)) for one in colours]


def called(model: PythonModel, inputs: list[Any]) -> Any:
    """Return the output of a function on a list of inputs. What it prints goes to standard error."""
    with contextlib.redirect_stdout(sys.stderr), torch.inference_mode(False), torch.no_grad():
        return model.predict(inputs)


@dataclass(frozen=True)
class Called:
    """A network for the command line, its class names and its place."""

    network: ImageNetwork | TextNetwork
    class_names: tuple[str, ...]
    device: torch.device
    dtype: torch.dtype
    modules: tuple[torch.nn.Module, ...] = field(default=())
    """Networks whose weights can be hashed."""


def network_of_function(model: PythonModel, name: str) -> Called:
    """Return the network of a classifier in Python after two inputs were classified.

    Raises:
        InputError: a network for texts, or a network without preprocessing.
        ModelError: the function fails, or does not return probabilities of the named classes.
    """
    class_names = distinct(list(model.class_names))
    if is_one(model.predict, "torch", "Module"):
        return _network_of_module(model, name, class_names)
    if model.preprocess is not None:
        raise InputError("preprocess is for a network. Leave it out, because a function gets images of PIL")
    trial: list[Any] = ["a b", ""]
    if model.kind == "image":
        sides = np.arange(2 * _TRIAL_SIDE**2 * 3, dtype=np.uint8).reshape(2, _TRIAL_SIDE, _TRIAL_SIDE, 3)
        trial = images_of(sides // np.array([1, 2], dtype=np.uint8)[:, None, None, None])
    try:
        found = called(model, trial)
        alone = [called(model, [one]) for one in trial]
    except StabcertError:
        raise
    except Exception as error:  # code of the user raises whatever it likes
        if is_out_of_memory(error):
            raise
        inputs = "'a b' and ''" if model.kind == "text" else "two images"
        empty = ", so that it accepts the empty text, which is left when every word is dropped"
        raise ModelError(
            f"{name} failed on a trial with {inputs} ({reason(error)}). Correct the code"
            + empty * (model.kind == "text")
        ) from error
    dtype = chosen_precision(model.precision, as_array(found, name))
    probs = checked(found, 2, name, dtype)
    classes = probs.shape[1]
    if classes != len(class_names):
        raise ModelError(f"{name} returns {classes} probabilities, but class_names has {len(class_names)}. Name each")
    moved = float(np.abs(probs - np.concatenate([checked(one, 1, name, dtype) for one in alone])).max())
    if moved > DECISION_TOLERANCE[dtype]:
        raise not_a_function(f"a probability moved by {moved:.2g}")
    cpu = torch.device("cpu")
    if model.kind == "text":
        texts = CalledTexts(_NoModule(), None, False, model=model, name=name, dtype=dtype)
        return Called(texts, class_names, cpu, dtype)
    colours = Preprocessing(_colours, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    module = CalledImages(model, name, dtype)
    return Called(ImageNetwork(module, call_with_pixels, colours, None, False), class_names, cpu, dtype)


def _network_of_module(model: PythonModel, name: str, class_names: tuple[str, ...]) -> Called:
    module: Any = model.predict
    if model.kind != "image" or model.preprocess is None:
        raise InputError(
            "a network as predict needs kind='image' and preprocess=..., a function from an image of PIL to a tensor. "
            "For texts give a function, or a pipeline of transformers"
        )
    if any(part.training for part in module.modules()):
        raise ModelError(f"{name} is a network in training mode. Type network.eval() where it is made")
    device, dtype = place_of(module, name)
    prepare = model.preprocess

    def to_pixels(image: PIL.Image.Image) -> torch.Tensor:
        pixels = torch.as_tensor(prepare(image)).float()
        return pixels[0] if pixels.ndim == 4 and len(pixels) == 1 else pixels

    preprocessing = Preprocessing(to_pixels, tuple(model.mean), tuple(model.std))
    network = ImageNetwork(module, _logits_of, preprocessing, None, is_convolutional(module))
    check_image_network(name, network, len(class_names), device, dtype)
    return Called(network, class_names, device, dtype, (module,))


def _logits_of(module: torch.nn.Module, pixels: torch.Tensor) -> torch.Tensor:
    found = module(pixels)
    logits: torch.Tensor = getattr(found, "logits", found)
    return logits


def _colours(image: PIL.Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.array(image, dtype=np.float32) / 255).permute(2, 0, 1).contiguous()
