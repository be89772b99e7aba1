"""``--compile``: the same decisions as without."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stabcert.core.decisions import decide
from tests.accelerator.networks import DTYPES, exact_logits, loaded, margins, masks_of, predictor


@pytest.mark.parametrize("family", ["vit", "resnet", "bert"])
def test_a_compiled_network_decides_as_float64(networks: dict[str, Path], family: str) -> None:
    model = predictor(loaded(networks[family], compile=True), batch_size=32)
    masks = masks_of(model.n_features, 96)
    exact = exact_logits(networks[family], masks)
    found, clear = decide(model, masks), margins(exact) > 1e-8
    assert np.array_equal(found.classes[clear], exact.argmax(axis=1)[clear])


@pytest.mark.parametrize("dtype", DTYPES[1:])
def test_a_compiled_network_in_half_precision_is_close_to_the_plain_one(networks: dict[str, Path], dtype: str) -> None:
    plain, compiled = (
        predictor(loaded(networks["vit"], dtype=dtype, compile=compile), batch_size=32) for compile in (False, True)
    )
    masks = masks_of(plain.n_features, 96)
    np.testing.assert_allclose(compiled(masks), plain(masks), rtol=0, atol=0.15)
