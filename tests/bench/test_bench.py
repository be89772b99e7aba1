"""The logic of the bench itself; none of the measurements run here."""

from __future__ import annotations

import json
import tracemalloc

import numpy as np
import pytest
import torch

from stabcert.core.hard.certify import certify_hard
from stabcert.core.smoothing import SmoothedPredictor
from stabcert.core.soft.certify import certify_soft
from stabcert.models.base import ModelPredictor
from stabcert.models.text import MaskedText
from tests.bench import __main__ as bench
from tests.bench import allocator, memory, plain, timing
from tests.bench.inputs import Input
from tests.bench.speed import differing, measure_hard, measure_soft
from tests.models.tiny_images import CPU, MEAN, SIDE, STD, masked, picture, resize_and_crop
from tests.tiny_models import tiny_network, tiny_resnet
from tests.tiny_tokenizers import tiny_tokenizer

pytestmark = pytest.mark.slow


def _tiny_photo() -> Input:
    network = tiny_resnet()
    given = masked(network, features="grid:5")
    pixels = resize_and_crop(SIDE, SIDE, MEAN, STD).to_pixels(picture())
    names = tuple("abcde")
    return Input(
        "tiny photo",
        lambda: ModelPredictor(given, names, device=CPU),
        plain.images(network, pixels, given.labels),  # type: ignore[arg-type]
        lambda masks, batch: [lambda part=part: network(given.batch(part)) for part in np.split(masks, [batch])],
        (8,),
    )


def _tiny_text() -> Input:
    network, tokenizer = tiny_network("bert"), tiny_tokenizer("bert")
    text = "a good film, and a very good one at that; not bad at all"
    given = MaskedText(network, tokenizer, text, features="token", removes_tokens=True, device=CPU, dtype=torch.float32)
    encoding = tokenizer(text, return_special_tokens_mask=True)
    names = tuple(str(i) for i in range(network.config.num_labels))
    return Input(
        "tiny text",
        lambda: ModelPredictor(given, names, device=CPU),
        plain.texts(network, encoding),
        lambda masks, batch: [lambda: given.logits(masks)],
        (8,),
    )


@pytest.fixture(params=[_tiny_photo, _tiny_text])
def given(request: pytest.FixtureRequest) -> Input:
    tiny: Input = request.param()
    return tiny


def test_the_plain_soft_certificate_decides_as_ours_does_on_the_same_masks(given: Input) -> None:
    mask = given.any_mask()
    found = plain.soft(given.classify, mask, 4, rng=np.random.default_rng(0))
    assert len(found.masks) == len(found.classes) == 150
    added = found.masks.sum(axis=1) - mask.sum()
    assert (found.masks >= mask).all()
    assert set(added) <= {0, 1, 2, 3, 4}
    assert differing(given.predictor(), found.masks, found.classes) == 0
    ours = certify_soft(given.predictor(), mask, radius=4, rng=np.random.default_rng(0))
    assert ours.prediction == found.prediction
    assert ours.rates[0].lower - 0.1 <= found.rate <= ours.rates[0].upper + 0.1


def test_the_plain_vote_is_our_vote_on_the_same_noise(given: Input) -> None:
    mask = given.any_mask()
    found = plain.hard(given.classify, mask, keep=16, quantization=64, rng=np.random.default_rng(0))
    nothing_masked = plain.hard(
        given.classify, np.ones_like(mask), keep=16, quantization=64, rng=np.random.default_rng(0)
    )
    noise = nothing_masked.masks
    assert (noise.sum(axis=0) == 16).all()
    assert (found.masks == (noise & mask)).all()
    ours = certify_hard(SmoothedPredictor(given.predictor(), noise), mask, decremental=False)
    assert ours.votes.tolist() == found.votes.tolist()
    # The paper's radius may win ties that it must not win; a sound one is never a whole step smaller.
    assert ours.radius_votes <= found.radius <= ours.radius_votes + 1


def test_the_number_of_additions_is_drawn_from_the_right_law() -> None:
    rng, mask = np.random.default_rng(0), np.zeros(12, dtype=np.bool_)
    drawn = np.bincount([int(plain._sample(mask, 3, rng).sum()) for _ in range(3000)], minlength=4)
    np.testing.assert_allclose(drawn / 3000, np.array([1, 12, 66, 220]) / 299, atol=0.03)


def test_a_measurement_counts_what_was_evaluated(given: Input, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allocator, "use", lambda *, kept: None)
    soft = measure_soft(given, given.any_mask(), 4, repeats=1)
    assert {"plain / ours", "ours / bare"} <= set(soft.ratios)
    assert soft.counts["plain evaluations"] == 151
    assert 151 <= soft.counts["evaluations"] < 200  # near ties are evaluated again
    assert soft.counts["differing decisions"] == 0
    hard = measure_hard(given, given.any_mask(), repeats=1)
    assert hard.counts["bare evaluations"] <= 64
    assert hard.counts["differing decisions"] == 0
    sequential = measure_soft(given, given.any_mask(), 4, repeats=1, min_rate=0.5, bare=False)
    assert sequential.counts["evaluations"] < 151


def test_sides_take_turns_and_the_ratio_is_the_median_of_neighbours() -> None:
    order: list[str] = []
    sides = {name: timing.Side(lambda _, name=name: order.append(name)) for name in "ab"}
    times = timing.interleaved(sides, 3)
    assert order == ["a", "b", "a", "b", "b", "a", "a", "b"]
    assert [len(values) for values in times.values()] == [3, 3]
    result = timing.summary("x", {"a": [1.0, 8.0, 3.0], "b": [1.0, 2.0, 2.0]}, {"a / b": ("a", "b"), "?": ("a", "c")})
    assert result.ratios == {"a / b": 1.5}
    result.targets = {"a / b": "<= 1.4"}
    assert result.met("a / b") is False


def test_json_is_one_object_with_what_was_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["--only", "samples", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["header"]["repeats"] == 5
    assert [r["counts"]["mean"] for r in printed["results"]] == pytest.approx([169.5, 52.1, 38.4, 33.3, 29.0], abs=0.06)
    assert all(r["met"]["mean / limit"] for r in printed["results"])


@pytest.mark.parametrize(("n_features", "n_classes", "few"), [(100_000, 2, 1400), (30, 500, 8200)])
def test_the_peak_of_memory_depends_on_neither_samples_nor_classes_times_samples(
    n_features: int, n_classes: int, few: int
) -> None:
    """Both numbers of samples are above what is drawn at a time, so that the peak is reached in either case."""

    def peak(n_samples: int) -> int:
        tracemalloc.start()
        try:
            memory.certify(n_samples, n_features=n_features, n_classes=n_classes)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    memory.certify(1, n_features=n_features, n_classes=n_classes)  # imports count for neither
    assert peak(4 * few) < 1.05 * peak(few)
