"""The sequential test of a rate: golden stopping times, soundness, near ties, finite populations."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from stabcert.core.statistics.bounds import log_e_value
from stabcert.core.statistics.sequential import SequentialTest, samples_to_certify
from tests.bench.expected_samples import LARGEST_FACTOR, RATES, expected_samples
from tests.core.helpers import GOLDEN
from tests.oracles import e_value, e_value_finite, ever_true_without_replacement

DELTAS = [0.1, 0.05, 0.01]


def run(test: SequentialTest, outcomes: str) -> SequentialTest:
    """Feed a word of ``+`` (match), ``-`` (no match) and ``?`` (near tie) until a decision."""
    for outcome in outcomes:
        test.add(match=outcome in "+?", near_tie=outcome == "?")
        if test.decided:
            break
    return test


def new(threshold: float = 0.9, delta: float = 0.1, population: int | None = None) -> SequentialTest:
    return SequentialTest(threshold, delta_certify=delta, delta_refute=delta, population=population)


@pytest.mark.parametrize("delta", DELTAS)
def test_a_rate_of_90_percent_is_certified_after_the_golden_number_of_draws(delta: float) -> None:
    for failures, needed in enumerate(GOLDEN["samples_to_certify_0.9"][str(delta)]):
        assert samples_to_certify(0.9, delta, failures=failures) == needed
        if failures <= 1:  # an early failure alone does not refute
            test = run(new(delta=delta), "-" * failures + "+" * 1000)
            assert (test.certified, test.samples, test.failures) == (True, needed, failures)


@pytest.mark.parametrize("delta", DELTAS)
def test_a_rate_of_90_percent_is_refuted_after_the_golden_number_of_draws(delta: float) -> None:
    for matches, needed in enumerate(GOLDEN["samples_to_refute_0.9"][str(delta)]):
        test = run(new(delta=delta), "+" * matches + "-" * 1000)
        assert (test.refuted, test.samples, test.matches) == (True, needed, matches)


@pytest.mark.slow
@pytest.mark.parametrize("population", [None, 60])
@pytest.mark.parametrize(("threshold", "delta"), [(0.9, 0.1), (0.6, 0.05), (0.3, 0.1)])
def test_the_decision_falls_when_the_evidence_reaches_1_over_delta_and_never_otherwise(
    threshold: float, delta: float, population: int | None
) -> None:
    """Against the definition: evidence for, evidence against with the roles exchanged, near ties in neither."""
    rng = np.random.default_rng(17)
    for rate in (0.05, 0.3, 0.6, 0.85, 0.95, 1.0):
        for _ in range(6):
            word = "".join(rng.choice(list("+-?"), p=[rate * 0.95, (1 - rate) * 0.95, 0.05], size=population or 80))
            test = run(new(threshold, delta, population), word)
            for n in range(1, test.samples + 1):
                expected = decision(word[:n], threshold, delta, population)
                if n < test.samples:
                    assert expected is None
            actual = True if test.certified else False if test.refuted else None
            assert actual == expected


def decision(word: str, threshold: float, delta: float, population: int | None) -> bool | None:
    sure, bad, unclear = word.count("+"), word.count("-"), word.count("?")
    if population is None:
        certify = e_value(threshold, sure, bad + unclear)
        refute = e_value(1 - threshold, bad, sure + unclear)
    elif len(word) == population:
        if Fraction(sure, population) >= Fraction(threshold).limit_denominator(1000):
            return True
        return False if Fraction(sure + unclear, population) < Fraction(threshold).limit_denominator(1000) else None
    else:
        wanted = math.ceil(Fraction(threshold).limit_denominator(1000) * population)
        certify = finite(wanted - 1, sure, bad + unclear, population)
        refute = finite(population - wanted, bad, sure + unclear, population)
    return True if certify >= 1 / delta else False if refute >= 1 / delta else None


def finite(limit: int, matches: int, failures: int, population: int) -> float:
    if matches > limit:
        return math.inf
    return 0.0 if failures >= population - limit else float(e_value_finite(limit, matches, failures, population))


@pytest.mark.parametrize("rate", RATES)
def test_the_mean_number_of_draws_is_near_the_information_limit(rate: float) -> None:
    """Exact by dynamic programming over (draws, failures)."""
    expected = expected_samples(rate)
    assert expected.factor < LARGEST_FACTOR
    assert expected.mean == pytest.approx(dict(GOLDEN["mean_samples_to_certify_0.9_delta_0.1"])[rate], abs=0.06)
    limit = {0.95: 137.8, 0.98: 44.9, 0.99: 32.3, 0.995: 27.1, 1.0: 21.9}[rate]
    assert expected.limit == pytest.approx(limit, abs=0.06)


@pytest.mark.slow
@pytest.mark.parametrize("threshold", [0.9, 0.8, 0.5, 1.0])
@pytest.mark.parametrize("population", [10, 20, 37])
def test_with_a_finite_population_a_wrong_decision_has_probability_at_most_delta(
    population: int, threshold: float
) -> None:
    """Exact, over every order of the members; also for a number of matches exactly at the threshold."""
    wanted = math.ceil(Fraction(threshold).limit_denominator(100) * population)
    outcome: dict[tuple[int, int], tuple[bool, bool]] = {}
    for matches in range(population + 1):
        for failures in range(population + 1 - matches):
            for match in (True, False):
                before = (matches - match, failures - (not match))
                if min(before) >= 0:
                    test = new(threshold, 0.1, population)
                    test._counts = (sum(before), before[0], 0)
                    test.add(match=match)
                    previous = outcome.get((matches, failures), (False, False))
                    outcome[matches, failures] = (previous[0] or test.certified, previous[1] or test.refuted)
    for count in {0, wanted // 2, wanted - 2, wanted - 1} - {-1, -2}:
        certified = ever_true_without_replacement(count, population, lambda s, f: outcome[s, f][0])
        assert certified <= 0.1
        assert not outcome[count, population - count][0]
        assert outcome[count, population - count][1]
    for count in {wanted, min(wanted + 1, population), population}:
        refuted = ever_true_without_replacement(count, population, lambda s, f: outcome[s, f][1])
        assert refuted <= 0.1
        assert not outcome[count, population - count][1]
        assert outcome[count, population - count][0]


@pytest.mark.parametrize(("matches", "certified"), [(9, True), (8, False)])
@pytest.mark.parametrize("exhaustive", [True, False])
def test_an_exhausted_population_gives_the_exact_verdict(matches: int, certified: bool, exhaustive: bool) -> None:
    test = SequentialTest(0.9, delta_certify=1e-9, delta_refute=1e-9, population=10, exhaustive=exhaustive)
    run(test, "-" + "+" * matches + "-" * (9 - matches))
    assert (test.certified, test.refuted) == (certified, not certified)
    assert test.samples == 10  # with a billionth of doubt allowed nothing but the last member decides
    assert test.lower == test.upper == matches / 10


def test_a_rate_exactly_at_the_threshold_is_certified_for_thresholds_that_binary_fractions_miss() -> None:
    for population in (3, 7, 10, 30, 57, 148):
        for count in range(1, population + 1):
            test = SequentialTest(
                count / population, delta_certify=0.1, delta_refute=0.1, population=population, exhaustive=True
            )
            run(test, "+" * count + "-" * (population - count))
            assert test.certified
            assert not test.refuted


def test_an_exhaustive_test_decides_at_the_end_only_and_its_bounds_are_certain_all_the_way() -> None:
    test = SequentialTest(0.5, delta_certify=0.5, delta_refute=0.5, population=20, exhaustive=True)
    assert test.target() == 20
    for n in range(1, 20):
        test.add(match=n % 3 != 0, near_tie=n == 7)
        assert not test.decided
        assert test.lower == (n - n // 3 - (n >= 7)) / 20
        assert test.upper == (20 - n // 3) / 20
    test.add(match=True)
    assert test.certified


@pytest.mark.parametrize("population", [None, 400])
def test_near_ties_support_neither_decision(population: int | None) -> None:
    ties = run(new(population=population), "?" * 399)
    assert not ties.decided
    assert ties.near_ties == ties.failures == 399
    assert ties.matches == 0
    assert ties.lower == 0.0
    assert ties.upper == 1.0


def test_near_ties_count_as_failures_when_certifying_and_as_matches_when_refuting() -> None:
    needed = GOLDEN["samples_to_certify_0.9"]["0.1"]
    for ties in range(4):
        test = run(new(), "?" * ties + "+" * 500)
        assert (test.certified, test.samples) == (True, needed[ties])
    refuting = GOLDEN["samples_to_refute_0.9"]["0.1"]
    for ties in range(4):
        test = run(new(), "?" * ties + "-" * 500)
        assert (test.refuted, test.samples) == (True, refuting[ties])


def test_a_near_tie_is_no_match_whatever_the_class_was() -> None:
    first, second = new(), new()
    first.add(match=True, near_tie=True)
    second.add(match=False, near_tie=True)
    assert (first.matches, first.near_ties, first.lower, first.upper) == (0, 1, 0.0, 1.0)
    assert (second.matches, second.near_ties, second.lower, second.upper) == (0, 1, 0.0, 1.0)


def test_a_population_exhausted_with_ambiguous_members_stays_undecided() -> None:
    test = run(new(0.8, 1e-9, population=10), "+" * 7 + "??" + "-")
    assert test.samples == 10
    assert not test.decided
    assert (test.lower, test.upper) == (0.7, 0.9)


@pytest.mark.parametrize("population", [None, 60, 5000])
@pytest.mark.parametrize("threshold", [0.3, 0.9, 0.97])
def test_the_bounds_agree_with_the_decision(threshold: float, population: int | None) -> None:
    rng = np.random.default_rng(5)
    for rate in (0.05, 0.5, 0.9, 1.0):
        test = run(new(threshold, 0.1, population), "".join("+" if x < rate else "-" for x in rng.random(60)))
        assert test.certified == (test.lower >= threshold)
        assert test.refuted == (test.upper < threshold)
        assert 0.0 <= test.lower <= test.matches / test.samples <= test.upper <= 1.0


def test_the_bounds_agree_with_a_decision_that_reaches_1_over_delta_exactly() -> None:
    """Whatever the last bit of delta, a certified rate is at least the threshold and a refuted one below it."""
    for threshold in (0.9, 0.7, 0.35):
        for count in range(3, 40):
            delta = math.exp(-log_e_value(threshold, count, 0))
            if delta < 0.5:
                test = run(new(threshold, delta), "+" * 60)
                assert test.certified
                assert test.lower >= threshold
            delta = math.exp(-log_e_value(1 - threshold, count, 0))
            if delta < 0.5:
                test = run(new(threshold, delta), "-" * 60)
                assert test.refuted
                assert test.upper < threshold


def test_before_the_first_draw_nothing_is_known() -> None:
    for population in (None, 12):
        test = new(population=population)
        assert (test.lower, test.upper, test.decided) == (0.0, 1.0, False)


def test_a_rate_of_1_is_certified_by_no_number_of_independent_draws() -> None:
    assert samples_to_certify(1.0, 0.1) is None
    assert samples_to_certify(0.9, 0.1, at_most=28) is None
    assert samples_to_certify(0.9, 0.1, at_most=29) == 29


@pytest.mark.parametrize("population", [1, 2, 10, 57])
def test_a_rate_of_1_is_certified_in_a_finite_population_when_a_single_flaw_would_have_been_seen(
    population: int,
) -> None:
    # The only alternative is one member that does not match: seen among n of M with probability n / M.
    needed = samples_to_certify(1.0, 0.1, population=population)
    assert needed == math.ceil(population * Fraction(9, 10))


@pytest.mark.parametrize("failures", [0, 1, 5])
@pytest.mark.parametrize("population", [None, 57, 211])
def test_the_number_of_samples_to_certify_is_the_smallest(failures: int, population: int | None) -> None:
    threshold, delta = 0.8, 0.1
    needed = samples_to_certify(threshold, delta, failures=failures, population=population)
    assert needed is not None
    for n in range(max(failures + 1, needed - 12), needed + 3):
        if population is None:
            evidence = e_value(threshold, n - failures, failures)
        else:
            evidence = finite(math.ceil(population * Fraction(4, 5)) - 1, n - failures, failures, population)
        assert (evidence >= 1 / delta) == (n >= needed)
