"""What holds for every method: linear models, batch sizes, memory, seeds, plain functions, several at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
import torch

from stabcert.core.masks import top_k_mask
from stabcert.core.types import Masks, Probs
from stabcert.errors import ModelError, ParameterError
from stabcert.explainers import METHODS, explain, explain_all
from stabcert.models.text import MaskedText
from tests.doubles import Counting, Majority
from tests.explainers.formulas import CPU, Formula, linear, model
from tests.models.tiny_images import CLASSES, masked
from tests.tiny_models import tiny_network, tiny_resnet
from tests.tiny_tokenizers import tiny_tokenizer

COEFFICIENTS = np.array([0.05, 0.01, 0.09, 0.03, 0.07, 0.02, 0.0, 0.11])
MASK_METHODS = ("lime", "shap", "kernelshap", "occlusion", "random")
GRADIENT_METHODS = tuple(method for method in METHODS if method not in MASK_METHODS)
TOLERANCE = {
    # Probabilities of masks are computed from float32 logits, and captum's quadrature has float32 weights.
    "shap": 1e-6,
    "kernelshap": 1e-6,
    "occlusion": 1e-6,
    "intgrad": 1e-9,
    "inputxgrad": 1e-12,
    "smoothgrad": 1e-12,
    "clime": 1e-12,
}
"""Of the additive methods: how near they come to the coefficients of a linear probability."""


def _shap_slow(methods: Iterable[str]) -> list[Any]:
    """Importing shap takes seconds; `test_shap` alone does so in the quick part."""
    return [pytest.param(method, marks=pytest.mark.slow) if method == "shap" else method for method in methods]


def line(**options: Any) -> Any:
    return model(Formula(linear(COEFFICIENTS, base=0.3003), np.ones(8), **options))


@pytest.mark.slow
@pytest.mark.parametrize("method", [method for method in METHODS if method != "random"])
def test_the_order_of_the_coefficients_of_a_line_is_found(method: str) -> None:
    scores = explain(line(), method, target=1).scores
    assert np.array_equal(np.argsort(scores), np.argsort(COEFFICIENTS))


@pytest.mark.parametrize("method", _shap_slow(TOLERANCE))
def test_the_additive_methods_give_the_coefficients_themselves(method: str) -> None:
    signs = np.where(np.arange(8) % 3 == 0, -1.0, 1.0)
    coefficients, values = COEFFICIENTS * signs, np.linspace(0.5, 2.0, 8)
    predictor = model(Formula(linear(coefficients, base=0.4), values))
    for target, sign in ((1, 1), (0, -1)):
        scores = explain(predictor, method, target=target).scores
        np.testing.assert_allclose(scores, sign * coefficients * values, rtol=0, atol=TOLERANCE[method])


class Line:
    """The same line as a plain function of masks."""

    n_features = 8

    def __call__(self, masks: Masks, /) -> Probs:
        value = 0.3 + masks @ COEFFICIENTS
        return np.stack([1 - value, value], axis=1)


@pytest.mark.parametrize("method", _shap_slow(MASK_METHODS))
def test_methods_that_need_only_masks_work_on_plain_functions(method: str) -> None:
    attribution = explain(Line(), method, target=1)
    assert (attribution.method, attribution.target, attribution.scores.shape) == (method, 1, (8,))
    if method in TOLERANCE:
        np.testing.assert_allclose(attribution.scores, COEFFICIENTS, rtol=0, atol=1e-12)


@pytest.mark.parametrize("method", GRADIENT_METHODS)
def test_methods_that_need_gradients_name_those_that_do_not(method: str) -> None:
    with pytest.raises(ParameterError, match=f"{method} needs gradients, .* lime, shap, kernelshap, occlusion and"):
        explain(Majority(5), method)


def test_occlusion_evaluates_every_feature_once() -> None:
    counting = Counting(Majority(5))
    scores = explain(counting, "occlusion").scores
    assert counting.calls == 2
    assert counting.seen[1].sum() == 5 + 5 * 4
    assert np.array_equal(scores, np.zeros(5))  # no single feature decides a majority of five out of five


def image(batch_size: int) -> Any:
    network = masked(tiny_resnet(), patch_size=None, features="grid:4")
    return model(network, n_classes=CLASSES, batch_size=batch_size, dtype=torch.float32)


def text(batch_size: int) -> Any:
    fake = MaskedText(
        tiny_network("bert", initializer_range=0.2),
        tiny_tokenizer("bert"),
        "the movie was not bad, a great film",
        removes_tokens=True,
        device=CPU,
        dtype=torch.float32,
    )
    return model(fake, n_classes=3, batch_size=batch_size, dtype=torch.float32)


EFFORT = {"lime": 60, "shap": 100, "kernelshap": 80, "smoothgrad": 20, "clime": 50}


@pytest.mark.slow
@pytest.mark.parametrize("build", [image, text])
@pytest.mark.parametrize("method", METHODS)
def test_the_batch_size_changes_neither_scores_nor_masks(method: str, build: Any) -> None:
    first, *others = (explain(build(size), method, n_samples=EFFORT.get(method)).scores for size in (1, 7, 64))
    for other in others:
        np.testing.assert_allclose(other, first, rtol=0, atol=1e-5)
        for k in (1, 4, 6):
            assert np.array_equal(top_k_mask(other, k), top_k_mask(first, k))


@pytest.mark.parametrize("method", ["intgrad", "smoothgrad", "clime", "inputxgrad", "saliency", "mfaba"])
def test_a_batch_that_does_not_fit_into_memory_is_halved(method: str) -> None:
    small, large = Formula(linear(COEFFICIENTS), np.ones(8), fits=3), Formula(linear(COEFFICIENTS), np.ones(8))
    scores = [explain(model(fake, batch_size=16), method, target=1).scores for fake in (small, large)]
    np.testing.assert_allclose(scores[0], scores[1], rtol=0, atol=1e-12)
    assert [size for size in small.batches if size > 3] == [size for size in (16, 8, 4) if max(large.batches) >= 16]


@pytest.mark.parametrize("method", ["smoothgrad", "clime", "inputxgrad", "saliency", "mfaba"])
def test_one_input_that_does_not_fit_into_memory_is_an_error_that_says_what_to_do(method: str) -> None:
    fake = Formula(linear(COEFFICIENTS), np.ones(8))
    predictor = model(fake)
    predictor(np.ones((1, 8), dtype=bool))
    fake.fits = 0
    with pytest.raises(ModelError, match="out of memory on cpu even with one input"):
        explain(predictor, method, target=1)


@pytest.mark.parametrize("method", _shap_slow(METHODS))
def test_one_seed_one_attribution_and_torch_is_not_asked(method: str) -> None:
    results = []
    with torch.random.fork_rng(devices=[]):
        for seed in (1, 2):
            torch.manual_seed(seed)
            before = torch.get_rng_state()
            results.append(explain(line(), method, target=1, seed=5).scores)
            assert torch.equal(torch.get_rng_state(), before)
    assert np.array_equal(results[0], results[1])


@pytest.mark.parametrize("method", _shap_slow(METHODS))
def test_one_feature_is_enough(method: str) -> None:
    scores = explain(model(Formula(linear([0.25]), [1.0])), method, target=1).scores
    if method in TOLERANCE:
        np.testing.assert_allclose(scores, [0.25], rtol=0, atol=TOLERANCE[method])
    assert scores.shape == (1,)


def test_all_methods_at_once_are_each_of_them_alone() -> None:
    together = explain_all(line(), METHODS, target=1, seed=3)
    assert tuple(attribution.method for attribution in together) == METHODS
    for attribution in together:
        alone = explain(line(), attribution.method, target=1, seed=3)
        np.testing.assert_allclose(attribution.scores, alone.scores, rtol=0, atol=1e-12)
        assert attribution.settings == alone.settings


def test_an_option_goes_to_the_methods_that_have_it() -> None:
    lime, intgrad, clime = explain_all(line(), ("lime", "intgrad", "clime"), n_samples=40, steps=9, sigma=0.3)
    assert lime.settings["n_samples"] == clime.settings["n_samples"] == 40
    assert (intgrad.settings["steps"], clime.settings["sigma"]) == (9, 0.3)


@pytest.mark.parametrize(
    ("methods", "options", "message"),
    [
        ((), {}, "methods must contain at least one method. Use one or more of lime, "),
        (("lime", "shap", "lime"), {}, "got lime twice"),
        (("lime", "shapp"), {}, "method 'shapp' does not exist. Did you mean shap"),
        (("lime", "shap"), {"steps": 5}, r"steps must be left out for lime, shap, got 5"),
        (("occlusion", "random"), {"sigma": 1.0}, r"sigma must be left out for occlusion, random"),
    ],
)
def test_requests_that_cannot_be_met_are_refused_before_anything_is_evaluated(
    methods: tuple[str, ...], options: dict[str, Any], message: str
) -> None:
    counting = Counting(Majority(5))
    with pytest.raises(ParameterError, match=message):
        explain_all(counting, methods, **options)
    assert counting.rows == 0


def test_what_masks_have_shown_is_not_evaluated_again_for_the_next_method() -> None:
    predictor = line()
    explain_all(predictor, ("kernelshap", "lime", "occlusion", "shap"), target=1)
    assert predictor.evaluations == 2**8  # kernelshap asked for every mask there is


def test_every_evaluation_is_reported_as_progress() -> None:
    rows: list[int] = []
    predictor = line()
    predictor.on_progress = rows.append
    explain_all(predictor, METHODS, target=1, n_samples=30)
    assert sum(rows) == predictor.evaluations > 100
