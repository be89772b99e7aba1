"""Bounds against their definitions: honest ones pass, those that claim more do not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from stabcert.core.soft.certificate import SoftCertificate
from stabcert.core.soft.certify import Interrupted, certify_soft
from stabcert.records.soft import SoftResult
from stabcert.verify.definitions import bound_checks
from tests.core.soft.test_recount import Rough, cases
from tests.core.soft.test_recount_possible import Stopped


def result_of(found: SoftCertificate, request: dict[str, Any], *, interrupted: bool = False) -> dict[str, Any]:
    asked = {"formulation": request.get("formulation", "up-to")}
    return {"request": asked} | SoftResult.of(found, interrupted=interrupted).to_dict()


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(cases())
def test_honest_bounds_are_supported(case: tuple[np.ndarray, dict[str, Any], SoftCertificate]) -> None:
    _, request, found = case
    assert [check for check in bound_checks(result_of(found, request)) if not check.ok] == []


KINDS: dict[str, tuple[int, dict[str, Any]]] = {
    "fixed, finite": (20, {"radius": 5, "n_samples": 60}),
    "fixed, unlimited": (60, {"radius": 9, "n_samples": 60}),
    "hoeffding": (60, {"radius": 9, "n_samples": 60, "interval": "hoeffding"}),
    "sequential, finite": (20, {"radius": 5, "min_rate": 0.6, "max_samples": 60}),
    "sequential, unlimited": (60, {"radius": 9, "min_rate": 0.6, "max_samples": 60}),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("name", "by"), [("lower", 0.02), ("upper", -0.02)])
def test_bounds_that_claim_more_are_not(kind: str, name: str, by: float) -> None:
    n, request = KINDS[kind]
    found = certify_soft(Rough(n, 0.75, 0.05, 3), np.arange(n) < 1, rng=np.random.default_rng(1), **request)
    result = result_of(found, request)
    (rate,) = result["rates"]
    assert rate["near_ties"] or rate["lower"] > 0
    assert [check.ok for check in bound_checks(result)] == [True, True]
    rate[name] += by
    assert [check.name for check in bound_checks(result) if not check.ok] == [f"result.rates[0].{name}"]


def test_bounds_after_an_interruption_are_supported() -> None:
    for after in (3, 20, 50, 90):
        request: dict[str, Any] = {"radius": [3, 4, 5], "min_rate": 0.9, "max_samples": 80}
        with pytest.raises(Interrupted) as stopped:
            certify_soft(
                Stopped(11, 0.9, 0.0, 4, after=after), np.arange(11) < 2, rng=np.random.default_rng(4), **request
            )
        result = result_of(stopped.value.certificate, request, interrupted=True)
        assert all(check.ok for check in bound_checks(result))
