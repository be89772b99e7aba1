"""Bounds are functions of counts, and thousands of certificates from few draws have few different counts."""

from __future__ import annotations

from functools import lru_cache

import pytest

from stabcert.core.soft import fixed
from stabcert.core.soft import sequential as soft_sequential
from stabcert.core.statistics import bounds, finite
from stabcert.core.statistics import sequential as statistics_sequential

_REMEMBERED = {
    function: lru_cache(maxsize=None)(function)
    for function in (
        bounds.anytime_lower,
        bounds.anytime_upper,
        bounds.clopper_pearson_lower,
        bounds.clopper_pearson_upper,
        finite.finite_lower,
        finite.finite_upper,
        finite.hypergeometric_lower,
        finite.hypergeometric_upper,
        bounds.log_e_value,
        finite.log_e_value_finite,
        statistics_sequential.samples_to_certify,
    )
}


@pytest.fixture(autouse=True)
def remembered_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each bound is calculated once for all certificates; nothing else changes."""
    for module in (fixed, soft_sequential, statistics_sequential):
        for function, remembered in _REMEMBERED.items():
            if getattr(module, function.__name__, None) is function:
                monkeypatch.setattr(module, function.__name__, remembered)
