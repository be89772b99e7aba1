"""Rates in a record that no function has: bounds on the wrong side, and counts that contradict nested additions."""

from __future__ import annotations

from typing import Any

import pytest

from stabcert.verify.mask_flags import hard_flag_checks
from stabcert.verify.soft import possible_rates


def rate(radius: int, samples: int, matches: int, **changed: Any) -> dict[str, Any]:
    share = matches / samples
    return {
        "radius": radius,
        "samples": samples,
        "matches": matches,
        "near_ties": 0,
        "rate": share,
        "lower": share,
        "upper": share,
        "enumerated": True,
        "population": samples,
    } | changed


def bad(rates: list[dict[str, Any]], formulation: str = "up-to") -> list[str]:
    return [check.name for check in possible_rates(rates, formulation) if not check.ok]


def test_the_rates_of_a_function_are_possible() -> None:
    assert bad([rate(1, 17, 9), rate(2, 137, 60), rate(3, 697, 60)]) == []
    assert bad([rate(1, 50, 40, enumerated=False, population=None, lower=0.7, upper=0.9)]) == []
    assert bad([rate(1, 17, 0)], "exactly") == []


def test_a_rate_of_no_samples_is_left_to_the_recount() -> None:
    assert bad([rate(1, 8, 4, enumerated=False) | {"samples": 0, "matches": 0}]) == []
    assert bad([rate(1, 8, 4, enumerated=False) | {"samples": 0, "matches": 0}], "worst") == []


@pytest.mark.parametrize("changed", [{"lower": 0.6}, {"upper": 0.1}, {"enumerated": True, "population": 9}])
def test_what_the_recount_compares_is_left_to_it(changed: dict[str, Any]) -> None:
    assert bad([rate(1, 8, 4, enumerated=False, lower=0.2, upper=0.8) | changed]) == []


@pytest.mark.parametrize(
    ("rates", "formulation", "name"),
    [
        ([rate(1, 17, 0)], "up-to", "result.rates[0].matches"),  # the mask itself is a member
        ([rate(1, 17, 17), rate(2, 137, 5)], "up-to", "result.rates[1].matches"),
        ([rate(1, 17, 9), rate(2, 137, 137)], "up-to", "result.rates[1].samples"),
        ([rate(1, 17, 9, near_ties=3, upper=12 / 17), rate(2, 137, 60)], "up-to", "result.rates[1].near_ties"),
        ([rate(1, 8, 8, population=16)], "worst", "result.rates[0].samples"),
        ([rate(1, 8, 8, enumerated=False, population=16, lower=0.7, upper=0.0)], "worst", "result.rates[0].upper"),
    ],
)
def test_rates_that_no_function_has_are_found(rates: list[dict[str, Any]], formulation: str, name: str) -> None:
    assert bad(rates, formulation) == [name]


def test_a_lead_that_is_missing_is_a_failed_check_and_not_an_error() -> None:
    record = {
        "explanation": {"k": 1, "n": 3, "vacuous": False, "empty_prediction": {"id": 0}},
        "result": {
            "noise": "bernoulli",
            "request": {"allow_inconsistent": False, "allow_vacuous": False},
            "prediction": {"id": 1},
            "full_prediction": {"id": 1},
            "gap": 0.5,
            "full_gap": None,
            "consistent": True,
            "vacuous": False,
        },
    }
    assert [(check.name, check.ok) for check in hard_flag_checks(record)] == [("result.full_gap", False)]
