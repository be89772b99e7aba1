"""Tests of a vision transformer: how it divides an image into patches, and what the removal of patches means to it.

They are made with random pixels, once for each size of image, and not with the image that is explained: they are
about the network, and an image of one colour would hide what they look for.
"""

from __future__ import annotations

from typing import cast

import torch

from stabcert.errors import ModelError
from stabcert.models.patch_tokens import PatchLayout, Remains, TokenStage, with_own

# The two ways to one result may differ by so much of the logits' scale.
_TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-8, torch.bfloat16: 0.1, torch.float16: 0.02}
# What networks raise when they cannot do without some of their tokens; `stabcert.models.failures` makes a ModelError
# of it where the network is a loaded one.
_FAILURES = (RuntimeError, IndexError, ValueError, ModelError)


def layout_of(stage: TokenStage, pixels: torch.Tensor) -> PatchLayout | None:
    """Return how the network divides images of the size of ``pixels``; None if its tokens are not those of patches.

    Guaranteed for the pixels of the test: the token of a patch depends on the pixels of that patch alone, and pixels
    at the right and bottom that belong to no patch change no token. The network is run up to its tokens only.
    """
    key = ("layout", *pixels.shape[1:])
    if key not in stage.known:
        with torch.inference_mode():
            stage.known[key] = _find_layout(stage, pixels)
    return cast("PatchLayout | None", stage.known[key])


def can_reuse(stage: TokenStage, pixels: torch.Tensor, layout: PatchLayout) -> bool:
    """Return whether tokens of two images, mixed patch by patch, give the logits of the mixed pixels."""
    key = ("reuse", *pixels.shape[1:])
    if key not in stage.known:
        with torch.inference_mode():
            stage.known[key] = _mixes(stage, pixels, layout)
    return cast("bool", stage.known[key])


def removal_of(stage: TokenStage, pixels: torch.Tensor, layout: PatchLayout) -> Remains | None:
    """Return what the network reads without any patch; None if leaving out the tokens of patches has no one meaning.

    The test: tokens must give the logits of the pixels, whatever other pixels the network is given beside them; their
    order must change nothing (rotary positions go with their tokens); and fewer of them must be possible.
    """
    key = ("removal", *pixels.shape[1:])
    if key not in stage.known:
        with torch.inference_mode():
            stage.known[key] = _find_removal(stage, pixels, layout)
    return cast("Remains | None", stage.known[key])


def _find_layout(stage: TokenStage, pixels: torch.Tensor) -> PatchLayout | None:
    height, width = pixels.shape[2:]
    side = stage.patch_size
    one, other = _noise(pixels, 0), _noise(pixels, 1)
    of_one, of_other = stage.tokens(one), stage.tokens(other)
    if of_one is None or of_other is None or of_one.shape != of_other.shape or len(of_one) == 0:
        return None
    # Pixels that do not fill a patch are left out by most networks, and filled up by some.
    for rows, columns in dict.fromkeys([(height // side, width // side), (-(-height // side), -(-width // side))]):
        own = len(of_one) - rows * columns
        if own < 0 or rows * columns == 0:
            continue
        layout = PatchLayout(rows, columns, own, side)
        half = _half(layout, pixels.device)
        mixed = stage.tokens(torch.where(_spread(half, layout, height, width), one, other))
        expected = torch.cat([of_one[:own], torch.where(half[:, None], of_one[own:], of_other[own:])])
        apart = (of_one[own:] - of_other[own:]).abs().amax(dim=1) > 0
        if mixed is not None and bool(apart.all()) and _close(expected, mixed):
            return layout
    return None


def _mixes(stage: TokenStage, pixels: torch.Tensor, layout: PatchLayout) -> bool:
    one, other = _noise(pixels, 0), _noise(pixels, 1)
    of_one, of_other = stage.tokens(one), stage.tokens(other)
    if of_one is None or of_other is None:
        return False
    half = _half(layout, pixels.device)
    kept = torch.cat([half.new_ones(layout.own), half])
    by_pixels = stage.call(stage.module(), torch.where(_spread(half, layout, *pixels.shape[2:]), one, other))
    patches = torch.arange(layout.patches, device=pixels.device)[None]
    try:
        by_tokens = stage.logits(one, torch.where(kept[:, None], of_one, of_other)[None], patches)
    except _FAILURES:
        return False
    return _close(by_pixels, by_tokens)


def _find_removal(stage: TokenStage, pixels: torch.Tensor, layout: PatchLayout) -> Remains | None:
    one, nothing = _noise(pixels, 0), torch.zeros_like(pixels)
    tokens = stage.tokens(one)
    if tokens is None:
        return None
    plain = stage.call(stage.module(), one)
    order = torch.arange(layout.patches, device=pixels.device)
    other = torch.randperm(layout.patches, generator=torch.Generator().manual_seed(3)).to(pixels.device)
    both, some = torch.stack([order, other]), order[_half(layout, pixels.device)][None]
    try:
        given = stage.logits(nothing, with_own(tokens, layout.own, both), both)
        fewer = stage.logits(nothing, with_own(tokens, layout.own, some), some)
    except _FAILURES:  # a table of positions between tokens, for example
        return None
    if not (_close(plain.expand(2, -1), given, pixels.dtype) and fewer.shape == plain.shape):
        return None
    if not bool(torch.isfinite(fewer).all()):
        return None
    if layout.own == 0:
        return "nothing"
    # The mean of no patches is not a number, and a head that reads only patches does not read the tokens that remain.
    own = tokens[: layout.own]
    try:
        none = stage.logits(nothing, torch.stack([own, 2 * own + 1]), both[:, :0])
    except _FAILURES:
        return "nothing"
    remains = none.shape == given.shape and bool(torch.isfinite(none).all()) and not torch.equal(none[0], none[1])
    return "own tokens" if remains else "nothing"


def _noise(pixels: torch.Tensor, seed: int) -> torch.Tensor:
    """Return random pixels of the shape of ``pixels``, the same on every device; bright for seed 0, dark for 1."""
    numbers = torch.randn(pixels.shape, generator=torch.Generator().manual_seed(seed))
    return (numbers + 1 - 2 * seed).to(pixels)


def _half(layout: PatchLayout, device: torch.device) -> torch.Tensor:
    """Return ``(patches,)`` bool, a random half of them (at least one)."""
    numbers = torch.rand(layout.patches, generator=torch.Generator().manual_seed(2))
    return (numbers <= numbers.median()).to(device)


def _spread(kept: torch.Tensor, layout: PatchLayout, height: int, width: int) -> torch.Tensor:
    """Return ``(height, width)`` bool from ``(patches,)``; False where pixels belong to no patch."""
    side = layout.patch_size
    grid = kept.view(layout.rows, layout.columns).repeat_interleave(side, 0).repeat_interleave(side, 1)
    spread = kept.new_zeros(height, width)
    seen = layout.seen(height, width)
    spread[: seen[0], : seen[1]] = grid[: seen[0], : seen[1]]
    return spread


def _close(first: torch.Tensor, second: torch.Tensor, dtype: torch.dtype = torch.float32) -> bool:
    if first.shape != second.shape:
        return False
    first, second = first.cpu().double(), second.cpu().double()
    scale = max(1.0, float(first.abs().max()))
    return bool((first - second).abs().max() <= _TOLERANCE[dtype] * scale)
