"""All masks of few features."""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray


def every_mask(n: int) -> NDArray[np.bool_]:
    """``(2**n, n)``, each mask once."""
    return np.array(list(product([False, True], repeat=n)))
