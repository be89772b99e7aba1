"""The smallest masks of a ranking that keep the prediction and are stable: by certificate, or by enumeration."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

from stabcert.core.decisions import Decisions, decide
from stabcert.core.given import n_features_of
from stabcert.core.masks import Additions, ranking, top_k_mask
from stabcert.core.soft.certificate import SoftCertificate
from stabcert.core.soft.drawn_tests import DrawnTests
from stabcert.core.soft.question import DEFAULT_MAX_SAMPLES
from stabcert.core.soft.sequential import SequentialRates
from stabcert.core.soft.stable_mask import SearchInterrupted, StableMask, TriedSize
from stabcert.core.soft.trials import Trials, larger_than, population
from stabcert.core.statistics.bounds import check_delta
from stabcert.core.streams import part_of, words_of
from stabcert.core.types import Mask, MaskedPredictor, Masks
from stabcert.errors import InputError, ParameterError

_FIRST_CHUNK = 8


@dataclass(frozen=True)
class MinimalMask:
    """The result of `greedy_minimal_mask`, which is deterministic."""

    k: int
    mask: Mask
    evaluations: int


def smallest_stable_mask(
    predictor: MaskedPredictor,
    scores: ArrayLike,
    *,
    radius: int = 1,
    min_rate: float = 0.9,
    delta: float = 0.1,
    max_samples: int | None = None,
    largest_k: int | None = None,
    allow_vacuous: bool = False,
    rng: Generator,
) -> StableMask:
    """Return the mask of the k best features for the smallest k that is consistent and certified to be stable.

    Tests k = 1, 2, ... in this order, because neither consistency nor stability grows with k, and stops
    at the first mask that gives the prediction of the full input and whose stability rate at
    ``radius`` is certified to be at least ``min_rate``. Where the empty input already gives this prediction (or
    it is too close to call), every such mask is vacuous, and none is returned unless ``allow_vacuous``.

    Guarantee: with probability at least 1 - ``delta`` over the draws, the lower bounds of *all*
    sizes in ``tested`` hold. Therefore that of the returned mask holds, however it was chosen.

    Reason: the data choose k, so an error at any tested size could be the reported one.
    Stopping at the first success is the opposite of a fixed-sequence test (which stops at the first
    failure and needs no correction): if all rates lie just below ``min_rate``, each test is one more
    chance to be wrong. The i-th test that rests on draws therefore gets ``6 delta / (pi^2 i^2)``, its
    test is valid at every moment at that level, and the shares sum to at most ``delta`` for any number
    of tests. Sizes that are not consistent cost nothing, because consistency does not depend on chance.
    Sizes whose additions are few enough to enumerate cost nothing either (at most as many as the
    shortest possible test has draws). Nor does a ``min_rate`` of 1, which is certified only after all
    additions were tested. Compared with equal shares for all sizes this is sharper for the first tests,
    and the draws that the i-th test needs grow only with log(i).

    The statement does not include that smaller k fail: a test refutes a size wrongly with probability
    at most its share, and an undecided size is passed over.

    If ``radius`` exceeds the number of features left, it means all of them. The mask of all features is
    stable because nothing can be added; ``largest_k`` excludes it.

    Costs two evaluations, one for each size (in chunks that double, so up to twice the sizes reached), and
    for each consistent size a test: about ``log(1 / share) / (1 - min_rate)`` evaluations to be
    certified, fewer to be refuted, at most ``max_samples``.

    Args:
        predictor: any `MaskedPredictor`.
        scores: ``(n_features,)`` of an attribution; larger comes first, ties go to the lower index.
        radius: features that may be added.
        min_rate: stability rate to be certified, above 0 and up to 1 (1: no addition may change the class).
        delta: probability that the statement is wrong.
        max_samples: most draws of one test (default 2000).
        largest_k: size of the largest tested mask (default: all features).
        allow_vacuous: also return a mask that explains nothing, because the empty input has the same prediction.
        rng: source of all randomness; each size has its own draws.

    Raises:
        InputError: scores that do not fit the predictor.
        ParameterError: a parameter out of range, or a rate that ``max_samples`` draws cannot certify.
        ModelError: the predictor returned something other than probabilities.
        SearchInterrupted: Ctrl-C; it contains the results for the sizes so far.
    """
    ranked = _Ranking(predictor, scores)
    n = ranked.n_features
    largest_k = n if largest_k is None else largest_k
    limit = DEFAULT_MAX_SAMPLES if max_samples is None else max_samples
    check_search(radius=radius, min_rate=min_rate, delta=delta, max_samples=limit)
    if not 1 <= largest_k <= n:
        raise ParameterError(f"largest_k must be 1 to {n}, the number of features, got {largest_k}")
    root = words_of(rng)
    tested: list[TriedSize] = []
    evaluations = tests_on_draws = 0
    vacuous: bool | None = None
    try:
        vacuous = ranked.vacuous()
        if ranked.certain and vacuous is not False and not allow_vacuous:
            return StableMask(None, None, None, (), ranked.evaluations, vacuous)
        for k in range(1, largest_k + 1):
            if not ranked.consistent(k, largest_k):
                tested.append(TriedSize(k, consistent=False))
                continue
            mask = ranked.mask(k)
            trials = Trials(predictor, mask, part_of(root, k))
            # At the smallest delta only testing all additions shows a rate of 1, so that chance has no part in it.
            share = 6 * delta / (math.pi * (tests_on_draws + 1)) ** 2 if min_rate < 1.0 else sys.float_info.min
            additions = Additions(mask, min(radius, n - k))
            if min_rate == 1.0 and larger_than(additions, limit):
                count = population(additions)
                number, more = (f"{count}", f"max_samples={count} or more, ") if count else ("more than 10^6", "")
                raise ParameterError(
                    f"only testing all {number} additions of up to {additions.radius} features to the best {k} can "
                    f"show a rate of 1. At most {limit} are allowed. Use {more}a smaller radius, or a rate below 1"
                )
            sets = {additions.radius: [additions]}
            test = SequentialRates(sets, min_rate, share, simultaneous=False, max_samples=limit)
            rests_on_draws = test.rests_on_draws and min_rate < 1.0
            spent = share if rests_on_draws else 0.0
            # A share is used up even where ``max_samples`` draws are too few to test with it. Shares that depended on
            # the maximum would add up to more than delta for a user who raises it.
            earlier, tests_on_draws = tests_on_draws, tests_on_draws + rests_on_draws
            try:
                test.check_reachable()
            except ParameterError:
                if earlier == 0:
                    raise
                tested.append(TriedSize(k, True, None, spent))
                continue
            try:
                test.run(DrawnTests(trials))
            except KeyboardInterrupt:
                tested.append(TriedSize(k, True, test.rates[0], spent))
                evaluations += trials.evaluations
                raise
            (rate,) = test.rates
            tested.append(TriedSize(k, True, rate, spent))
            evaluations += trials.evaluations
            if rate.met:
                certificate = SoftCertificate(
                    prediction=trials.prediction,
                    n_features=n,
                    n_selected=k,
                    rates=(rate,),
                    delta=delta,
                    simultaneous=True,
                    interval="anytime",
                    sides=1,
                    formulation="up-to",
                    largest_radius=None,
                    verdict="certified",
                    evaluations=evaluations + ranked.evaluations,
                    flips=trials.flips,
                    consistent=True,
                    vacuous=vacuous,
                )
                return StableMask(k, mask, certificate, tuple(tested), certificate.evaluations, vacuous)
    except KeyboardInterrupt:
        known = StableMask(None, None, None, tuple(tested), evaluations + ranked.evaluations, vacuous)
        raise SearchInterrupted(known) from None
    return StableMask(None, None, None, tuple(tested), evaluations + ranked.evaluations, vacuous)


def greedy_minimal_mask(predictor: MaskedPredictor, scores: ArrayLike) -> MinimalMask:
    """Return the mask of the k best features for the smallest k that is consistent and stable at radius 1 both ways.

    That is the quantity of the sparsity experiment of Multiplicative Smoothing (Xue et al. 2023): features
    are added in the order of the attribution until the mask gives the prediction of the full input
    (consistent), adding any one feature to the mask changes nothing (incrementally stable), and taking
    any one feature that is not in the mask from the full input changes nothing (decrementally stable).

    Two things differ from the published code. Stability is decided for this predictor by testing all
    single additions and removals, so the answer is exact. The hard certificate used there can show it
    only for a smoothed model, and may fail to. And k increases one by one, because a larger mask is not
    always at least as stable, as the published bisection assumes. For the smoothed model pass a
    `SmoothedPredictor`.

    Guarantee: the returned mask has the three properties and no smaller one of the ranking has them,
    where near ties count as changes. The last candidate is the mask of all features, to which nothing
    can be added. It is also returned if the full input is itself a near tie.

    Costs at most 2n evaluations, and n - k more for each consistent k whose additions are tested.

    Args:
        predictor: any `MaskedPredictor`.
        scores: ``(n_features,)`` of an attribution; larger comes first, ties go to the lower index.

    Raises:
        InputError: scores that do not fit the predictor.
        ModelError: the predictor returned something other than probabilities.
    """
    ranked = _Ranking(predictor, scores)
    n = ranked.n_features
    # The mask must contain every feature whose removal from the full input changes something.
    without = ~np.eye(n, dtype=np.bool_)[ranked.order]
    needed = np.flatnonzero(~ranked.keeps_class(without))
    for k in range(max(1, int(needed.max(initial=-1)) + 1), n):
        if ranked.consistent(k, n - 1):
            mask = ranked.mask(k)
            if ranked.keeps_class(mask | np.eye(n, dtype=np.bool_)[ranked.order[k:]]).all():
                return MinimalMask(k, mask, ranked.evaluations)
    return MinimalMask(n, ranked.mask(n), ranked.evaluations)


class _Ranking:
    """The masks of the best 1, 2, ... features, and whether a mask certainly has the class of the full input.

    Masks of the ranking are evaluated in advance, in chunks that double, to fill batches.
    """

    def __init__(self, predictor: MaskedPredictor, scores: ArrayLike) -> None:
        values = np.asarray(scores, dtype=np.float64)
        if values.shape != (n_features_of(predictor),) or not np.isfinite(values).all():
            raise InputError(
                f"scores must be {predictor.n_features} finite numbers, one for each feature, got shape {values.shape} "
                "or values that are not finite"
            )
        self.n_features = n_features_of(predictor)
        self.order = ranking(values)
        """Features by falling score, as in `top_k_mask`."""
        self.evaluations = 0
        self._predictor = predictor
        self._scores = values
        self._first = 1
        self._known: list[bool] = []
        full = self._decide(np.ones((1, self.n_features), dtype=np.bool_))
        self._class, self.certain = int(full.classes[0]), not full.near_tie[0]

    def mask(self, k: int) -> Mask:
        return top_k_mask(self._scores, k)

    def keeps_class(self, masks: Masks) -> NDArray[np.bool_]:
        """Return ``(k,)``: True where the class is that of the full input, and neither is a near tie."""
        decisions = self._decide(masks)
        kept: NDArray[np.bool_] = self.certain & (decisions.classes == self._class) & ~decisions.near_tie
        return kept

    def vacuous(self) -> bool | None:
        """Return whether the empty input also has the class of the full one; None if one of the two is a near tie."""
        empty = self._decide(np.zeros((1, self.n_features), dtype=np.bool_))
        return bool(empty.classes[0] == self._class) if self.certain and not empty.near_tie[0] else None

    def consistent(self, k: int, last: int) -> bool:
        """Return `keeps_class` of the mask of the ``k`` best; ``last`` is the largest k that may follow.

        Sizes must come in increasing order; the first may be any.
        """
        if not self._known:
            self._first = k
        while k >= self._first + len(self._known):
            start = self._first + len(self._known)
            end = min(last, start + max(_FIRST_CHUNK, len(self._known)) - 1)
            self._known += self.keeps_class(np.stack([self.mask(i) for i in range(start, end + 1)])).tolist()
        return self._known[k - self._first]

    def _decide(self, masks: Masks) -> Decisions:
        self.evaluations += len(masks)
        return decide(self._predictor, masks)


def check_search(*, radius: int, min_rate: float, delta: float, max_samples: int) -> None:
    """Refuse arguments of `smallest_stable_mask` that are impossible for every predictor.

    Raises:
        ParameterError: a value out of its range.
    """
    check_delta(delta)
    if radius < 0 or not float(radius).is_integer():
        raise ParameterError(f"radius must be a whole number of 0 or more, got {radius}", "radius")
    if not 0.0 < min_rate <= 1.0:
        raise ParameterError(
            f"min_rate must be above 0 and at most 1, got {min_rate:g}. For 90% use min_rate=0.9", "min_rate"
        )
    if max_samples < 1:
        raise ParameterError(f"max_samples must be 1 or more, got {max_samples}", "max_samples")
