"""Loaded networks of both kinds, and the steps of loading that all libraries share."""

from __future__ import annotations

import copy
import logging
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from stabcert.errors import ModelError
from stabcert.models.failures import failing
from stabcert.models.float64 import rounds_during, rounds_to_float32
from stabcert.models.folding import fold_batch_norms
from stabcert.models.heads import Meaning
from stabcert.models.patch_tokens import TokenStage
from stabcert.models.preprocessing import GREY, Preprocessing
from stabcert.models.prompt import Prompt
from stabcert.models.removal import Removal
from stabcert.models.removal_probe import NoRemoval
from stabcert.models.unchanged import unchanged

Part = Callable[[torch.nn.Module], torch.nn.Module]
Parts = Callable[[torch.nn.Module], Sequence[torch.nn.Module]]
ANOTHER_MODEL = "Give another model, or save this one again with its tokenizer or image processor"


@dataclass(frozen=True)
class ImageNetwork:
    """A classifier of images, in evaluation mode, on its device."""

    module: torch.nn.Module
    call: Callable[[torch.nn.Module, torch.Tensor], torch.Tensor]
    """The module and ``(b, channels, H, W)`` pixel values to ``(b, n_classes)`` logits."""
    preprocessing: Preprocessing
    patch_size: int | None
    """Side of the patches of a vision transformer, in pixels."""
    channels_last: bool
    """True if batches are faster in the memory format of convolutions."""
    fold: bool = True
    """True if batch norms may be folded into the convolutions before them: the same function except the last bits."""
    stage: Part | None = None
    """The part of a vision transformer after which patches are tokens; see `TokenStage`."""
    rotated: Parts | None = None
    """The blocks of it that read rotary positions; see `TokenStage`."""
    trial_size: tuple[int, int] = (256, 256)
    """Width and height of an image that the network can read, for trials; matters where images are not resized."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes for the user on the images that the network reads."""
        return (GREY,) if self.preprocessing.channels == 1 else ()

    def trial_pixels(self) -> torch.Tensor:
        """Return the preprocessed pixels of a grey image."""
        from PIL import Image

        return self.preprocessing.to_pixels(Image.new("RGB", self.trial_size, (128, 128, 128)))

    def token_stage(self) -> TokenStage | None:
        """Return the stage at which patches are tokens, if this network has one."""
        return self._token_stage(lambda: self.module)

    def token_stage_in_float64(self) -> TokenStage | None:
        """Return the same stage of the copy that computes in float64."""
        return self._token_stage(lambda: self.module_in_float64)

    def _token_stage(self, module: Callable[[], torch.nn.Module]) -> TokenStage | None:
        if self.stage is None or self.patch_size is None:
            return None
        return TokenStage(module, self.stage, self.run, self.patch_size, self.rotated, self._tested)

    @cached_property
    def _tested(self) -> dict[tuple[Any, ...], Any]:
        """The results of tests on this network; see `TokenStage`."""
        return {}

    @cached_property
    def _folded(self) -> list[torch.nn.Module]:
        """The module without its batch norms after the first call; empty before."""
        return []

    def logits(self, pixels: torch.Tensor) -> torch.Tensor:
        """Map ``(b, channels, H, W)`` pixels to ``(b, n_classes)`` logits; without gradients by folded batch norms."""
        if not (self.channels_last and self.fold and torch.is_inference_mode_enabled()):
            return self.run(self.module, pixels)
        if not self._folded:
            folded = fold_batch_norms(self.module, self.run, pixels[:2])
            self._folded.append(self.module if folded is None else folded)
        return self.run(self._folded[0], pixels)

    def run(self, module: torch.nn.Module, pixels: torch.Tensor) -> torch.Tensor:
        """Return the logits of ``module``, which is left as it was; ModelError where it fails on these pixels."""
        with failing(type(self.module).__name__), unchanged(module):
            return self.call(module, pixels)

    @cached_property
    def module_in_float64(self) -> torch.nn.Module:
        """A copy that computes in float64; ModelError where the network cannot be copied or rounds to float32."""
        with failing(type(self.module).__name__):
            exact = copy.deepcopy(self.module).double()
        pixels = self.trial_pixels()[None].to(next(exact.parameters(), torch.empty(0)).device, torch.float64)
        if rounds_during(exact, lambda: self.run(exact, pixels)):
            raise ModelError(f"{type(self.module).__name__} computes in float32 whatever the type of its weights")
        return exact

    def logits_in_float64(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return the logits of float64 pixels, computed in float64."""
        return self.run(self.module_in_float64, pixels)


@dataclass(frozen=True)
class TextNetwork:
    """A classifier of texts, in evaluation mode, on its device."""

    module: torch.nn.Module
    tokenizer: Any
    removes_tokens: bool
    """True if removing tokens gives the same logits as masking their attention."""
    leftover: Removal | NoRemoval | None = None
    """The reading of kept tokens where an attention mask does not hide the others; None where it does."""
    prompt: Prompt | None = None
    """The text around the input of a language model; None for classifiers."""

    @property
    def module_in_float64(self) -> torch.nn.Module:
        """A copy that computes in float64; ModelError where the network cannot be copied or rounds to float32."""
        if self._in_float64 is None:
            raise ModelError(f"{type(self.module).__name__} computes in float32 whatever the type of its weights")
        return self._in_float64

    @cached_property
    def _in_float64(self) -> torch.nn.Module | None:
        with failing(type(self.module).__name__):
            exact = copy.deepcopy(self.module).double()
            return None if rounds_to_float32(exact, self.tokenizer("a", return_tensors="pt")) else exact


@dataclass(frozen=True)
class Loaded:
    """The result of a library's loader."""

    network: ImageNetwork | TextNetwork
    class_names: tuple[str, ...]
    """One distinct name for each output."""
    notes: tuple[str, ...] = ()
    revision: str | None = None
    sha256: str | None = None
    config_sha256: str | None = None
    directory: Path | None = None
    """The directory it was read from; None for a demo model."""
    settings: dict[str, Any] = field(default_factory=dict)
    """JSON-ready: what defines the function beside its files, ``classes`` and all else that a user words. Empty for a
    model with classes of its own."""
    meaning: Meaning = "classes"
    place: tuple[torch.device, torch.dtype] | None = None
    """The device and the type of a model that was already in memory; None where the loader decides."""
    code_sha256: str | None = None
    """SHA-256 of the source file of a Python module that was imported for it."""


@contextmanager
def quiet() -> Iterator[None]:
    """Keep timm, torch and the hub from writing to stdout and stderr and from drawing from torch's global generator.

    Levels, bars and the state of the generator are what they were when the block ends.
    """
    from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    loggers = [logging.getLogger(name) for name in ("timm", "huggingface_hub", "torch")]
    levels = [logger.level for logger in loggers]
    bars = not are_progress_bars_disabled()
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore")
        # Only a random head draws numbers that stay; so they are the same in every run.
        torch.default_generator.manual_seed(0)
        try:
            disable_progress_bars()
            for logger in loggers:
                logger.setLevel(logging.CRITICAL)
            yield
        finally:
            if bars:
                enable_progress_bars()
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Keep transformers from writing to stdout and stderr; not part of `quiet`, because importing it takes seconds."""
    from transformers.utils import logging as transformers_logging

    verbosity = transformers_logging.get_verbosity()
    bars = transformers_logging.is_progress_bar_enabled()
    try:
        transformers_logging.set_verbosity(logging.CRITICAL)
        transformers_logging.disable_progress_bar()
        yield
    finally:
        transformers_logging.set_verbosity(verbosity)
        if bars:
            transformers_logging.enable_progress_bar()


def is_convolutional(network: torch.nn.Module) -> bool:
    """Return whether most parameters belong to two-dimensional convolutions."""
    total = sum(parameter.numel() for parameter in network.parameters())
    inside = sum(m.weight.numel() for m in network.modules() if isinstance(m, torch.nn.Conv2d))
    return 2 * inside > total


def place(
    name: str, network: torch.nn.Module, device: torch.device, dtype: torch.dtype, *, channels_last: bool
) -> None:
    """Put a network on its device in evaluation mode, with parameters of type ``dtype`` and without their gradients.

    Buffers, and parameters that the network requires transformers to leave in float32, keep the type that their loader
    gave them: frequencies of rotary positions, for example, would be other positions in half precision.

    Raises:
        ModelError: a weight is NaN or infinite, in the file or in this dtype. The logits would be too, but only for
            inputs that use that weight.
    """
    network.eval().requires_grad_(False)
    network.to(device=device)
    single = _kept_in_float32(network)
    for key, value in network.named_parameters():
        if value.is_floating_point() and not single(key):
            value.data = value.data.to(dtype)
    broken = [key for key, value in network.named_parameters() if not bool(torch.isfinite(value).all())]
    if broken:
        more = f" and {len(broken) - 1} more" if len(broken) > 1 else ""
        raise ModelError(
            f"{name} has weights that are not finite (NaN or infinity): {broken[0]}{more}. The file is damaged, its "
            f"training failed, or dtype='{str(dtype).removeprefix('torch.')}' cannot represent them"
        )
    if channels_last:
        network.to(memory_format=torch.channels_last)


def _kept_in_float32(network: torch.nn.Module) -> Callable[[str], bool]:
    """Return whether the name of a parameter is one of those that transformers leaves in float32."""
    lists = (getattr(network, f"_keep_in_fp32_modules{end}", None) for end in ("", "_strict"))
    patterns = [re.compile(pattern.replace("*", ".*")) for names in lists for pattern in names or ()]
    return lambda key: any(pattern.search(key) for pattern in patterns)


def distinct(names: Sequence[str]) -> tuple[str, ...]:
    """Return distinct class names; the index is added to a repeated name: ``crane``, ``crane (134)``."""
    taken: set[str] = set()
    result = []
    reserved = set(names)
    for index, name in enumerate(names):
        unique = name
        while unique in taken or (unique != name and unique in reserved):
            unique = f"{unique} ({index})"
        taken.add(unique)
        result.append(unique)
    return tuple(result)


def call_with_pixels(network: torch.nn.Module, pixels: torch.Tensor) -> torch.Tensor:
    logits: torch.Tensor = network(pixels)
    return logits


def check_logits(name: str, logits: object, classes: int) -> None:
    """Raise a ModelError unless ``logits``, of two inputs, are finite and have shape ``(2, classes)``."""
    shape = tuple(logits.shape) if isinstance(logits, torch.Tensor) else type(logits).__name__
    if shape != (2, classes):
        raise ModelError(f"{name} returns {shape} for 2 inputs, but its configuration names {classes} classes")
    if isinstance(logits, torch.Tensor) and not bool(torch.isfinite(logits).all()):
        raise ModelError(
            f"{name} returns numbers that are not finite (NaN or infinity) for a plain input, so its arithmetic "
            "overflows. Use dtype='float32', or another model"
        )
