"""Images as training inputs: the pixels of masked images, with gradients by the weights of the network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image

from stabcert.adapt.examples import CheckedInputs, Example, about
from stabcert.adapt.masks import draw_kind
from stabcert.core.types import Masks
from stabcert.errors import InputError, ParameterError
from stabcert.models.hub import LoadedModel
from stabcert.models.image import MaskedImage
from stabcert.models.networks import ImageNetwork
from stabcert.models.patch_tests import layout_of, removal_of
from stabcert.models.patch_tokens import feature_of_patches, with_own
from stabcert.models.transfer import masks_to_device

_SMALLEST_CROP = 0.35
"""Smallest share of the picture's area in a crop."""
_WIDEST_CROP = 4 / 3
_ROWS = {"cpu": 16}
_KEPT = 256
"""Most masked images that are remembered; those of the held-out inputs are read again after each epoch."""


class ImageInputs:
    """Masked images of one model, by the code that certifies them.

    Args:
        model: an image model.
        network: its network.
        features: kind of the features.
        baseline: replacement of a dropped feature.
        further_features: kinds of features that half of the training inputs have instead.
    """

    def __init__(
        self,
        model: LoadedModel,
        network: ImageNetwork,
        features: str | None,
        baseline: str | None,
        further_features: tuple[str, ...],
    ) -> None:
        self._device = model.device
        self._network = network
        self._features = "default" if features is None else features
        self._drops = baseline == "drop"
        # Reused tokens have no gradients, so here masks are put on pixels, which gives the same logits.
        self._baseline = "zero" if baseline is None or self._drops else baseline
        self._further_features = further_features
        self._known: dict[tuple[str, str], MaskedImage] = {}

    def check(self, model: LoadedModel, examples: Sequence[Example]) -> CheckedInputs:
        """Return features and settings of the first input; every refusal is that of the model's predictor."""
        example = examples[0]
        if not isinstance(example.data, Image.Image):
            raise InputError(f"{model.id} classifies images, and {example.id} is a text. Give images")
        baseline = "drop" if self._drops else self._baseline
        kinds = (*self._further_features, self._features)
        made = [model.predictor(example.data, features=kind, baseline=baseline).masked_input for kind in kinds]
        return CheckedInputs(made[-1].features, made[-1].settings)

    def masked(self, example: Example, rng: Generator | None = None, *, crop: bool = False) -> MaskedImage:
        """Return an input, or a random crop of it; with ``rng`` its features are of one of the kinds."""
        kind = draw_kind(self._features, self._further_features, rng)
        known = None if crop else self._known.get((example.sha256, kind))
        if known is not None:
            return known
        if not isinstance(example.data, Image.Image):
            raise InputError(f"{example.id} is a text among images. Leave it out")
        with about(example):
            made = MaskedImage(
                self._network.logits,
                random_crop(example.data, rng) if crop and rng is not None else example.data,
                self._network.preprocessing,
                features=kind,
                baseline=self._baseline,
                patch_size=self._network.patch_size,
                channels_last=self._network.channels_last,
                stage=self._network.token_stage(),
                device=self._device,
            )
        if rng is None and len(self._known) < _KEPT:
            self._known[example.sha256, kind] = made
        return made

    def rows_at_once(self, examples: Sequence[Example]) -> int | None:
        """Return how many rows to train on at a time where memory is not checked by the device; otherwise None."""
        return _ROWS.get(self._device.type)

    def logits(self, module: torch.nn.Module, rows: Sequence[tuple[MaskedImage, Masks]]) -> torch.Tensor:
        """Return the logits of all masks of all images, image by image, in the current mode of gradients."""
        if self._drops:
            return self._logits_of_kept_patches(module, rows)
        return self._network.run(module, torch.cat([masked.batch(masks) for masked, masks in rows]))

    def saliency(self, module: torch.nn.Module, inputs: Sequence[MaskedImage]) -> list[NDArray[np.float64]]:
        """Return the importance of each feature for the predicted class: absolute gradients, as the method saliency."""
        form = torch.channels_last if self._network.channels_last else torch.contiguous_format
        pixels = torch.cat([masked.point for masked in inputs]).contiguous(memory_format=form).requires_grad_()
        with torch.enable_grad():
            best = torch.softmax(self._network.run(module, pixels).float(), dim=-1).amax(dim=-1)
            (slopes,) = torch.autograd.grad(best.sum(), pixels)
        sums = [masked.per_feature(slope[None]) for masked, slope in zip(inputs, slopes.abs(), strict=True)]
        return [scores[0].cpu().double().numpy() for scores in sums]

    def _logits_of_kept_patches(
        self, module: torch.nn.Module, rows: Sequence[tuple[MaskedImage, Masks]]
    ) -> torch.Tensor:
        """Return the logits of patches without those that are dropped, as `stabcert.models.patch_tokens` gives them."""
        stage = self._network.token_stage()
        if stage is None:
            raise ParameterError("baseline='drop' is not possible with this model. Use baseline='zero'", "baseline")
        trained = replace(stage, module=lambda: module)
        pixels = torch.cat([masked.point for masked, _ in rows])
        tokens = trained.tokens_of_all(pixels)  # (images, own tokens and then patches, width)
        layout = layout_of(stage, pixels[:1])
        remains = None if layout is None else removal_of(stage, pixels[:1], layout)
        if tokens is None or layout is None or remains is None:
            raise ParameterError("baseline='drop' is not possible with this model. Use baseline='zero'", "baseline")
        kept_rows, kept_patches = [], []
        for image, (masked, masks) in enumerate(rows):
            of_patch = feature_of_patches(masked.labels, layout)
            if of_patch is None:
                raise ParameterError("features must consist of whole patches for baseline='drop'. Use features='patch'")
            for row in masks_to_device(masks[:, of_patch], self._device):
                patches = torch.nonzero(row)[:, 0]
                kept_patches.append(patches)
                kept_rows.append(with_own(tokens[image], layout.own, patches[None])[0])
        counts = [len(row) for row in kept_rows]
        logits: dict[int, torch.Tensor] = {}
        for count in sorted(set(counts)):
            same = [index for index, other in enumerate(counts) if other == count]
            if count == layout.own and remains == "nothing":
                of_none = self._network.run(module, torch.zeros_like(pixels[:1]))  # the mean colour
                logits.update((index, of_none[0]) for index in same)
                continue
            given, patches = (torch.stack([part[index] for index in same]) for part in (kept_rows, kept_patches))
            logits.update(zip(same, trained.logits(pixels[:1], given, patches), strict=True))
        return torch.stack([logits[index] for index in range(len(counts))])


def random_crop(image: Image.Image, rng: Generator) -> Image.Image:
    """Return a crop of 35% to 100% of the area, of width to height 3/4 to 4/3 times the image's; half are mirrored."""
    share, shape = rng.uniform(_SMALLEST_CROP, 1), _WIDEST_CROP ** rng.uniform(-1, 1)
    width = min(image.width, max(1, round(image.width * (share * shape) ** 0.5)))
    height = min(image.height, max(1, round(image.height * (share / shape) ** 0.5)))
    left, top = int(rng.integers(image.width - width + 1)), int(rng.integers(image.height - height + 1))
    crop = image.crop((left, top, left + width, top + height))
    return crop.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if rng.integers(2) else crop
