"""Decisions on the accelerator against float64 on the CPU."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from stabcert.core.decisions import decide
from tests.accelerator.networks import (
    DEVICE,
    DTYPES,
    FAMILIES,
    OPTIONS,
    exact_logits,
    loaded,
    margins,
    masks_of,
    predictor,
)

# Largest error of a margin in half precision, as a share of the largest logit: accumulated over few layers.
ERRORS = {"bfloat16": 0.1, "float16": 0.02}


@pytest.mark.parametrize("family", FAMILIES)
def test_in_float32_every_decision_is_that_of_float64(networks: dict[str, Path], family: str) -> None:
    options = OPTIONS.get(family, {})
    model = predictor(loaded(networks[family]), **options)
    masks = masks_of(model.n_features)
    exact = exact_logits(networks[family], masks, **options)
    classes, counts = np.unique(exact.argmax(axis=1), return_counts=True)
    assert len(classes) > 1, "the network predicts one class whatever the mask"
    assert counts.max() < 0.97 * len(masks)
    found = decide(model, masks)
    clear = margins(exact) > 1e-8
    assert np.array_equal(found.classes[clear], exact.argmax(axis=1)[clear])
    assert not found.near_tie[clear].any()
    probabilities = np.exp(exact - exact.max(axis=1, keepdims=True))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    print(f"{family}: largest error {np.abs(model(masks) - probabilities).max():.1e}")  # noqa: T201
    np.testing.assert_allclose(model(masks), probabilities, rtol=0, atol=1e-4)
    assert model.drift <= model.drift_tolerance


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("family", FAMILIES)
def test_in_half_precision_clear_decisions_are_those_of_float64(
    networks: dict[str, Path], family: str, dtype: str
) -> None:
    options = OPTIONS.get(family, {})
    model = predictor(loaded(networks[family], dtype=dtype), **options)
    masks = masks_of(model.n_features)
    exact = exact_logits(networks[family], masks, **options)
    found = decide(model, masks)
    other = found.classes != exact.argmax(axis=1)
    worst = margins(exact)[other].max(initial=0.0)
    print(f"{family} {dtype}: {other.mean():.1%} decided otherwise, margins up to {worst:.2g}")  # noqa: T201
    assert worst <= ERRORS[dtype] * np.abs(exact).max()
    assert other.mean() < 0.2


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("family", FAMILIES)
def test_decisions_do_not_depend_on_batches(networks: dict[str, Path], family: str, dtype: str) -> None:
    options = OPTIONS.get(family, {})
    model = loaded(networks[family], dtype=dtype)
    masks = masks_of(predictor(model, **options).n_features)
    expected = decide(predictor(model, batch_size=1, **options), masks)
    for batch_size in (3, 64, "auto"):
        found = decide(predictor(model, batch_size=batch_size, **options), masks)
        assert np.array_equal(found.classes, expected.classes)
        assert np.array_equal(found.near_tie, expected.near_tie)


@pytest.mark.parametrize("precision", ["high", "medium"])
def test_a_process_that_allows_tf32_gets_the_same_probabilities(networks: dict[str, Path], precision: str) -> None:
    found = []
    before = torch.get_float32_matmul_precision()
    for asked in (precision, "highest"):
        torch.set_float32_matmul_precision(asked)
        try:
            model = predictor(loaded(networks["vit"]))
            found.append(model(masks_of(model.n_features)))
        finally:
            torch.set_float32_matmul_precision(before)
    assert np.array_equal(*found)


@pytest.mark.parametrize("family", FAMILIES)
def test_gradients_are_those_of_the_cpu(networks: dict[str, Path], family: str) -> None:
    found = []
    for device in (DEVICE, "cpu"):
        model = predictor(loaded(networks[family], device))
        weights = torch.full((1, model.n_features), 0.5, device=device, requires_grad=True)
        (gradient,) = torch.autograd.grad(model.relaxed(weights)[0, 0], weights)
        found.append(gradient.cpu().numpy())
    # Convolutions may round their factors to TF32 here: no decision depends on it.
    np.testing.assert_allclose(*found, rtol=0, atol=2e-2 * np.abs(found[1]).max())
