"""``smooth-eval``: intervals of means over inputs that are drawn from a population with known means.

Each input is one of three functions of its text, with probabilities that are known; each command is one sample of
inputs, and so one certificate.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from stabcert.core.types import MaskedPredictor
from tests.doubles import Threshold
from tests.known_model import call, loaded, write_mask
from tests.promise.cases import CERTIFICATES, DELTAS, ROUNDING, SLOW, judge

pytestmark = pytest.mark.slow

COMMANDS = CERTIFICATES // 5 if SLOW else 20
INPUTS, RADIUS = 12, 2
NAMES = ("accuracy", "consistency", "rate")
SETTINGS = ["--lambdas", "1,0.5", "--radii", RADIUS, "--draws", 5, "--json", "--quiet"]
"""One seed, and so one smoothed model; the draws differ because the texts do."""
MASK = np.arange(8) < 2
KINDS: dict[str, tuple[Fraction, MaskedPredictor]] = {
    "stable": (Fraction(1, 2), Threshold(8, 0)),
    "fragile": (Fraction(3, 10), Threshold(8, 1, [2, 3, 4])),
    "middling": (Fraction(1, 5), Threshold(8, 2, [4, 5, 6, 7])),
}
RIGHT = Fraction(9, 10)
"""Share of the inputs whose label is the class of the full input, which is class 1 for each kind."""


def write(path: Path, rng: np.random.Generator) -> Path:
    shares = [float(share) for share, _ in KINDS.values()]
    kinds = rng.choice(list(KINDS), size=INPUTS, p=shares)
    right = rng.random(INPUTS) < float(RIGHT)
    # A number in each text, so that each input has draws of its own.
    rows = [f"{kind} {rng.integers(2**62)},{int(label)}" for kind, label in zip(kinds, right, strict=True)]
    path.write_text("text,label\n" + "\n".join(rows) + "\n")
    return path


Means = dict[str, float]


def exact_means(directory: Path, mask: Path) -> list[dict[str, Means]]:
    """For lambda 1 and 1/2 what is true of each kind of input: with all additions tried, one input at a time."""
    levels: list[dict[str, Means]] = [{}, {}]
    for kind in KINDS:
        path = directory / f"{kind}.csv"
        path.write_text(f"text,label\n{kind} 0,1\n")
        _, found, _ = call("smooth-eval", "--inputs", path, "--mask", mask, *SETTINGS, "--n-samples", 100)
        for level, means in zip(found[-1]["result"]["lambdas"], levels, strict=True):
            rate = level["rates"][0]["mean"]
            # Of an input that is labelled 1, which is right where the label is drawn right.
            correct = float(RIGHT if level["accuracy"] == 1.0 else 1 - RIGHT)
            means[kind] = {"accuracy": correct, "consistency": level["consistency"], "rate": rate}
    return levels


def over_the_population(level: dict[str, Means], name: str) -> float:
    return sum(float(share) * level[kind][name] for kind, (share, _) in KINDS.items())


def outside(truth: float, low: float, high: float) -> bool:
    return not low - ROUNDING <= truth <= high + ROUNDING


@pytest.mark.parametrize("delta", DELTAS)
def test_means_are_outside_of_their_intervals_with_frequency_delta_at_most(tmp_path: Path, delta: float) -> None:
    rng = np.random.default_rng(7)
    mask = write_mask(tmp_path, MASK)
    failures: dict[str, int] = {}
    with loaded(lambda text: KINDS[text.split()[0]][1]):
        plain, smoothed = exact_means(tmp_path, mask)
        for kind, (_, function) in KINDS.items():
            assert plain[kind]["rate"] == pytest.approx(float(function.rate(MASK, RADIUS)), abs=1e-12)
        truths = [{name: over_the_population(level, name) for name in NAMES} for level in (plain, smoothed)]
        assert abs(truths[1]["rate"] - truths[0]["rate"]) > 0.03
        for _ in range(COMMANDS):
            inputs = write(tmp_path / "inputs.csv", rng)
            arguments = ["--inputs", inputs, "--mask", mask, *SETTINGS, "--n-samples", 3, "--delta", delta]
            code, found, errors = call("smooth-eval", *arguments)
            assert code == 0, errors
            levels = found[-1]["result"]["lambdas"]
            for level, truth in zip(levels, truths, strict=True):
                rate, at = level["rates"][0], f"lambda {level['fraction']}"
                for name, low, high in (
                    ("accuracy", level["accuracy_lower"], level["accuracy_upper"]),
                    ("consistency", level["consistency_lower"], level["consistency_upper"]),
                    ("rate", rate["lower"], rate["upper"]),
                ):
                    statement = f"{name}, {at}"
                    failures[statement] = failures.get(statement, 0) + outside(truth[name], low, high)
            gained = levels[1]["differences"]
            for name, one in (("accuracy", gained["accuracy"]), ("rate", gained["rates"][0])):
                statement, difference = f"gain in {name}", truths[1][name] - truths[0][name]
                failures[statement] = failures.get(statement, 0) + outside(difference, one["lower"], one["upper"])
    judge(f"smooth-eval of {INPUTS} inputs", delta, COMMANDS, failures)
