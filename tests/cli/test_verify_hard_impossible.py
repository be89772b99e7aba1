"""`--verify --fast`: records of certify-hard that no run gives, although no single value shows it."""

from __future__ import annotations

from typing import Any

import pytest

from stabcert.verify.definitions import draws_checks, vote_checks
from tests.cli.verify_cases import Record, changed, verify

pytestmark = pytest.mark.slow

Change = tuple[tuple[str | int, ...], Any]


def forged(record: Record, *changes: Change) -> Record:
    for path, value in changes:
        record = changed(record, ("result", *path), value)
    return record


def refused(record: Record) -> list[str]:
    """Names of the values that --verify --fast refuses."""
    _, (found,) = verify("certify-hard", record, fast=True)
    return [check["name"] for check in found["checks"] if not check["ok"]]


@pytest.mark.parametrize(
    ("changes", "refuses"),
    [
        ([(("lambda",), "6/16")], "result.sweep: lambda, in falling order"),
        ([(("lambda",), "99/16")], "result.sweep: lambda"),
        ([(("radius_incremental",), None)], "result.sweep[{row}]: radii left out"),
        ([(("radius_decremental",), 6)], "result.sweep[{row}].radius_decremental"),
        ([(("stable_for_all_supersets",), True)], "result.sweep[{row}].radius_incremental"),
        ([(("radius_incremental",), 6)], "result.sweep[{row}].radius_incremental"),
        ([(("gap",), 0.01)], "result.sweep[{row}].gap"),
        ([(("gap",), -0.5), (("radius_incremental",), 1)], "result.sweep[{row}].radius_incremental"),
        ([(("agrees_with_unsmoothed",), None)], "result.sweep[{row}].agrees_with_unsmoothed"),
        ([(("consistent",), False)], "result.sweep[{row}].consistent"),
        ([(("prediction",), None)], "result.sweep[{row}].prediction"),
    ],
)
def test_a_row_of_a_sweep_that_contradicts_itself_is_found(
    hard_records: dict[str, Record], changes: list[Change], refuses: str
) -> None:
    record, row = hard_records["sweep"], 2
    changes = [(("sweep", row, *path), value) for path, value in changes]
    assert refuses.format(row=row) in refused(forged(record, *changes))


def test_a_row_of_a_sweep_is_stable_only_where_radii_can_cover_everything(hard_records: dict[str, Record]) -> None:
    record = hard_records["sweep"]
    rows = record["result"]["sweep"]
    claims = rows[-1] | {"stable_for_all_supersets": True, "radius_incremental": 7, "radius_decremental": 7}
    assert claims["lambda"] == "7/16"
    name = "result.sweep[{}].stable_for_all_supersets"
    assert name.format(len(rows) - 1) in refused(forged(record, (("sweep", len(rows) - 1), claims)))


def test_rows_of_a_sweep_in_another_order_are_found(hard_records: dict[str, Record]) -> None:
    record = hard_records["sweep"]
    first, *others = record["result"]["sweep"]
    assert len(others) > 1
    assert refused(forged(record, (("sweep",), [first, *others[::-1]])))
    assert "result.sweep: lambda, in falling order" in refused(forged(record, (("sweep",), [first])))
    assert refused(record) == []


@pytest.mark.parametrize("name", ["votes alone", "sweep", "decremental", "probability"])
def test_quantized_noise_has_a_radius_by_arcs(hard_records: dict[str, Record], name: str) -> None:
    assert "result.radius_arcs" in refused(forged(hard_records[name], (("radius_arcs",), None)))


@pytest.mark.parametrize("name", ["votes alone", "bernoulli", "decremental"])
@pytest.mark.parametrize(
    "reason",
    ["because", "the prediction of the masked input is too close to call", "the full input was not evaluated"],
)
def test_a_reason_for_no_radius_is_one_that_the_record_supports(
    hard_records: dict[str, Record], name: str, reason: str
) -> None:
    record = hard_records[name]
    assert record["result"]["radius_decremental"] is not None
    without = forged(record, (("radius_decremental",), None), (("why_no_decremental",), reason))
    assert "result.why_no_decremental" in refused(without)


@pytest.mark.parametrize("more", [-1, 1, 64])
@pytest.mark.parametrize("name", ["defaults", "attacked", "bernoulli"])
def test_evaluations_of_an_enumeration_are_those_of_a_run(
    hard_records: dict[str, Record], name: str, more: int
) -> None:
    record = hard_records[name]
    claimed = record["result"]["enumerated"]["evaluations"] + more
    assert "result.enumerated.evaluations" in refused(forged(record, (("enumerated", "evaluations"), claimed)))


def test_an_enumeration_does_not_end_where_the_next_size_fits(hard_records: dict[str, Record]) -> None:
    found: list[Change] = [
        (("enumerated", name), value)
        for name, value in (("radius", 1), ("flip", None), ("exact", False), ("evaluations", 8))
    ]
    record = forged(hard_records["defaults"], *found, (("enumerated_radius",), 1), (("request", "enumerate"), 128))
    assert "result.enumerated.evaluations" in refused(record)


def test_evaluations_are_the_different_masks(hard_records: dict[str, Record]) -> None:
    record = hard_records["votes alone"]
    claimed = record["result"]["evaluations"] + 1
    assert "result.evaluations" in refused(forged(record, (("evaluations",), claimed)))


def test_a_guaranteed_addition_keeps_the_prediction(hard_records: dict[str, Record]) -> None:
    record = hard_records["checked"]
    check = record["result"]["check"]
    assert "result.check.touched" in refused(forged(record, (("check", "touched"), check["touched"] - 1)))
    assert "result.check.guaranteed" in refused(forged(record, (("check", "guaranteed"), not check["guaranteed"])))


@pytest.mark.parametrize("name", ["votes alone", "bernoulli", "sweep"])
def test_a_sweep_is_named_as_unchecked_only_where_there_is_one(hard_records: dict[str, Record], name: str) -> None:
    _, (found,) = verify("certify-hard", hard_records[name], fast=True)
    assert any("sweep" in one for one in found["not_checked"]) == (name == "sweep")


@pytest.mark.parametrize("more", [-1, 1])
def test_the_definition_of_a_radius_from_votes_holds_for_one_radius_alone(
    hard_records: dict[str, Record], more: int
) -> None:
    record = hard_records["votes alone"]
    result, labels = record["result"], record["model"]["labels"]
    assert all(check.ok for check in vote_checks(result, labels, keep=3, free=7))
    claimed = result | {"radius_votes": result["radius_votes"] + more}
    assert [check.name for check in vote_checks(claimed, labels, keep=3, free=7) if not check.ok] == [
        "result.radius_votes"
    ]


def test_a_lead_that_draws_do_not_support_fails_its_definition(hard_records: dict[str, Record]) -> None:
    result = hard_records["bernoulli"]["result"]
    assert all(check.ok for check in draws_checks(result, 0.025))
    claimed = result | {"gap": result["gap"] + 0.01}
    assert [check.name for check in draws_checks(claimed, 0.025) if not check.ok] == ["result.gap"]
