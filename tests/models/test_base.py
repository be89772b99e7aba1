"""The batched predictor in front of a fake network: a table of logits that can drift, run out of memory or break."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax

from stabcert.core.types import Feature, Features, Masks
from stabcert.errors import ModelError, ParameterError
from stabcert.models import base
from stabcert.models.base import ModelPredictor
from stabcert.models.batches import IMAGE_COST
from stabcert.models.memory import is_out_of_memory

CPU = torch.device("cpu")
N = 5
ALL = np.array([[code >> i & 1 for i in range(N)] for code in range(2**N)], dtype=bool)
TABLE = np.random.default_rng(0).normal(size=(2**N, 3)).round(2)
EXPECTED = softmax(TABLE.astype(np.float32).astype(np.float64), axis=1)


class FakeInput:
    """Row ``sum(2**i for kept i)`` of a table of logits.

    Args:
        drift: added to the logits of a batch of so many rows, ``(rows, n_classes)``: what rounding does.
        fits: rows that fit into memory.
        exact: table of logits of the same function in float64 arithmetic; None: there is none.
        cost: of a mask with so many kept features.
        error: raised for more rows than that.
    """

    relaxation = "none"
    pads = False

    def __init__(
        self,
        table: ArrayLike = TABLE,
        *,
        drift: Callable[[int], NDArray[np.float64]] | None = None,
        fits: int = 10**9,
        error: BaseException | None = None,
        dtype: torch.dtype = torch.float32,
        exact: ArrayLike | None = None,
        cost: Callable[[NDArray[np.int64]], NDArray[np.int64]] = lambda kept: np.full_like(kept, IMAGE_COST),
    ) -> None:
        self.exact, self.cost_of = exact, cost
        self.table = np.asarray(table, dtype=np.float64)
        self.n_features = (len(self.table) - 1).bit_length()
        self.drift, self.fits, self.error, self.dtype = drift, fits, error, dtype
        self.batches: list[Masks] = []

    @property
    def features(self) -> Features:
        items = tuple(Feature(str(i)) for i in range(self.n_features))
        return Features("grid", items, (self.n_features,))

    @property
    def settings(self) -> dict[str, Any]:
        return {"features": "grid", "baseline": "zero"}

    def cost(self, masks: Masks) -> NDArray[np.int64]:
        return self.cost_of(masks.sum(axis=1))

    def in_float64(self) -> FakeInput | None:
        return None if self.exact is None else FakeInput(self.exact, dtype=torch.float64)

    def logits(self, masks: Masks) -> torch.Tensor:
        self.batches.append(masks.copy())
        if len(masks) > self.fits and self.error is not None:
            raise self.error
        rows = self.table[masks @ (1 << np.arange(self.n_features))]
        if self.drift is not None:
            rows = rows + self.drift(len(masks))
        return torch.tensor(rows, dtype=torch.float64).to(self.dtype)

    def relaxed_logits(self, weights: torch.Tensor) -> torch.Tensor:
        return weights @ torch.ones(self.n_features, 3)


def predictor(fake: FakeInput, batch_size: Any = "auto", dtype: torch.dtype = torch.float32) -> ModelPredictor:
    names = tuple(f"class {i}" for i in range(fake.table.shape[-1]))
    return ModelPredictor(fake, names, device=CPU, dtype=dtype, batch_size=batch_size)


def two_class_table(margins: ArrayLike) -> NDArray[np.float64]:
    """Logits whose margins for class 1, in the order of the codes, repeat ``margins``."""
    margin = np.resize(np.asarray(margins, dtype=np.float64), 2**N)
    return np.stack([np.zeros(2**N), margin], axis=1)


@pytest.mark.parametrize("batch_size", [1, 3, 12, 32, 100])
def test_masks_are_evaluated_in_batches_of_the_size_asked_for(batch_size: int) -> None:
    fake = FakeInput()
    predictor(fake, batch_size)(ALL)
    whole, rest = divmod(32, batch_size)
    assert [len(batch) for batch in fake.batches] == [batch_size] * whole + [rest] * (rest > 0)


@pytest.mark.parametrize("batch_size", [0, -1])
def test_a_batch_size_below_1_is_refused(batch_size: int) -> None:
    with pytest.raises(ParameterError, match=f"batch_size must be 1 or more, or auto, got {batch_size}"):
        predictor(FakeInput(), batch_size)


@pytest.mark.parametrize("batch_size", [1, 5, 64])
def test_cheap_masks_come_first_and_results_keep_the_order_asked_for(batch_size: int) -> None:
    fake = FakeInput(cost=lambda kept: kept + 1)
    order = np.random.default_rng(1).permutation(32)
    probs = predictor(fake, batch_size)(ALL[order])
    assert all(len(set(batch.sum(axis=1))) == 1 for batch in fake.batches), "rows of one cost only"
    assert (np.diff(np.concatenate(fake.batches).sum(axis=1)) >= 0).all()
    np.testing.assert_allclose(probs, EXPECTED[order], rtol=1e-13)


def test_a_mask_is_evaluated_once_within_a_call_and_across_calls() -> None:
    fake = FakeInput()
    model = predictor(fake, 4)
    twice = np.array([3, 7, 3, 3, 30, 7])
    np.testing.assert_allclose(model(ALL[twice]), EXPECTED[twice], rtol=1e-13)
    assert (model.evaluations, sum(map(len, fake.batches))) == (3, 3)
    np.testing.assert_allclose(model(ALL[[30, 5, 3]]), EXPECTED[[30, 5, 3]], rtol=1e-13)
    assert (model.evaluations, sum(map(len, fake.batches))) == (4, 4)


def test_masks_that_share_all_but_the_last_of_nine_features_are_not_confused() -> None:
    table = np.random.default_rng(0).normal(size=(512, 2)) * 9
    masks = np.zeros((2, 9), dtype=bool)
    masks[1, 8] = True
    np.testing.assert_allclose(predictor(FakeInput(table))(masks), softmax(table[[0, 256]], axis=1), rtol=1e-5)


@pytest.mark.parametrize("remembered", [0, 1, 3])
def test_results_are_right_when_more_masks_are_asked_for_than_are_remembered(
    monkeypatch: pytest.MonkeyPatch, remembered: int
) -> None:
    monkeypatch.setattr(base, "_CACHE_BYTES", remembered * 3 * 8)
    model = predictor(FakeInput(), 4)
    rows = np.tile(np.random.default_rng(2).permutation(32), 2)
    for _ in range(2):
        np.testing.assert_allclose(model(ALL[rows]), EXPECTED[rows], rtol=1e-13)
    assert 64 - remembered <= model.evaluations <= 64


def test_what_is_remembered_stays_within_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "_CACHE_BYTES", 1_000_000)
    table = np.random.default_rng(0).normal(size=(2**N, 100_000))
    model = predictor(FakeInput(table), 32)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        model(ALL)
        model.masked_input.batches.clear()  # type: ignore[attr-defined]
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # One row of 800 kB may be remembered; it must not keep alive the 25.6 MB that were asked for with it.
    assert after - before < 1_000_000


def test_no_masks_give_no_rows_and_evaluate_nothing() -> None:
    model = predictor(FakeInput())
    assert model(np.empty((0, N), dtype=bool)).shape == (0, 3)
    assert model.alone(np.empty((0, N), dtype=bool)).shape == (0, 3)
    assert model.evaluations == 0


OUT_OF_MEMORY = [
    torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    RuntimeError("CUDA error: out of memory"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("MPS backend out of memory (MPS allocated: 17.9 GB, max allowed: 18.1 GB)."),
    RuntimeError("[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:121] data. DefaultCPUAllocator: not enough memory: you tried"),
    MemoryError(),
]


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=lambda e: f"{type(e).__name__} {str(e)[:12]}")
def test_a_batch_that_does_not_fit_is_halved_and_the_results_are_right(error: Exception) -> None:
    fake = FakeInput(fits=3, error=error)
    model = predictor(fake, 16)
    progress: list[int] = []
    model.on_progress = progress.append
    np.testing.assert_allclose(model(ALL), EXPECTED, rtol=1e-13)
    assert [len(batch) for batch in fake.batches] == [16, 8, 4] + [2] * 16
    assert (model.batch_size, model.evaluations, sum(progress)) == (2, 32, 32)


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=lambda e: f"{type(e).__name__} {str(e)[:12]}")
def test_out_of_memory_with_one_input_says_what_to_do(error: Exception) -> None:
    model = predictor(FakeInput(fits=0, error=error), 4)
    with pytest.raises(ModelError, match=r"cpu even with one input .* Use a smaller model, dtype='bfloat16'") as raised:
        model(ALL)
    assert raised.value.__cause__ is error
    assert model.evaluations == 0


class NoRoomAlone(FakeInput):
    """A single mask fits no more once a batch went through: memory is shared with others."""

    def logits(self, masks: Masks) -> torch.Tensor:
        self.fits = 0 if len(masks) == 1 else len(masks)
        return super().logits(masks)


def test_out_of_memory_while_a_near_tie_is_evaluated_again_says_what_to_do() -> None:
    fake = NoRoomAlone(two_class_table([0.0]), error=RuntimeError("CUDA error: out of memory"))
    with pytest.raises(ModelError, match="out of memory on cpu"):
        predictor(fake, 8)(ALL)


@pytest.mark.parametrize("text", ["mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)", "device-side assert"])
def test_other_errors_of_the_network_pass_through(text: str) -> None:
    error = RuntimeError(text)
    model = predictor(FakeInput(fits=0, error=error), 8)
    with pytest.raises(RuntimeError) as raised:
        model(ALL)
    assert raised.value is error
    assert not is_out_of_memory(error)
    assert model.batch_size == 8
