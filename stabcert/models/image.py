"""An image as a masked input: features of pixels, and the replacement of a dropped pixel."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import PIL.Image
import torch
from numpy.typing import NDArray

from stabcert.core.types import Features, Masks
from stabcert.errors import InputError, ParameterError
from stabcert.models.batches import IMAGE_COST
from stabcert.models.failures import failing
from stabcert.models.patch_tests import can_reuse, layout_of, removal_of
from stabcert.models.patch_tokens import ImageTokens, PatchLayout, TokenStage, feature_of_patches
from stabcert.models.preprocessing import Preprocessing, colours_of, per_channel
from stabcert.models.segmentation import segment
from stabcert.models.transfer import masks_to_device

BASELINES = ("zero", "black", "mean", "blur", "drop")
_BLUR_SHARE = 1 / 20
_NOTHING_REMAINS = (
    "baseline='drop': this model predicts from its patches only. The mask that drops all of them is therefore the "
    "prediction for an image of the mean colour (baseline='zero')"
)


class MaskedImage:
    """One image and one network, as a `stabcert.models.masked_input.MaskedInput`.

    A kept pixel is bit for bit the pixel that the network reads without masking; a dropped one is
    bit for bit the baseline. Baselines, all in the model's own normalised space:

    - ``zero``: 0 after normalisation, the mean colour of the training data (black if the model
      does not normalise)
    - ``black``: the colour black
    - ``mean``: this image's mean colour
    - ``blur``: this image blurred (Gaussian, sigma one twentieth of the shorter side)
    - ``drop``: for vision transformers: the tokens of dropped patches are left out, the others keep their
      positions (Jain et al. 2022). Another function than any fill, and faster the fewer patches are kept. Where
      nothing remains without patches (the network averages them), the mask that drops all of them is ``zero``.

    Where patches are tokens, their embeddings are computed once and chosen by the mask. Whether
    this gives the same logits as pixels is tested first, once for each size of image.

    A network of one channel reads the brightness of the image, and its features are those of the grey image.

    Args:
        network: ``(b, channels, height, width)`` pixels on ``device`` in ``dtype`` to ``(b, n_classes)`` logits.
        image: in mode RGB; see `stabcert.models.decode.decode_image`.
        features: see `stabcert.models.segmentation.segment`.
        patch_size: of a model that works on patches.
        channels_last: give the network batches in that memory format, which is faster for
            convolutions; the values are the same.
        in_float64: the same network for float64 pixels.
        stage: where patches are tokens, in a vision transformer.
        stage_in_float64: the same in the network for float64 pixels.

    Raises:
        InputError: the image is not in mode RGB, or the label map cannot be used.
        ModelError: the preprocessing does not return finite ``(channels, height, width)`` pixels of
            colours between 0 and 1.
        ParameterError: the features or the baseline do not exist.
    """

    def __init__(
        self,
        network: Callable[[torch.Tensor], torch.Tensor],
        image: PIL.Image.Image,
        preprocessing: Preprocessing,
        *,
        features: str = "default",
        baseline: str = "zero",
        patch_size: int | None = None,
        channels_last: bool = False,
        in_float64: Callable[[torch.Tensor], torch.Tensor] | None = None,
        stage: TokenStage | None = None,
        stage_in_float64: TokenStage | None = None,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        if baseline not in BASELINES:
            raise ParameterError(f"image baseline {baseline!r} does not exist. Use {', '.join(BASELINES)}")
        if image.mode != "RGB":
            raise InputError(f"the image must be in mode RGB, got {image.mode}. Convert it with decode_image")
        with failing("the preprocessing of this model"):
            visible = preprocessing.to_pixels(image)
        self.pixels = colours_of(visible, preprocessing)
        """The pixels that the model reads, as colours: ``(height, width, 3)`` uint8."""
        self._visible = visible[None].to(device, dtype).contiguous()
        self._baseline = _baseline(baseline, visible, preprocessing)[None].to(device, dtype).contiguous()
        layout = None if stage is None else layout_of(stage, self._visible)
        grid = None if layout is None else (layout.rows, layout.columns)
        division = segment(features, self.pixels, patch_size, grid)
        self.labels = division.labels
        """``(height, width)`` int64: the feature of each pixel."""
        self._notes = division.notes
        self._features = division.features
        height, width = self.labels.shape
        self._settings = {**division.settings, "baseline": baseline, "input_size": [width, height]}
        self._network = network
        self._network_in_float64 = in_float64
        self._device = device
        self._memory_format = torch.channels_last if channels_last else torch.contiguous_format
        self._index = torch.from_numpy(self.labels).flatten().to(device)
        # Rows of pixels repeat in grids: a mask is spread over the different ones, and these are copied whole.
        rows, row_of = np.unique(self.labels, axis=0, return_inverse=True)
        self._different_rows = torch.from_numpy(rows).flatten().to(device)
        self._row_of = torch.from_numpy(row_of.reshape(-1)).to(device)
        self._stage_in_float64 = stage_in_float64
        self._tokens = self._removing(stage, layout) if baseline == "drop" else self._reusing(stage, layout)
        if self._tokens is not None:
            self._tokens.embed()

    def _reusing(self, stage: TokenStage | None, layout: PatchLayout | None) -> ImageTokens | None:
        """Return the tokens of this image and its baseline, if masks of its features are masks of them."""
        if stage is None or stage.rotated is not None or layout is None or not layout.divides(*self.labels.shape):
            return None
        known = feature_of_patches(self.labels, layout)
        if known is None or not can_reuse(stage, self._visible, layout):
            return None
        return ImageTokens(stage, self._visible, self._baseline, layout, known, remains=None)

    def _removing(self, stage: TokenStage | None, layout: PatchLayout | None) -> ImageTokens:
        """Return the tokens of this image, to be left out.

        Raises:
            ParameterError: patches cannot be removed.
        """
        known = None if layout is None else feature_of_patches(self.labels, layout)
        if stage is not None and layout is not None and known is not None:
            remains = removal_of(stage, self._visible, layout)
            if remains is not None:
                if remains == "nothing":
                    self._settings["nothing_kept"] = "zero"
                    self._notes = (*self._notes, _NOTHING_REMAINS)
                return ImageTokens(stage, self._visible, self._baseline, layout, known, remains=remains)
        why = (
            "this model does not read patches as tokens that can be left out"
            if layout is None or known is not None
            else f"features must consist of whole patches ({layout.patch_size} x {layout.patch_size} pixels)"
        )
        raise ParameterError(
            f"baseline='drop' is not possible, because {why}. Use baseline='{'|'.join(BASELINES[:-1])}', or a "
            "vision transformer with features='patch'",
            "baseline",
        )

    @property
    def features(self) -> Features:
        return self._features

    @property
    def settings(self) -> dict[str, Any]:
        return dict(self._settings)

    @property
    def notes(self) -> tuple[str, ...]:
        return self._notes

    @property
    def relaxation(self) -> str:
        return "each pixel is baseline + weight * (pixel - baseline)"

    def cost(self, masks: Masks) -> NDArray[np.int64]:
        return np.full(len(masks), IMAGE_COST, dtype=np.int64) if self._tokens is None else self._tokens.cost(masks)

    @property
    def pads(self) -> bool:
        return False

    def in_float64(self) -> MaskedImage | None:
        if self._network_in_float64 is None:
            return None
        exact = copy.copy(self)  # nothing is decoded or divided again
        exact._network = self._network_in_float64
        exact._visible, exact._baseline = self._visible.double(), self._baseline.double()
        if self._tokens is not None:
            if self._stage_in_float64 is None:
                return None
            exact._tokens = self._tokens.with_stage(self._stage_in_float64, exact._visible, exact._baseline)
        return exact

    def shifted(self, noise: torch.Tensor) -> MaskedImage:
        """Return this image plus ``noise`` of the shape of `point`, with the same features and the same baseline."""
        moved = copy.copy(self)  # nothing is decoded or divided again
        moved._visible = self._visible + noise.to(self._visible)
        if self._tokens is not None:  # those of this image are not those of the moved one
            moved._tokens = self._tokens.of_pixels(moved._visible, self._baseline)
        return moved

    def logits(self, masks: Masks) -> torch.Tensor:
        return self._network(self.batch(masks)) if self._tokens is None else self._tokens.logits(masks)

    def batch(self, masks: Masks) -> torch.Tensor:
        """Map ``(k, n_features)`` masks to the ``(k, channels, height, width)`` pixels that the network reads."""
        kept = self._spread(masks_to_device(masks, self._device))
        # No product with the mask: 0 * pixel + baseline rounds, and differs from the baseline for -0. Choosing in
        # planes of one channel and then changing the format is faster than choosing in that of convolutions.
        pixels = torch.where(kept, self._visible, self._baseline)
        return pixels.contiguous(memory_format=self._memory_format)

    def relaxed_logits(self, weights: torch.Tensor) -> torch.Tensor:
        spread = self._spread(weights.to(self._visible.device, self._visible.dtype))
        # Unlike baseline + weight * (pixel - baseline), lerp is exact at both 0 and 1.
        return self.logits_at(torch.lerp(self._baseline, self._visible, spread))

    @property
    def point(self) -> torch.Tensor:
        """``(1, channels, height, width)`` normalised pixels."""
        return self._visible.clone()

    def logits_at(self, points: torch.Tensor) -> torch.Tensor:
        return self._network(points.contiguous(memory_format=self._memory_format))

    def per_feature(self, values: torch.Tensor) -> torch.Tensor:
        of_pixels = values.sum(dim=1).flatten(start_dim=1)
        return of_pixels.new_zeros(len(values), len(self._features)).index_add(1, self._index, of_pixels)

    def _spread(self, per_feature: torch.Tensor) -> torch.Tensor:
        rows = per_feature.index_select(1, self._different_rows)
        rows = rows.view(len(per_feature), len(self._different_rows) // self.labels.shape[1], self.labels.shape[1])
        return rows.index_select(1, self._row_of)[:, None]


def _baseline(name: str, visible: torch.Tensor, preprocessing: Preprocessing) -> torch.Tensor:
    if name in ("zero", "drop"):  # gradients of removed patches fade them into the mean colour
        flat = torch.zeros(len(visible), 1, 1)
    elif name == "black":
        flat = -per_channel(preprocessing.mean) / per_channel(preprocessing.std)
    elif name == "mean":
        flat = visible.double().mean(dim=(1, 2), keepdim=True).float()
    else:
        return _blurred(visible)
    return flat.expand_as(visible).contiguous()


def _blurred(visible: torch.Tensor) -> torch.Tensor:
    from scipy.ndimage import gaussian_filter

    # Blurring is linear and keeps constants, so that before and after normalisation are the same.
    sigma = _BLUR_SHARE * min(visible.shape[1:])
    blurred = gaussian_filter(visible.double().numpy(), sigma=(0, sigma, sigma), mode="reflect")
    return torch.from_numpy(blurred).float()
