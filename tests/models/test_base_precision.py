"""The batched predictor: what logits are accepted, their softmax, and decisions that no batch can change."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.special import softmax

from stabcert.core.decisions import decide
from stabcert.core.types import Masks
from stabcert.errors import ModelError
from stabcert.models.base import ModelPredictor
from tests.models.test_base import ALL, EXPECTED, TABLE, FakeInput, N, predictor, two_class_table


def by_position(scale: float) -> Callable[[int], NDArray[np.float64]]:
    """Class 1 gains ``scale`` for each row that comes before in the batch."""
    return lambda rows: scale * np.outer(np.arange(rows), [0, 1])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_logits_that_are_not_finite_are_a_model_error(bad: float) -> None:
    table = TABLE.copy()
    table[19, 1] = bad
    with pytest.raises(ModelError, match="not finite"):
        predictor(FakeInput(table))(ALL)


@pytest.mark.parametrize("shape", [(32, 2), (32, 4), (31, 3), (32, 7, 3), (3,)])
def test_logits_of_another_shape_are_a_model_error(shape: tuple[int, ...]) -> None:
    fake = FakeInput()
    fake.logits = lambda masks: torch.zeros(shape)  # type: ignore[method-assign]
    with pytest.raises(ModelError, match=r"returned shape .* for 32 inputs and 3 labels"):
        predictor(fake, 32)(ALL)


def test_probabilities_are_the_softmax_in_float64() -> None:
    table = np.resize([[0.0, 0.0, 0.0], [1000.0, 999.5, -1000.0], [-80.0, 20.25, 20.5], [1e-3, 7.0, -7.0]], (32, 3))
    exact = table.astype(np.float32).astype(np.float64)
    probs = predictor(FakeInput(table), 7)(ALL)
    assert probs.dtype == np.float64
    np.testing.assert_allclose(probs, softmax(exact, axis=1), rtol=1e-13)
    np.testing.assert_allclose(probs.sum(axis=1), 1.0, rtol=0, atol=1e-15)


@pytest.mark.parametrize(("dtype", "gap"), [(torch.float32, 2e-6), (torch.float64, 1e-8)])
def test_logits_that_the_precision_tells_apart_stay_apart(dtype: torch.dtype, gap: float) -> None:
    table = two_class_table([gap]) + 10.0
    probs = predictor(FakeInput(table, dtype=dtype), dtype=dtype)(ALL)
    assert (probs[:, 1] > probs[:, 0]).all()


@pytest.mark.parametrize("scale", [1e-6, -1e-6])
@pytest.mark.parametrize("batch_size", [1, 2, 7, 32])
def test_decisions_do_not_depend_on_batches(batch_size: int, scale: float) -> None:
    table = two_class_table([-2e-5, -3e-6, -5e-7, 0.0, 5e-7, 3e-6, 2e-5])
    of_the_mask_alone = (table[:, 1] > table[:, 0]).astype(int)
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(32)
        probs = predictor(FakeInput(table, drift=by_position(scale), dtype=torch.float64), batch_size)(ALL[order])
        assert np.array_equal(probs.argmax(axis=1), of_the_mask_alone[order])


def test_whether_a_decision_is_a_near_tie_does_not_depend_on_batches() -> None:
    # At the edge of the tolerance of 1e-4, the drift of a batch carries a margin over it.
    table = two_class_table([1e-4 - 5e-6, 1e-4 + 5e-6])
    by_batch = []
    for batch_size in (1, 4, 32):
        model = predictor(FakeInput(table, drift=by_position(1e-6), dtype=torch.float64), batch_size)
        by_batch.append(decide(model, ALL).near_tie.tolist())
    assert by_batch[0] == [True, False] * 16
    assert by_batch[1] == by_batch[0]
    assert by_batch[2] == by_batch[0]


@pytest.mark.parametrize("batch_size", [1, 32])
def test_a_network_that_cannot_compute_in_float64_has_near_ties_as_if_there_were_no_float64(batch_size: int) -> None:
    table = two_class_table([-1.0, 1e-6, 1.0, 2e-4])
    fake = FakeInput(table, exact=table)
    exact = fake.in_float64()
    assert exact is not None
    exact.fits, exact.error = 0, ModelError("Mixtral cannot be run on this input (RuntimeError). Give another input")
    fake.in_float64 = lambda: exact  # type: ignore[method-assign]
    model, without = predictor(fake, batch_size), predictor(FakeInput(table), batch_size)
    assert not decide(model, ALL[::2]).near_tie.any()  # no tie among them, so float64 was not needed
    found, expected = decide(model, ALL), decide(without, ALL)
    assert found.near_tie.tolist() == expected.near_tie.tolist() == [False, True, False, False] * 8
    assert found.classes.tolist() == expected.classes.tolist()
    assert model.decision_tolerance == without.decision_tolerance
    assert model.rechecked == 0


@pytest.mark.parametrize("batch_size", [1, 3, 32])
def test_alone_is_equal_to_the_last_bit_for_every_batch_size(batch_size: int) -> None:
    fake = FakeInput(drift=lambda rows: 1e-6 * rows * np.ones((rows, 3)) * [1, 2, 3], dtype=torch.float64)
    model = predictor(fake, batch_size)
    reference = predictor(fake, 1)(ALL)
    model(ALL)
    assert np.array_equal(model.alone(ALL), reference)
    assert np.array_equal(model(ALL), reference)
    assert (batch_size == 1) == np.array_equal(predictor(fake, batch_size)(ALL), reference)


@pytest.mark.parametrize("ask", [ModelPredictor.__call__, ModelPredictor.alone])
def test_results_belong_to_the_caller(ask: Callable[[ModelPredictor, Masks], NDArray[np.float64]]) -> None:
    model = predictor(FakeInput())
    ask(model, ALL)[:] = 7.0
    np.testing.assert_allclose(model(ALL), EXPECTED, rtol=1e-13)


def test_progress_adds_up_to_the_evaluations() -> None:
    model = predictor(FakeInput(two_class_table([-1.0, 0.0, 1.0])), 5)
    progress: list[int] = []
    model.on_progress = progress.append
    model(ALL[:20])
    model(ALL)
    model.alone(ALL[:2])
    assert sum(progress) == model.evaluations
    ties = int((two_class_table([-1.0, 0.0, 1.0])[:, 1] == 0).sum())
    assert model.evaluations == 32 + ties + 2 + 1  # mask 1 is a tie and evaluated again
    model.masked_input.relaxed_logits = lambda weights: weights[:, :2]  # type: ignore[method-assign]
    model.relaxed(torch.ones(6, N))
    assert model.evaluations == 32 + ties + 2 + 1 + 6
    assert sum(progress) == model.evaluations


@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [(torch.float64, 1e-10), (torch.float32, 1e-4), (torch.float16, 0.02), (torch.bfloat16, 0.1)],
)
def test_the_decision_tolerance_is_that_of_the_precision(dtype: torch.dtype, tolerance: float) -> None:
    assert predictor(FakeInput(), dtype=dtype).decision_tolerance == tolerance


@pytest.mark.parametrize("size", [2.0, 20.0])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_a_logit_that_is_rounded_to_its_other_neighbour_in_a_batch_decides_nothing(
    dtype: torch.dtype, size: float
) -> None:
    # Class 1 lies a little under half a unit in the last place above class 0, and in a batch a little over it.
    unit = torch.finfo(dtype).eps * 2.0 ** np.floor(np.log2(size))
    table = two_class_table([0.49 * unit]) + size

    def drift(rows: int) -> NDArray[np.float64]:
        return np.outer(np.full(rows, 0.02 * unit * (rows > 1)), [0, 1])

    alone, batched = (
        predictor(FakeInput(table, drift=drift, dtype=dtype), rows, dtype=dtype)(ALL).argmax(axis=1) for rows in (1, 32)
    )
    assert np.array_equal(batched, alone)
