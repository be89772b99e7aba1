"""Vision transformers by their tokens: patches whose embeddings are reused, or that are really removed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from stabcert.core.types import Masks
from stabcert.errors import ModelError
from stabcert.models.transfer import masks_to_device

# The two ways to one result may differ by so much of the logits' scale.
_TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-8, torch.bfloat16: 0.1, torch.float16: 0.02}


@dataclass(frozen=True)
class TokenStage:
    """The place in a vision transformer where patches have become tokens with positions."""

    module: Callable[[], torch.nn.Module]
    """The network; called when it is first needed."""
    stage: Callable[[torch.nn.Module], torch.nn.Module]
    """The part of it whose output is ``(k, tokens, width)``: tokens of its own, then one for each patch."""
    call: Callable[[torch.nn.Module, torch.Tensor], torch.Tensor]
    """The network on pixels."""
    patch_size: int

    def tokens(self, pixels: torch.Tensor) -> torch.Tensor | None:
        """Return ``(tokens, width)`` for one image ``(1, 3, height, width)``; None if the stage has other output."""
        seen: list[Any] = []
        handle = self.stage(self.module()).register_forward_hook(lambda module, inputs, output: seen.append(output))
        try:
            self.call(self.module(), pixels)
        finally:
            handle.remove()
        output = seen[0] if len(seen) == 1 else None
        known = isinstance(output, torch.Tensor) and output.ndim == 3 and len(output) == 1
        return output[0] if known else None  # type: ignore[index]

    def logits(self, pixels: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        """Return logits for ``(k, t, width)`` tokens that replace those of ``pixels``, one image of the same size."""
        handle = self.stage(self.module()).register_forward_hook(lambda module, inputs, output: tokens)
        try:
            return self.call(self.module(), pixels)
        finally:
            handle.remove()


class ImageTokens:
    """The tokens of one image and of its baseline, selected by masks.

    Args:
        stage: stage of the network.
        visible: ``(1, 3, height, width)`` pixels.
        baseline: pixels that replace a dropped patch; not used for removed patches.
        feature_of_patch: ``(patches,)``, see `feature_of_patches`.
        drop: leave out the tokens of dropped patches.
    """

    def __init__(
        self,
        stage: TokenStage,
        visible: torch.Tensor,
        baseline: torch.Tensor,
        feature_of_patch: NDArray[np.int64],
        *,
        drop: bool,
    ) -> None:
        self._stage = stage
        self._visible, self._baseline = visible, baseline
        self._feature_of_patch = feature_of_patch
        self._drop = drop

    def with_stage(self, stage: TokenStage, visible: torch.Tensor, baseline: torch.Tensor) -> ImageTokens:
        """Return the tokens of another network and of pixels of another type."""
        return ImageTokens(stage, visible, baseline, self._feature_of_patch, drop=self._drop)

    def of_pixels(self, visible: torch.Tensor, baseline: torch.Tensor) -> ImageTokens:
        """Return the tokens of other pixels in the same network."""
        return self.with_stage(self._stage, visible, baseline)

    @cached_property
    def _tokens(self) -> tuple[torch.Tensor, torch.Tensor] | None:
        with torch.inference_mode():
            visible, baseline = self._stage.tokens(self._visible), self._stage.tokens(self._baseline)
        if visible is None or baseline is None or len(visible) < len(self._feature_of_patch):
            return None
        return visible, baseline

    @property
    def own(self) -> int:
        """Tokens that belong to no patch; they are always kept."""
        return 0 if self._tokens is None else len(self._tokens[0]) - len(self._feature_of_patch)

    def cost(self, masks: Masks) -> NDArray[np.int64]:
        """Return the number of tokens that the network reads for each mask."""
        patches = len(self._feature_of_patch)
        if self._drop:
            kept: NDArray[np.int64] = masks[:, self._feature_of_patch].sum(axis=1, dtype=np.int64)
            return kept + self.own
        return np.full(len(masks), patches + self.own, dtype=np.int64)

    def logits(self, masks: Masks) -> torch.Tensor:
        """Return the logits of ``(k, n_features)`` masks; of one cost, where patches are removed."""
        kept = masks_to_device(masks[:, self._feature_of_patch], self._visible.device)
        return self._stage.logits(self._visible, self._of_patches(kept))

    def _of_patches(self, kept: torch.Tensor) -> torch.Tensor:
        if self._tokens is None:
            raise RuntimeError("the network does not give tokens of patches")
        visible, baseline = self._tokens
        always = kept.new_ones(len(kept), self.own)
        kept = torch.cat([always, kept], dim=1)
        if not self._drop:
            return torch.where(kept[:, :, None], visible, baseline)
        # A stable sort of "dropped" lists the kept tokens first, in their order.
        order = torch.argsort((~kept).to(torch.uint8), dim=1, stable=True)[:, : int(kept[0].sum())]
        return visible[order]

    def agrees(self, batch: Callable[[torch.Tensor], torch.Tensor]) -> bool:
        """Return whether tokens and pixels give the same logits, tested with half of the patches.

        Args:
            batch: ``(patches,)`` bool to ``(1, 3, height, width)`` masked pixels.
        """
        if self._tokens is None or self._drop:
            return False
        half = torch.arange(len(self._feature_of_patch), device=self._visible.device) % 3 != 1
        with torch.inference_mode():
            by_pixels = self._stage.call(self._stage.module(), batch(half))
            try:
                by_tokens = self._stage.logits(self._visible, self._of_patches(half[None]))
            except (RuntimeError, ModelError):
                return False
            return _close(by_pixels, by_tokens)

    def is_a_set(self) -> bool:
        """Return whether the network reads its patch tokens as a set, so that leaving some out has one meaning.

        The test: another order, and none of them, must be possible, and the order must change nothing.
        """
        if self._tokens is None or self.own == 0:
            return False
        tokens = self._tokens[0]
        with torch.inference_mode():
            try:
                given = self._stage.logits(self._visible, tokens[None])
                moved = torch.cat([tokens[: self.own], tokens[self.own :].flip(0)])
                turned = self._stage.logits(self._visible, moved[None])
                none = self._stage.logits(self._visible, torch.stack([tokens[: self.own]] * 2))
            except (RuntimeError, ModelError):  # a table of positions between tokens, say
                return False
            # Not finite: the mean of no patches.
            return _close(given, turned) and none.shape == (2, given.shape[1]) and bool(torch.isfinite(none).all())


def feature_of_patches(labels: NDArray[np.int64], patch_size: int) -> NDArray[np.int64] | None:
    """Return the feature of each patch, row by row; None where a patch belongs to several features."""
    height, width = labels.shape
    if height % patch_size or width % patch_size:
        return None
    blocks = labels.reshape(height // patch_size, patch_size, width // patch_size, patch_size)
    first = blocks[:, :1, :, :1]
    return first.reshape(-1) if (blocks == first).all() else None


def _close(first: torch.Tensor, second: torch.Tensor) -> bool:
    if first.shape != second.shape:
        return False
    first, second = first.cpu().double(), second.cpu().double()
    scale = max(1.0, float(first.abs().max()))
    return bool((first - second).abs().max() <= _TOLERANCE[torch.float32] * scale)
