"""`choose_smoothing`: the choice is what its rule says, by brute force; parameters are checked; no addition is seen."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from stabcert.core.choice import DEFAULT_LAMBDAS, ChoiceQuestion, choose_smoothing
from stabcert.core.types import MaskedPredictor, Masks, Probs
from stabcert.errors import InputError, ParameterError
from tests.doubles import Table

SEEDS = range(60)


def oracle(
    predictor: Table, mask: np.ndarray, lambdas: tuple[float, ...], draws: int, lead: Fraction, seed: int
) -> tuple[float, int]:
    """The chosen lambda by its definition, one noise mask after another; the number of lambdas that qualify."""
    tolerance = getattr(predictor, "decision_tolerance", 0.0)

    def ballot(row: np.ndarray) -> tuple[int, bool]:
        probs = predictor(row[None])[0].tolist()
        first, second = sorted(range(len(probs)), key=lambda k: (-probs[k], k))[:2]
        return first, bool(np.log(probs[first]) - np.log(probs[second]) < tolerance)

    everything = np.ones(len(mask), dtype=bool)
    target, tied = ballot(everything)
    if tied:
        return 1.0, 0
    uniform = np.random.default_rng([seed, 64]).random((draws, len(mask)))
    qualified = []
    for keep_probability in lambdas:
        leads = []
        for row in (everything, mask):
            ballots = [ballot(row & (numbers < keep_probability)) for numbers in uniform]
            votes = [sum(k == one for one, _ in ballots) for k in range(3)]
            doubtful = sum(near for _, near in ballots)
            leads.append(votes[target] - max(votes[k] for k in range(3) if k != target) - 2 * doubtful)
        if all(one > 0 and Fraction(one, draws) >= lead for one in leads):
            qualified.append(keep_probability)
    return min(qualified, default=1.0), len(qualified)


def function(seed: int) -> tuple[Table, np.ndarray]:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 9))
    classes = np.where(rng.random(2**n) < rng.choice([0.4, 0.7, 0.9]), 1, rng.integers(3, size=2**n))
    classes[-1] = rng.integers(3)
    predictor = Table(np.eye(3)[classes] * 0.6 + rng.dirichlet(np.ones(3), size=2**n) * 0.4)
    if seed % 3 == 0:
        predictor.decision_tolerance = 0.9  # type: ignore[attr-defined]
    return predictor, rng.random(n) < 0.5


@pytest.mark.parametrize("seed", SEEDS)
def test_the_choice_is_the_smallest_lambda_that_keeps_the_prediction(seed: int) -> None:
    predictor, mask = function(seed)
    draws, lead = (9, 16)[seed % 2], (Fraction(1, 4), Fraction(1, 2), Fraction(1, 16))[seed % 3]
    found = choose_smoothing(predictor, mask, draws=draws, lead=float(lead), seed=seed)
    expected, _ = oracle(predictor, mask, DEFAULT_LAMBDAS, draws, lead, seed)
    assert found.chosen == expected
    assert (found.smoothed is None) == (expected == 1.0)
    tested = [one.keep_probability for one in found.candidates]
    assert tested == sorted(DEFAULT_LAMBDAS)[: len(tested)]
    if found.smoothed is not None:
        assert tested[-1] == expected
        assert found.smoothed.decide(np.stack([mask, np.ones_like(mask)])).classes.tolist() == [found.prediction] * 2


def test_the_oracle_decides_between_several_lambdas() -> None:
    found = [oracle(*function(seed), DEFAULT_LAMBDAS, 16, Fraction(1, 4), seed) for seed in SEEDS]
    assert len({chosen for chosen, _ in found}) >= 4
    assert any(1 < number < len(DEFAULT_LAMBDAS) for _, number in found)


class Watched:
    """A predictor that remembers which masks it was evaluated on."""

    def __init__(self, predictor: MaskedPredictor) -> None:
        self.predictor, self.n_features = predictor, predictor.n_features
        self.seen: list[np.ndarray] = []

    def __call__(self, masks: Masks, /) -> Probs:
        self.seen += list(masks)
        return self.predictor(masks)


@pytest.mark.parametrize("seed", range(20))
def test_no_addition_is_evaluated(seed: int) -> None:
    """Every evaluated mask is the full input, or the mask, with features that a frozen noise mask removed."""
    predictor, mask = function(seed)
    watched = Watched(predictor)
    found = choose_smoothing(watched, mask, draws=8, seed=seed)
    uniform = np.random.default_rng([seed, 64]).random((8, len(mask)))
    tested = [one.keep_probability for one in found.candidates]
    allowed = {bytes(kept & (row < one)) for row in uniform for one in tested for kept in (mask, np.ones_like(mask))}
    assert {bytes(row) for row in watched.seen} <= allowed | {bytes(np.ones_like(mask))}


def test_candidates_come_in_any_order_and_the_choice_ends_at_the_first_that_qualifies() -> None:
    predictor = Table(np.tile([0.1, 0.9], (16, 1)))
    found = choose_smoothing(predictor, [1, 0, 0, 0], lambdas=(0.25, 0.75, 0.5))
    assert found.question.lambdas == (0.75, 0.5, 0.25)
    assert [one.keep_probability for one in found.candidates] == [0.25]
    assert (found.chosen, found.prediction, found.question.needed) == (0.25, 1, 16)


def test_nothing_is_chosen_where_the_unsmoothed_prediction_is_a_near_tie() -> None:
    predictor = Table(np.tile([0.5, 0.5], (4, 1)))
    predictor.decision_tolerance = 1e-6  # type: ignore[attr-defined]
    found = choose_smoothing(predictor, [1, 0])
    assert (found.chosen, found.prediction, found.candidates, found.smoothed) == (1.0, None, (), None)


@pytest.mark.parametrize(("lead", "draws", "needed"), [(0.25, 64, 16), (0.25, 9, 3), (1e-9, 5, 1), (1.0, 7, 7)])
def test_the_lead_that_is_needed_is_rounded_up_to_whole_votes(lead: float, draws: int, needed: int) -> None:
    assert ChoiceQuestion(draws=draws, lead=lead).needed == needed


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"lambdas": ()}, "lambdas"),
        ({"lambdas": (0.5, 0.5)}, "lambdas"),
        ({"lambdas": (0.5, 1.0)}, "lambdas"),
        ({"lambdas": (0.0,)}, "lambdas"),
        ({"lambdas": (float("nan"),)}, "lambdas"),
        ({"draws": 0}, "draws"),
        ({"lead": 0.0}, "lead"),
        ({"lead": 1.1}, "lead"),
    ],
)
def test_parameters_out_of_range_are_refused(arguments: dict[str, tuple[float, ...]], named: str) -> None:
    with pytest.raises(ParameterError, match=named):
        choose_smoothing(Table(np.tile([0.1, 0.9], (4, 1))), [1, 0], **arguments)  # type: ignore[arg-type]


def test_a_mask_that_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError):
        choose_smoothing(Table(np.tile([0.1, 0.9], (4, 1))), [1, 0, 0])
