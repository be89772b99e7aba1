"""Tables of a scorecard by lambda, from the record of all inputs of ``smooth-eval``."""

from __future__ import annotations

from typing import Any

from stabcert.report.curve.wording import lambda_text
from stabcert.report.document import Block, line, table
from stabcert.report.numbers import confidence, rounded
from stabcert.report.scorecard.estimates import interval_shown


def consistency_by_lambda(result: dict[str, Any]) -> list[Block]:
    """Return for each method the share of consistent masks by lambda."""
    over = f"{confidence(result['delta'])} over inputs"
    blocks: list[Block] = []
    for number, method in enumerate(result["methods"]):
        rows = []
        for level in result["lambdas"]:
            of = level["methods"][number]
            ends = _ends(result, of["consistency_lower"], of["consistency_upper"])
            rows.append([lambda_text(level["lambda"]), rounded(of["consistency"]), ends])
        blocks += [line(method, strong=True)] if len(result["methods"]) > 1 else []
        blocks.append(table(["lambda", "consistent", over], rows))
    return blocks


def stability_by_lambda(result: dict[str, Any]) -> list[Block]:
    """Return for each method the mean rate and the share of proved radii, by lambda and radius."""
    over = f"{confidence(result['delta'])} over inputs"
    blocks: list[Block] = [line("The mean stability rate by radius, and the share of inputs whose radius is proved.")]
    for number, method in enumerate(result["methods"]):
        rows = []
        for level in result["lambdas"]:
            of = level["methods"][number]
            for rate, hard in zip(of["rates"], of["hard_rates"], strict=True):
                ends = [_ends(result, one["lower"], one["upper"]) for one in (rate, hard)]
                first = [lambda_text(level["lambda"]), str(rate["radius"])]
                rows.append([*first, rounded(rate["mean"]), ends[0], rounded(hard["share"]), ends[1]])
        blocks += [line(method, strong=True)] if len(result["methods"]) > 1 else []
        blocks.append(table(["lambda", "radius", "mean rate", over, "proved share", over], rows))
    return blocks


def _ends(result: dict[str, Any], lower: float, upper: float) -> str:
    return "-" if result["inputs"] < 2 else interval_shown(lower, upper)
