"""How many rows go together: found by timing, without a trace in the results."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from stabcert.models.base import ModelPredictor
from stabcert.models.batches import IMAGE_COST, BatchSizes
from tests.models.test_base import CPU, FakeInput

CUDA = torch.device("cuda")
MANY = np.array([[code >> i & 1 for i in range(12)] for code in range(4096)], dtype=bool)
TABLE = np.random.default_rng(0).normal(size=(4096, 2)) * 9


def sizes_taken(
    seconds: Callable[[int], float], left: int = 4096, cost: int = IMAGE_COST, device: torch.device = CPU
) -> list[int]:
    """Rows of each batch, where a batch of so many rows takes so long."""
    batches, taken = BatchSizes("auto", device), []
    while left:
        rows = batches.rows(cost, left)
        batches.timed(rows, cost, seconds(rows))
        taken.append(rows)
        left -= rows
    return taken


def test_sizes_double_while_that_is_faster() -> None:
    taken = sizes_taken(lambda rows: 1.0 + 0.01 * rows)  # what a batch costs by itself dominates
    assert taken[:8] == [8, 8, 8, 16, 16, 32, 32, 64]
    assert max(taken) == 128, "sixteen blocks at most"


def test_the_size_stays_where_a_larger_one_is_no_faster() -> None:
    assert set(sizes_taken(lambda rows: 0.1 * rows)[5:]) == {8}


def test_it_goes_as_far_as_the_optimum_and_no_further() -> None:
    taken = sizes_taken(lambda rows: 1.0 + 0.02 * rows + (rows > 64) * rows)
    assert set(taken[11:-1]) == {64}


def test_one_disturbed_batch_decides_nothing() -> None:
    calls: list[int] = []

    def disturbed(rows: int) -> float:
        calls.append(rows)
        return (1.0 + 0.01 * rows) * (50 if len(calls) in (2, 5) else 1)

    assert max(sizes_taken(disturbed)) == 128


def test_what_is_left_of_a_group_is_a_batch_of_its_own_whatever_the_size() -> None:
    slow, fast = sizes_taken(lambda rows: 0.1 * rows, left=1007), sizes_taken(lambda rows: 1.0, left=1007)
    assert slow[-1] == fast[-1] == 1007 % 8
    assert all(rows % 8 == 0 for rows in [*slow[:-1], *fast[:-1]])


@pytest.mark.parametrize(("device", "cost", "rows"), [(CPU, 10, 48), (CPU, 500, 4), (CUDA, 32, 128), (CUDA, 128, 32)])
def test_a_block_holds_about_as_much_work_whatever_its_rows_cost(device: torch.device, cost: int, rows: int) -> None:
    assert BatchSizes("auto", device).block(cost) == rows


def test_a_size_that_was_asked_for_is_used() -> None:
    batches = BatchSizes(7, CPU)
    assert [batches.rows(cost, 100) for cost in (1, 32, 5000)] == [7, 7, 7]
    assert not batches.is_timing


def test_memory_bounds_the_work_of_a_batch_whatever_its_rows_cost() -> None:
    batches = BatchSizes("auto", CPU)
    batches.halve(16, 32)
    assert [batches.rows(cost, 100) for cost in (32, 64, 512, 10_000)] == [8, 4, 1, 1]


class Sized(FakeInput):
    """Another last bit from ``from_rows`` rows on."""

    def __init__(self, from_rows: int) -> None:
        super().__init__(TABLE, dtype=torch.float64)
        self.from_rows = from_rows

    def logits(self, masks: np.ndarray) -> torch.Tensor:
        return super().logits(masks) * (1.0 + 1e-15 * (len(masks) >= self.from_rows))


@pytest.mark.parametrize("from_rows", [32, 64, 128, 10_000])
def test_no_size_shows_in_a_bit_of_the_results(monkeypatch: pytest.MonkeyPatch, from_rows: int) -> None:
    by_clock = []
    for gain in (0.0, 1e9):  # never and always worth it
        monkeypatch.setattr("stabcert.models.batches._GAIN", gain)
        model = ModelPredictor(Sized(from_rows), ("a", "b"), device=CPU)
        by_clock.append(model(MANY))
        largest = max(len(batch) for batch in model.masked_input.batches)  # type: ignore[attr-defined]
    assert np.array_equal(*by_clock)
    assert largest == min(128, from_rows), "the first size with other bits is tried and given up"


def test_on_other_devices_bits_are_not_compared() -> None:
    fake = Sized(128)
    ModelPredictor(fake, ("a", "b"), device=CUDA)(MANY)
    assert sum(len(batch) for batch in fake.batches if len(batch) > 1) == 4096


def test_a_device_that_works_on_its_own_is_one_batch_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []
    model = ModelPredictor(FakeInput(TABLE), ("a", "b"), device=CUDA, batch_size=1024)
    launch, fetch = model._evaluate._logits, model._evaluate._fetch
    monkeypatch.setattr(model._evaluate, "_logits", lambda masks: (events.append("launch"), launch(masks))[1])
    monkeypatch.setattr(
        model._evaluate, "_fetch", lambda logits, rows: (events.append("fetch"), fetch(logits, rows))[1]
    )
    model(MANY)
    assert events[:8] == ["launch", "launch", "fetch", "launch", "fetch", "launch", "fetch", "fetch"]


def test_memory_that_runs_out_when_a_queued_batch_is_fetched_costs_no_row(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeInput(TABLE)
    model = ModelPredictor(fake, ("a", "b"), device=CUDA, batch_size=1024)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    fetch, failures = model._evaluate._fetch, iter([torch.cuda.OutOfMemoryError("CUDA out of memory")])

    def failing(logits: torch.Tensor, rows: int) -> object:
        for error in failures:
            raise error
        return fetch(logits, rows)

    monkeypatch.setattr(model._evaluate, "_fetch", failing)
    expected = ModelPredictor(FakeInput(TABLE), ("a", "b"), device=CPU, batch_size=1)(MANY[::97])
    np.testing.assert_allclose(model(MANY)[::97], expected, rtol=1e-12)
    assert model.batches.block(1) == 512


def test_small_groups_of_several_costs_share_a_batch_where_rows_can_be_padded() -> None:
    fake = FakeInput(TABLE, cost=lambda kept: kept + 1)
    rows = np.random.default_rng(0).permutation(4096)[:60]
    expected = ModelPredictor(fake, ("a", "b"), device=CPU)(MANY[rows])
    apart = [len(batch) for batch in fake.batches]
    fake.pads, fake.batches = True, []
    np.testing.assert_array_equal(ModelPredictor(fake, ("a", "b"), device=CPU)(MANY[rows]), expected)
    together = [batch for batch in fake.batches if len(batch) > 1]
    assert sum(map(len, together)) == 60
    assert len(together) < len(apart) / 2
    assert all(len(batch) * (batch.sum(axis=1).max() + 1) <= 512 for batch in together)
