"""Vision transformers by their tokens: patches whose embeddings are reused, or that are really removed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from stabcert.core.types import Masks
from stabcert.models.transfer import masks_to_device

Remains = Literal["own tokens", "nothing"]
"""The rest when every patch is removed: the tokens of the network, or nothing that its prediction depends on."""


@dataclass(frozen=True)
class PatchLayout:
    """The division of an image of one size into the patches that a network reads, row by row from the top left."""

    rows: int
    columns: int
    own: int
    """Tokens that belong to no patch. They come first and are always kept."""
    patch_size: int

    @property
    def patches(self) -> int:
        return self.rows * self.columns

    def seen(self, height: int, width: int) -> tuple[int, int]:
        """Return how many rows and columns of the pixels, from the top left, are part of a patch."""
        return min(height, self.rows * self.patch_size), min(width, self.columns * self.patch_size)

    def divides(self, height: int, width: int) -> bool:
        """Return whether the patches are whole and cover all pixels."""
        return (height, width) == (self.rows * self.patch_size, self.columns * self.patch_size)


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
    rotated: Callable[[torch.nn.Module], Sequence[torch.nn.Module]] | None = None
    """The blocks that read rotary positions, as their argument ``rope``: ``(..., patches, width)``. None where the
    tokens contain all positions."""
    known: dict[tuple[Any, ...], Any] = field(default_factory=dict, repr=False, compare=False)
    """The results of tests on the network, by test and size of the image; see `stabcert.models.patch_tests`."""

    def tokens(self, pixels: torch.Tensor) -> torch.Tensor | None:
        """Return ``(tokens, width)`` for one image ``(1, channels, height, width)``; None if it has other output."""
        found = self.tokens_of_all(pixels)
        return None if found is None or len(found) != 1 else found[0]

    def tokens_of_all(self, pixels: torch.Tensor) -> torch.Tensor | None:
        """Return ``(k, tokens, width)`` for k images ``(k, channels, height, width)``; None if it has other output.

        The network is run up to this stage only.
        """
        seen: list[Any] = []

        def take(module: torch.nn.Module, inputs: Any, output: Any) -> None:
            seen.append(output)
            raise _Reached

        handle = self.stage(self.module()).register_forward_hook(take)
        try:
            self.call(self.module(), pixels)
        except _Reached:
            pass
        finally:
            handle.remove()
        output = seen[0] if len(seen) == 1 else None
        return output if isinstance(output, torch.Tensor) and output.ndim == 3 else None

    def logits(self, pixels: torch.Tensor, tokens: torch.Tensor, patches: torch.Tensor) -> torch.Tensor:
        """Return logits for ``(k, t, width)`` tokens that replace those of ``pixels``, one image of the same size.

        Args:
            pixels: one image.
            tokens: for each row the network's own tokens, and then those of ``patches``.
            patches: ``(k, t - own)`` int64, the patch that each token belongs to. It gives rotary positions.
        """
        with self._replaced(tokens, patches):
            return self.call(self.module(), pixels)

    @contextmanager
    def _replaced(self, tokens: torch.Tensor, patches: torch.Tensor) -> Iterator[None]:
        module = self.module()
        handles = [self.stage(module).register_forward_hook(lambda module, inputs, output: tokens)]

        def turn(block: torch.nn.Module, given: Any, named: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
            rope = named.get("rope")
            return given, named if rope is None else {**named, "rope": _positions(rope, patches)}

        blocks = () if self.rotated is None else self.rotated(module)
        handles += [block.register_forward_pre_hook(turn, with_kwargs=True) for block in blocks]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()


class _Reached(BaseException):  # not an Exception, which would be reported as a failure of the network
    """The end of a forward pass that has reached the tokens."""


def _positions(rope: torch.Tensor, patches: torch.Tensor) -> torch.Tensor:
    """Return those rows of ``(..., all patches, width)`` that belong to ``(k, t)`` patches, rows of patches first."""
    chosen = rope[..., patches.to(rope.device), :].movedim(-3, 0)
    return chosen[:, None] if rope.ndim == 2 else chosen


class ImageTokens:
    """The tokens of one image and of its baseline, selected by masks.

    Args:
        stage: stage of the network.
        visible: ``(1, channels, height, width)`` pixels.
        baseline: pixels that replace a dropped patch. Of removed patches: the image that is read when nothing remains.
        layout: division of this image.
        feature_of_patch: ``(patches,)``, see `feature_of_patches`.
        remains: leave out the tokens of dropped patches; what the network then reads without any.
            None: replace them by those of the baseline.
    """

    def __init__(
        self,
        stage: TokenStage,
        visible: torch.Tensor,
        baseline: torch.Tensor,
        layout: PatchLayout,
        feature_of_patch: NDArray[np.int64],
        *,
        remains: Remains | None,
    ) -> None:
        self._stage = stage
        self._visible, self._baseline = visible, baseline
        self._layout = layout
        self._feature_of_patch = feature_of_patch
        self._remains = remains

    def with_stage(self, stage: TokenStage, visible: torch.Tensor, baseline: torch.Tensor) -> ImageTokens:
        """Return the tokens of another network and of pixels of another type."""
        return ImageTokens(stage, visible, baseline, self._layout, self._feature_of_patch, remains=self._remains)

    def of_pixels(self, visible: torch.Tensor, baseline: torch.Tensor) -> ImageTokens:
        """Return the tokens of other pixels in the same network."""
        return self.with_stage(self._stage, visible, baseline)

    def embed(self) -> None:
        """Compute the tokens now, outside of autocast, and not when they are first needed."""
        _ = self._of_visible
        if self._remains is None:
            _ = self._of_baseline

    @cached_property
    def _of_visible(self) -> torch.Tensor:
        return self._tokens_of(self._visible)

    @cached_property
    def _of_baseline(self) -> torch.Tensor:
        return self._tokens_of(self._baseline)

    def _tokens_of(self, pixels: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode():
            tokens = self._stage.tokens(pixels)
        if tokens is None:
            raise RuntimeError("the network does not give tokens of patches")
        return tokens

    def cost(self, masks: Masks) -> NDArray[np.int64]:
        """Return the number of tokens that the network reads for each mask."""
        every = self._layout.patches + self._layout.own
        if self._remains is None:
            return np.full(len(masks), every, dtype=np.int64)
        kept: NDArray[np.int64] = masks[:, self._feature_of_patch].sum(axis=1, dtype=np.int64)
        cost: NDArray[np.int64] = kept + self._layout.own
        return np.where((kept == 0) & (self._remains == "nothing"), every, cost)

    def logits(self, masks: Masks) -> torch.Tensor:
        """Return the logits of ``(k, n_features)`` masks; of one cost, where patches are removed."""
        chosen = masks[:, self._feature_of_patch]
        if self._remains != "nothing" or chosen.any(axis=1).all():
            return self._of_patches(chosen)
        # One image whatever the number of rows, so that the rest of the batch cannot change it.
        of_none = self._stage.call(self._stage.module(), self._baseline)
        logits = of_none.repeat(len(chosen), 1)
        some = np.flatnonzero(chosen.any(axis=1))
        if len(some):
            logits[torch.from_numpy(some).to(logits.device)] = self._of_patches(chosen[some]).to(logits.dtype)
        return logits

    def _of_patches(self, chosen: Masks) -> torch.Tensor:
        own, visible = self._layout.own, self._of_visible
        kept = masks_to_device(chosen, self._visible.device)
        if self._remains is None:
            always = kept.new_ones(len(kept), own)
            mixed = torch.where(torch.cat([always, kept], dim=1)[:, :, None], visible, self._of_baseline)
            return self._stage.logits(self._visible, mixed, torch.arange(kept.shape[1]).expand(kept.shape))
        # A stable sort of "dropped" lists the kept patches first, in their order.
        patches = torch.argsort((~kept).to(torch.uint8), dim=1, stable=True)[:, : int(kept[0].sum())]
        return self._stage.logits(self._visible, with_own(visible, own, patches), patches)


def with_own(tokens: torch.Tensor, own: int, patches: torch.Tensor) -> torch.Tensor:
    """Return the first ``own`` of ``(tokens, width)`` and those of ``(k, t)`` patches: ``(k, own + t, width)``."""
    first = torch.arange(own, device=tokens.device).expand(len(patches), own)
    return tokens[torch.cat([first, own + patches], dim=1)]


def feature_of_patches(labels: NDArray[np.int64], layout: PatchLayout) -> NDArray[np.int64] | None:
    """Return the feature of each patch, row by row; None where a patch belongs to several features."""
    side = layout.patch_size
    height, width = layout.seen(*labels.shape)
    first = labels[:height:side, :width:side]
    spread = first.repeat(side, axis=0)[:height].repeat(side, axis=1)[:, :width]
    return first.reshape(-1) if (labels[:height, :width] == spread).all() else None
