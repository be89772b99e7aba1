"""`--verify`: a record in which a single value was changed does not stand."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from stabcert.cli.call import Call, OutputOptions, RunningOptions
from stabcert.cli.command import Command
from stabcert.cli.commands.certify_hard_work import CertifyHard
from stabcert.cli.commands.certify_soft_work import CertifySoft
from stabcert.cli.model_options import ModelOptions
from stabcert.cli.opening import Opening
from stabcert.cli.options import ExplanationOptions, InputOptions
from stabcert.cli.verify.records import _line
from stabcert.cli.verify.run import Verifier
from stabcert.errors import StabcertError
from tests.cli.verify_cases import (
    HARD,
    SOFT,
    Record,
    at,
    changed,
    leaves,
    make,
    other_values,
    verify,
)

pytestmark = pytest.mark.slow

# What changes nothing of what is claimed: a request that gives the same numbers, and what nobody can know.
FREE = re.compile(r"result\.request\.|result\.check\.(file|sha256)")
# Probabilities of a network may differ a little between machines.
LOOSE = re.compile(r"probability|\.gap|full_gap|published_radius")


def _call(command: str) -> Call:
    running = RunningOptions(quiet=True)
    return Call(command, InputOptions(), ModelOptions(), ExplanationOptions(), OutputOptions(), running)


class Checker:
    """Checks many records with models that are loaded once."""

    def __init__(self, command: type[Command[Any]], *, fast: bool) -> None:
        self._command = command.name
        self._verify = Verifier(command, Opening(_call(command.name), "auto"), fast=fast)

    def stands(self, record: Record) -> bool:
        """False also for what cannot be a record at all."""
        line = _line("file", 1, json.dumps(record).encode(), self._command)
        try:
            return self._verify.check(line, lambda _: None).stands
        except StabcertError:
            return False


@pytest.fixture(scope="module")
def full_soft() -> Checker:
    return Checker(CertifySoft, fast=False)


@pytest.fixture(scope="module")
def full_hard() -> Checker:
    return Checker(CertifyHard, fast=False)


def name_of(path: tuple[str | int, ...]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")


def tampered(data: st.DataObject, record: Record, places: list[tuple[str | int, ...]]) -> tuple[str, Record]:
    path = data.draw(st.sampled_from(places))
    was = at(record, path)
    value = data.draw(st.sampled_from(other_values(was)))
    assume(type(value) is not type(was) or value != was)
    small = isinstance(value, float) and isinstance(was, float) and abs(value - was) < 1e-3
    assume(not (LOOSE.search(name_of(path)) and small))
    assume(not (isinstance(value, int | float) and isinstance(was, float) and value == was))
    return name_of(path), changed(record, path, value)


def places(record: Record) -> list[tuple[str | int, ...]]:
    found = [("status",)]
    for part in ("result", "prediction", "model"):
        found += leaves(record[part], (part,))
    found += leaves(record["explanation"]["masked_prediction"], ("explanation", "masked_prediction"))
    found += leaves(record["explanation"]["selected"], ("explanation", "selected"))
    return [path for path in found if not FREE.match(name_of(path))]


SLOW = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much, HealthCheck.too_slow],
)


@SLOW
@given(st.sampled_from(list(SOFT)), st.data())
def test_every_change_of_a_soft_record_is_found(
    soft_records: dict[str, Record],
    full_soft: Checker,
    name: str,
    data: st.DataObject,
) -> None:
    where, record = tampered(data, soft_records[name], places(soft_records[name]))
    assert not full_soft.stands(record), where


@SLOW
@given(st.sampled_from(list(HARD)), st.data())
def test_every_change_of_a_hard_record_is_found(
    hard_records: dict[str, Record],
    full_hard: Checker,
    name: str,
    data: st.DataObject,
) -> None:
    where, record = tampered(data, hard_records[name], places(hard_records[name]))
    assert not full_hard.stands(record), where


def missed_by_arithmetic(
    command: type[Command[Any]], records: dict[str, Record], wanted: Callable[[str], bool]
) -> list[Any]:
    """Changes of values with a name that is wanted, of which a fast check says that the record stands."""
    checker, missed = Checker(command, fast=True), []
    for name, record in records.items():
        assert checker.stands(record)
        for path in [("status",), *leaves(record["result"], ("result",))]:
            was = at(record, path)
            for value in other_values(was)[:2] if wanted(name_of(path)) else []:
                numbers = isinstance(was, float) and type(value) in (int, float)
                same = value == was if numbers else type(value) is type(was) and value == was
                if not same and checker.stands(changed(record, path, value)):
                    missed.append((name, name_of(path), was, value))
    return missed


def test_arithmetic_finds_every_change_of_the_rates(soft_records: dict[str, Record]) -> None:
    # Whether somebody pressed a key after the last draw, and what the model itself says, no number can tell.
    unknown = re.compile(r"result\.request\.|unsmoothed|interrupted")
    known = {name: one for name, one in soft_records.items() if one["result"]["formulation"] != "worst"}
    assert missed_by_arithmetic(CertifySoft, known, lambda name: not unknown.search(name)) == []


HARD_BY_ARITHMETIC = re.compile(
    r"status|result\.(lambda|quantization|noise|noise_seed|draws|scores|direction|prediction|consistent|votes|gap"
    r"|radius_incremental|why_no_decremental|broken_at|radius_votes|published_radius|enumerated_radius|attack_radius"
    r"|delta|threshold|met|full_votes|full_prediction|agrees_with_unsmoothed)"
)


def test_arithmetic_finds_changes_of_votes_and_of_what_follows_from_them(hard_records: dict[str, Record]) -> None:
    # Which class lost a vote of the full input nothing else says.
    losers = re.compile(r"result\.full_votes\[[1-9]\]\.(id|label)")
    by_vote = {name: one for name, one in hard_records.items() if name != "probability"}

    def wanted(name: str) -> bool:
        return bool(HARD_BY_ARITHMETIC.match(name)) and not losers.match(name)

    assert missed_by_arithmetic(CertifyHard, by_vote, wanted) == []


@pytest.mark.parametrize("radius", ["radius_votes", "radius_arcs", "radius_incremental"])
def test_no_radius_may_be_larger_than_the_votes_allow(hard_records: dict[str, Record], radius: str) -> None:
    record = hard_records["votes alone"]
    claims = changed(record, ("result", radius), record["result"][radius] + 1)
    assert verify("certify-hard", claims, fast=True)[0] == 1


def test_a_radius_of_everything_needs_something_that_proves_it(hard_records: dict[str, Record]) -> None:
    record = hard_records["votes alone"]
    for names in (("radius_incremental",), ("radius_incremental", "radius_arcs")):
        claims = changed(record, ("result", "stable_for_all_supersets"), True)
        for name in names:
            claims = changed(claims, ("result", name), 7)
        assert verify("certify-hard", claims, fast=True)[0] == 1


def test_another_mask_seed_or_delta_is_another_certificate(soft_records: dict[str, Record], full_soft: Checker) -> None:
    record = soft_records["refuted"]
    for path, value in (
        (("explanation", "selected"), [0, 3]),
        (("result", "request", "delta"), 0.2),
        (("result", "request", "seed"), 1),
        (("run", "seed"), 1),
        (("result", "request", "radius"), "4"),
        (("result", "request", "min_rate"), 0.98),
        (("result", "request", "formulation"), "exactly"),
        (("model", "id"), "demo:text"),
        (("explanation", "masking", "baseline"), "mask"),
        (("input", "text"), "the movie was not bad, a great fil"),
    ):
        assert not full_soft.stands(changed(record, path, value)), path


def test_another_seed_in_both_places_is_found_where_the_draws_matter(bert: Path, tmp_path: Path) -> None:
    record = make("certify-soft", bert, tmp_path, "-r", 5, "--n-samples", 60)
    matches = {
        make("certify-soft", bert, tmp_path, "-r", 5, "--n-samples", 60, "--seed", seed)["result"]["rates"][0][
            "matches"
        ]: seed
        for seed in range(1, 5)
    }
    matches.pop(record["result"]["rates"][0]["matches"], None)
    assert matches, "no seed draws another number of matches: the test needs another mask"
    seed = next(iter(matches.values()))
    claims = changed(changed(record, ("run", "seed"), seed), ("result", "request", "seed"), seed)
    claims = changed(claims, ("run", "default_seed"), False)
    code, (found,) = verify("certify-soft", claims)
    assert code == 1
    assert "result.rates[0].matches" in [check["name"] for check in found["checks"] if not check["ok"]]
    assert verify("certify-soft", claims, fast=True)[0] == 0  # arithmetic cannot know


def test_two_runs_of_one_verification_say_the_same(soft_records: dict[str, Record]) -> None:
    def said() -> list[dict[str, Any]]:
        return [
            {k: v for k, v in one.items() if k != "run"} for one in verify("certify-soft", soft_records["fixed"])[1]
        ]

    assert said() == said()
