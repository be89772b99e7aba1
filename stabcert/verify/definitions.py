"""Bounds once more, from their definitions alone: nothing here is imported from the code that proved them.

A bound is what rejects every value beyond it. Here each bound of a record is held against its own test, computed by
scipy's distributions or by brute force, where `recount_soft` inverts closed forms. What delta a bound has is read off
the record, and is never less than it had: a bound that is right is never refused, one that is far too tight is.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from stabcert.verify.checks import Check, holds

_SLACK = 1e-3
"""Relative, of probabilities: what rounding a bound to a float, or quadrature, may do to its test."""
_GRID = 20_001


def bound_checks(result: dict[str, Any]) -> list[Check]:
    """Return checks of the bounds of ``certify-soft`` that rest on draws; enumerated rates are shares of counts."""
    request, rates = result["request"], result["rates"]
    sampled = [one for one in rates if not one["enumerated"] and one["samples"] > 0]
    delta = result["delta"] / (2 if result["sides"] == 2 else 1)
    # In the other cases it is not known from the record how many radii share delta.
    fixed = result["sides"] == 2
    if result["simultaneous"] and (fixed or not (result["interrupted"] or request["formulation"] == "worst")):
        delta /= max(1, len(sampled))
    checks = []
    for number, one in enumerate(rates):
        if one["enumerated"] or one["samples"] == 0 or one["samples"] == one["population"]:
            continue
        kept, lost = one["matches"], one["samples"] - one["matches"] - one["near_ties"]
        for name, value, seen in (("lower", one["lower"], kept), ("upper", 1.0 - one["upper"], lost)):
            if value <= 0.0 or (name == "upper" and request["formulation"] == "worst"):
                continue  # bounds nothing, or is the bound of a size that is not shown
            log_chance = _log_chance(result["interval"], value, seen, one["samples"], one["population"])
            words = f"a bound that {one['samples']} draws support, by its definition"
            ok = log_chance <= math.log(delta) + _SLACK
            checks.append(holds(f"result.rates[{number}].{name}", one[name], words, ok))
    return checks


def vote_checks(result: dict[str, Any], labels: int, keep: int, free: int) -> list[Check]:
    """Return checks of the lead of votes of frozen noise and of its radius, by moving votes and counting again.

    With r more features at most ``r * keep`` noise masks see another input. The prediction must win if all of these
    vote for any one other class, and must not win at the next radius. Near ties leave both open.
    """
    if result["scores"] != "vote" or result["near_ties"] > 0:
        return []
    votes, own = {one["id"]: one["votes"] for one in result["votes"]}, result["prediction"]["id"]
    silent = next((k for k in range(labels) if k not in votes), None)  # of these the lowest wins the most ties
    others = [k for k in (*votes, silent) if k is not None and k != own]

    def wins(radius: int, k: int) -> bool:
        moved = min(radius * keep, votes[own])
        left, gained = votes[own] - moved, votes.get(k, 0) + moved
        return bool(left > gained or (left == gained and own < k))

    radius, lead = result["radius_votes"], votes[own] - max((votes.get(k, 0) for k in others), default=0)
    gap, draws = result["gap"], result["draws"]
    largest = all(wins(radius, k) for k in others) and (radius == free or not all(wins(radius + 1, k) for k in others))
    return [
        holds("result.gap", gap, f"{lead} of {draws} votes", math.isclose(gap, lead / draws, rel_tol=1e-12)),
        holds("result.radius_votes", radius, "the largest that moved votes leave, by its definition", largest),
    ]


def draws_checks(result: dict[str, Any], delta_each: float) -> list[Check]:
    """Return checks of the leads of Bernoulli noise: the class has more than half of the draws by as much, or delta."""
    own, checks = result["prediction"]["id"], []
    for name, seen in (("gap", result["votes"]), ("full_gap", result["full_votes"])):
        votes = next((one["votes"] for one in seen or [] if one["id"] == own), 0)
        if result[name] is None or result[name] <= -1.0:
            continue  # bounds nothing
        words = f"a bound that {result['draws']} draws support, by its definition"
        chance = _log_chance("exact", (1.0 + result[name]) / 2, votes, result["draws"], None)
        checks.append(holds(f"result.{name}", result[name], words, chance <= math.log(delta_each) + _SLACK))
    return checks


def _log_chance(interval: str, bound: float, seen: int, samples: int, population: int | None) -> float:
    """Return the log of the largest probability of such draws if the rate of what was ``seen`` is below ``bound``."""
    from scipy.stats import binom, hypergeom  # half a second to import

    if interval == "hoeffding":
        return -2 * samples * max(0.0, seen / samples - bound) ** 2
    if population is None and bound >= 1.0:
        return 0.0  # no draws of an unlimited set show that
    if population is None and interval == "exact":
        return float(binom.logsf(seen - 1, samples, bound))
    if population is None:
        return -_log_mean_ratio(bound, seen, samples)
    most = round(bound * population) - 1  # members that the bound says are too few
    if interval == "exact":
        chance = float(hypergeom.sf(seen - 1, population, most, samples))
        return math.log(chance) if chance > 0.0 else -math.inf
    return -_log_mean_ratio_finite(most, seen, samples, population)


def _log_mean_ratio(bound: float, seen: int, samples: int) -> float:
    """Return the log of the mean likelihood ratio against ``bound`` over larger rates (arcsine law, by quadrature).

    Ville: for a rate up to the bound its chance of ever reaching 1 / delta is at most delta.
    """
    angle = np.linspace(math.asin(math.sqrt(bound)), math.pi / 2, _GRID)
    middle = (angle[1:] + angle[:-1]) / 2
    rates = np.sin(middle) ** 2
    logs = seen * np.log(rates / bound) + (samples - seen) * np.log(np.cos(middle) ** 2 / (1.0 - bound))
    return _log_mean(logs, np.zeros_like(logs))


def _log_mean_ratio_finite(most: int, seen: int, samples: int, population: int) -> float:
    """Return the same for draws without replacement, against ``most`` members; member by member."""
    if most < seen:
        return math.inf  # more were seen
    members = np.arange(most + 1, population + 1, dtype=np.float64)
    weights = gammaln(members + 0.5) - gammaln(members + 1)
    weights += gammaln(population - members + 0.5) - gammaln(population - members + 1)
    at_most = population - (samples - seen)  # the others were seen, too
    if most >= at_most:
        return -math.inf
    logs = np.where(members <= at_most, _log_draws(np.minimum(members, at_most), seen, samples, population), -np.inf)
    return _log_mean(logs - float(_log_draws(np.array([float(most)]), seen, samples, population)[0]), weights)


def _log_draws(members: NDArray[np.float64], seen: int, samples: int, population: int) -> NDArray[np.float64]:
    """Return the log of the number of ways to draw these, in order."""
    others = population - members
    ways: NDArray[np.float64] = gammaln(members + 1) - gammaln(members - seen + 1)
    ways += gammaln(others + 1) - gammaln(others - (samples - seen) + 1)
    return ways


def _log_mean(logs: NDArray[np.float64], log_weights: NDArray[np.float64]) -> float:
    top, heaviest = logs.max(), log_weights.max()
    weights = np.exp(log_weights - heaviest)
    return float(top + np.log((np.exp(logs - top) * weights).sum() / weights.sum()))
