"""Memory of the GPU that really runs out: batches are halved, and no result changes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch

from stabcert.core.decisions import decide
from stabcert.errors import ModelError
from stabcert.models.base import ModelPredictor
from tests.accelerator.networks import loaded, masks_of, predictor, resnet_of_width, save_images, vary

SIDE, ROWS = 512, 512
MIB = 2**20


@contextmanager
def little_memory(left: int) -> Iterator[None]:
    """Allocate everything on the GPU except for ``left`` bytes."""
    torch.cuda.synchronize()
    torch.cuda.empty_cache()
    taken, size = [], torch.cuda.mem_get_info()[0] - left
    while size >= MIB:
        try:
            taken.append(torch.empty(size, dtype=torch.uint8, device="cuda"))
            size = torch.cuda.mem_get_info()[0] - left
        except torch.cuda.OutOfMemoryError:
            size //= 2
    try:
        yield
    finally:
        taken.clear()
        torch.cuda.empty_cache()


@pytest.fixture(scope="module")
def resnet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Reads 512 x 512 pixels: one row needs about 15 MiB, a batch of 512 needs several GiB."""
    network = resnet_of_width(16)
    directory = save_images(network, tmp_path_factory.mktemp("large") / "resnet", SIDE)
    vary(network, directory, SIDE)
    return directory


def _predictor(directory: Path, batch_size: int | str) -> ModelPredictor:
    loaded.cache_clear()  # sizes of batches are kept with a model
    return predictor(loaded(directory), side=SIDE, batch_size=batch_size)


@pytest.mark.parametrize("batch_size", [ROWS, "auto"])
def test_a_batch_that_does_not_fit_is_halved_until_it_does(resnet: Path, batch_size: int | str) -> None:
    masks = masks_of(64, 2 * ROWS)
    expected = decide(_predictor(resnet, 8), masks)
    assert len(np.unique(expected.classes)) > 1
    model = _predictor(resnet, batch_size)
    seen: list[int] = []
    model.on_progress = seen.append
    model(masks[:1])  # loads kernels while there is room for them
    with little_memory(700 * MIB):
        found = decide(model, masks)
        reserved = torch.cuda.max_memory_allocated()
    assert np.array_equal(found.classes, expected.classes)
    assert np.array_equal(found.near_tie, expected.near_tie)
    assert sum(seen) == model.evaluations >= len(masks)
    assert model.evaluations < 1.2 * len(masks), "rows of a batch that failed are counted again"
    if batch_size == ROWS:
        assert 1 <= model.batch_size < ROWS
        print(f"{ROWS} rows became {model.batch_size}; {reserved / MIB:.0f} MiB were allocated at most")  # noqa: T201


def test_memory_that_does_not_suffice_for_one_row_is_an_error_and_the_next_call_works(resnet: Path) -> None:
    model = _predictor(resnet, 16)
    masks = masks_of(64, 32)
    expected = model(masks[:1])
    with little_memory(2 * MIB), pytest.raises(ModelError, match="out of memory on cuda"):
        model(masks[1:])
    assert np.array_equal(model(masks)[:1], expected)
