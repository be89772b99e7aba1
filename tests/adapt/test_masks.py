"""The masks that are trained on."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from stabcert.adapt.masks import draw_masks, exact_share_mask, plan_masks
from stabcert.adapt.settings import MASK_KINDS, AdaptSettings, MaskKind
from stabcert.core.types import Feature, Features, Masks

GRID = Features("grid", tuple(Feature(str(i)) for i in range(36)), (6, 6))
WORDS = Features("word", tuple(Feature(str(i), span=(i, i + 1)) for i in range(12)), (12,))
SEGMENTS = Features("segment", tuple(Feature(str(i)) for i in range(20)), (20,))
COUNT = 400


def _drawn(
    features: Features,
    *kinds: MaskKind,
    scores: NDArray[np.float64] | None = None,
    settings: AdaptSettings | None = None,
) -> Masks:
    settings = settings or AdaptSettings(copies=COUNT, mask_kinds=kinds)
    rng = np.random.default_rng(0)
    return draw_masks(plan_masks(settings, rng), features, settings, scores, rng)


@pytest.mark.parametrize("features", [GRID, WORDS, SEGMENTS])
@pytest.mark.parametrize("kind", MASK_KINDS)
def test_every_kind_keeps_something_and_has_many_sizes(features: Features, kind: MaskKind) -> None:
    masks = _drawn(features, kind, scores=np.arange(len(features), dtype=np.float64))
    assert masks.shape == (COUNT, len(features))
    assert masks.any(axis=1).all()
    assert len(set(masks.sum(axis=1))) > 5


def test_shares_of_uniform_masks_are_uniform() -> None:
    shares = _drawn(GRID, "uniform").mean(axis=1)
    # Deviation of a mean of 400: 0.016.
    assert abs(shares.mean() - 0.5) < 0.1
    assert abs(np.mean(shares < 0.25) - 0.25) < 0.14


@pytest.mark.parametrize("features", [GRID, WORDS])
def test_blocks_or_their_complements_are_rectangles(features: Features) -> None:
    shape = features.shape if len(features.shape) == 2 else (1, len(features))
    for mask in _drawn(features, "blocks").reshape(COUNT, *shape):
        assert any(_is_rectangle(each) for each in (mask, ~mask))


def _is_rectangle(mask: NDArray[np.bool_]) -> bool:
    _, pieces = ndimage.label(mask)
    rows, columns = mask.any(axis=1), mask.any(axis=0)
    return pieces == 1 and bool(mask[np.ix_(rows, columns)].all())


def test_masks_of_attributions_keep_the_features_with_the_highest_scores() -> None:
    scores = np.random.default_rng(1).random(36)
    for mask in _drawn(GRID, "attribution", scores=scores):
        assert scores[mask].min() > scores[~mask].max(initial=-1)


def test_noise_of_the_smoothing_has_the_keep_probability_of_a_lambda() -> None:
    settings = AdaptSettings(copies=COUNT, mask_kinds=("smoothing",), lambdas=(Fraction(1, 4),))
    plans = [plan for plan in plan_masks(settings, np.random.default_rng(0)) if not plan.inside]
    masks = draw_masks(plans, GRID, settings, None, np.random.default_rng(0))
    # About 200 masks of 36 features: the deviation of the share is 0.005.
    assert abs(masks.mean() - 0.25) < 0.035


def test_scores_are_requested_only_where_they_are_used() -> None:
    settings = AdaptSettings(copies=COUNT)
    plans = plan_masks(settings, np.random.default_rng(0))
    without = [plan for plan in plans if not plan.needs_scores]
    assert 0 < len(without) < COUNT
    first, second = (
        draw_masks(without, GRID, settings, scores, np.random.default_rng(0)) for scores in (None, np.arange(36.0))
    )
    assert np.array_equal(first, second)
    assert not any(
        p.needs_scores for p in plan_masks(AdaptSettings(mask_kinds=("smoothing",)), np.random.default_rng(0))
    )


@pytest.mark.parametrize(("share", "kept"), [(0.5, 6), (0.25, 3), (0.01, 1)])
def test_masks_of_an_exact_share_keep_that_many(share: float, kept: int) -> None:
    assert exact_share_mask(12, share, np.random.default_rng(0)).sum() == kept
