from __future__ import annotations

import numpy as np
import pytest

from stabcert.core.distinct import distinct_masks


@pytest.mark.parametrize("n_features", [1, 7, 8, 9, 63, 64, 65, 200])
def test_rows_are_those_of_a_search_along_the_axis(n_features: int) -> None:
    rng = np.random.default_rng(n_features)
    masks = rng.random((40, n_features)) < 0.5
    masks = masks[rng.integers(0, 40, 300)]
    _, first, where = np.unique(masks, axis=0, return_index=True, return_inverse=True)
    found_first, found_where = distinct_masks(masks)
    assert np.array_equal(found_first, first)
    assert np.array_equal(found_where, where.reshape(-1))


def test_no_masks_have_no_distinct_rows() -> None:
    first, where = distinct_masks(np.zeros((0, 70), dtype=np.bool_))
    assert (len(first), len(where)) == (0, 0)
