"""The tables of ``explain``: how attributions agree and move, and the search for a stable mask. Lines for people."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.text import Text

from stabcert.report.numbers import confidence, rounded, rounded_down, threshold_shown
from stabcert.report.visible import visible

_METHOD_WIDTH = 11


def comparison_lines(result: dict[str, Any], k: int) -> list[Text]:
    """Each method's mask alone, then each pair of methods; nothing for a single method."""
    if len(result["attributions"]) < 2:
        return []
    lines = [Text(f"  {'method':{_METHOD_WIDTH}}  mask alone", style="dim")]
    for one in result["attributions"]:
        said = one["masked_prediction"]
        label = visible(said["label"]).split(",")[0]
        line = Text(f"  {one['method']:{_METHOD_WIDTH}}  {label} ({said['probability']:.2f})")
        if not one["consistent"]:
            line.append(", NOT consistent", style="yellow")
        lines.append(line)
    width = 2 * _METHOD_WIDTH + 2
    lines.append(
        Text(f"  {'two methods':{width}}  {'L1':>9}  {'cosine':>7}  {'Spearman':>8}  same top {k}", style="dim")
    )
    for pair in result["comparison"]:
        names = "  ".join(f"{name:{_METHOD_WIDTH}}" for name in pair["methods"])
        lines.append(
            Text(
                f"  {names:{width}}  {_distance(pair['l1'])}  {_correlation(pair['cosine']):>7}"
                f"  {_correlation(pair['spearman']):>8}  {_overlap(pair['top_k_overlap'], k)}"
            )
        )
    return lines


def neighbour_lines(result: dict[str, Any], k: int) -> list[Text]:
    """How far each attribution moves to the neighbours, and how many of these keep the prediction."""
    rows = result["neighbours"]
    if not rows:
        return []
    count = rows[0]["neighbours"]
    title = f"same top {k}: mean"
    return [
        Text(
            f"  {count} neighbour{'s' if count > 1 else ''} with noise of deviation {rows[0]['sigma']:g}: "
            f"{rows[0]['same_prediction']} of {count} keep the prediction"
        ),
        Text(f"  {'method':{_METHOD_WIDTH}}  {'L1 mean':>9}  {'L1 max':>9}  {title}  least", style="dim"),
        *(
            Text(
                f"  {row['method']:{_METHOD_WIDTH}}  {_distance(row['l1_mean'])}  {_distance(row['l1_max'])}"
                f"  {row['top_k_overlap_mean']:>{len(title)}.0%}  {row['top_k_overlap_min']:>5.0%}"
            )
            for row in rows
        ),
    ]


def until_stable_lines(result: dict[str, Any]) -> list[Text]:
    """What was found of each size, and the smallest one that is certified."""
    search = result["until_stable"]
    if search is None:
        return []
    if not search["tested"] and not result["interrupted"]:
        return [Text("  no k was tested: every mask with the prediction of the full input is vacuous", "bold red")]
    tested, rate = search["tested"], search["rate"]
    kinds = (
        ("not consistent", [size["k"] for size in tested if not size["consistent"]]),
        (
            f"refuted, rate below {threshold_shown(search['min_rate'])}",
            [s["k"] for s in tested if s["verdict"] == "not-certified"],
        ),
        ("undecided", [size["k"] for size in tested if size["verdict"] == "undecided"]),
        (
            "consistent, but too little of the failure probability was left to test it",
            [size["k"] for size in tested if size["consistent"] and size["verdict"] is None],
        ),
    )
    lines = [Text(f"  k = {ranges(sizes)}: {what}", style="dim") for what, sizes in kinds if sizes]
    asked = f"rate >= {threshold_shown(search['min_rate'])} at radius {search['radius']}"
    if result["interrupted"]:
        place = f"after k = {tested[-1]['k']}" if tested else "before the first size"
        last = tested[-1]["rate"] if tested else None
        known = f", whose rate is at least {rounded_down(last['lower'])} so far" if last is not None else ""
        return [*lines, Text(f"  interrupted {place}{known}: no size is certified yet ({asked})", style="yellow")]
    if rate is None:
        return [*lines, Text(f"  no k up to {search['largest_k']} is consistent and certified: {asked}", "bold red")]
    lines.append(Text(f"  k = {search['k']} is the first that is consistent and certified: {asked}", "bold"))
    if rate["enumerated"] and not rate["near_ties"]:
        exact = rounded(rate["rate"])
        found = f"{rate['matches']} of all {rate['samples']} additions keep the prediction: {exact}, exact"
    else:
        found = (
            f"{rate['matches']} of {rate['samples']} draws keep the prediction: "
            f"at least {rounded_down(rate['lower'])} with probability at least {confidence(search['delta'])}"
        )
    lines.append(Text(f"  {found}", style="dim"))
    if search["k"] == len(result["attributions"][0]["scores"]):
        lines.append(Text("  note: these are all features: the whole input explains nothing", style="yellow"))
    return lines


def ranges(numbers: Iterable[int]) -> str:
    """Increasing numbers, runs of three or more shortened: ``1 to 3, 7``."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]} to {run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs)


def _distance(value: float) -> str:
    return f"{value:>9.4g}"


def _correlation(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _overlap(share: float, k: int) -> str:
    return f"{round(share * k)} of {k} ({share:.0%})"
