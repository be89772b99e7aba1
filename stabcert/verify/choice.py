"""The choice of lambda in a record of certify-soft: its votes against its rule, and what was chosen."""

from __future__ import annotations

from typing import Any

from stabcert.core.choice import Candidate, ChoiceQuestion, Support, chosen_of
from stabcert.errors import ParameterError
from stabcert.verify.checks import Check, equal, holds

NOT_CHECKED = "the votes from which lambda was chosen. Only what follows from them was checked"


def choice_checks(record: dict[str, Any]) -> list[Check]:
    """Return checks that lambda is the one that the recorded votes and the rule give."""
    result, name = record["result"], "result.choice"
    asked, found = result["request"].get("choice"), result.get("choice")
    if asked is None or found is None:
        return [holds(name, found is not None, "there if a rule was requested, else missing", asked is found)]
    try:
        question = ChoiceQuestion(tuple(asked["lambdas"]), asked["draws"], asked["lead"])
    except ParameterError as error:
        return [Check("result.request.choice", asked, f"no such choice: {error}", ok=False)]
    rows = found["candidates"]
    candidates = tuple(Candidate(row["lambda"], *(_support(row[side]) for side in ("full", "masked"))) for row in rows)
    chosen, needed = chosen_of(candidates, question.needed), question.needed
    smoothed = chosen < 1
    expected = sorted(question.lambdas)
    number = expected.index(chosen) + 1 if chosen in expected else len(expected)
    checks = [
        equal("result.request.choice.lambdas", asked["lambdas"], list(question.lambdas)),
        equal(f"{name}.needed", found["needed"], needed),
        equal(f"{name}.chosen", found["chosen"], chosen),
        equal("result.request.smooth", result["request"]["smooth"], chosen),
        equal("result.request.smooth_draws", result["request"]["smooth_draws"], question.draws if smoothed else None),
        equal(
            f"{name}.candidates: lambda, from the smallest until one qualifies",
            [row["lambda"] for row in rows],
            expected[:number] if found["prediction"] is not None else [],
        ),
    ]
    for index, (row, one) in enumerate(zip(rows, candidates, strict=True)):
        place = f"{name}.candidates[{index}]"
        checks.append(equal(f"{place}.qualifies", row["qualifies"], one.qualifies(needed)))
        for side, support in (("full", one.full), ("masked", one.masked)):
            checks += _support_checks(f"{place}.{side}", row[side], support, question.draws, record["model"]["labels"])
    plain = result["smoothing"]["unsmoothed_prediction"] if smoothed and result["smoothing"] else record["prediction"]
    if found["prediction"] is not None:
        shown = {"id": plain["id"], "label": plain["label"]}
        checks.append(equal(f"{name}.prediction", found["prediction"], shown))
    explanation = record["explanation"]
    if found["prediction"] is None:
        unknown = explanation["consistent"] is None or explanation["k"] == explanation["n"]
        words = "null, as the full input is too close to call"
        checks.append(holds("explanation.consistent", explanation["consistent"], words, unknown))
    if smoothed and rows:
        # A lead that near ties cannot change leaves nothing open.
        checks.append(equal("explanation.consistent", explanation["consistent"], True))
        masked = explanation["masked_prediction"]
        for side, whole in (("full", record["prediction"]), ("masked", masked)):
            place = f"{name}.candidates[{len(rows) - 1}].{side}"
            share = rows[-1][side]["votes"] / question.draws
            checks.append(equal(f"{place}.votes: share", whole["probability"], share))
            checks.append(equal(f"{place}: class", whole["id"], plain["id"]))
    return checks


def _support(one: dict[str, Any]) -> Support:
    return Support(one["votes"], one["rival"], one["near_ties"])


def _support_checks(name: str, one: dict[str, Any], support: Support, draws: int, labels: int) -> list[Check]:
    others = draws - support.votes
    # The other votes are divided among the other classes, so that the largest part is at least their mean.
    possible = 0 <= support.rival <= others and support.rival * max(0, labels - 1) >= others
    return [
        equal(f"{name}.lead", one["lead"], support.lead),
        holds(f"{name}.votes", [one["votes"], one["rival"]], f"parts of {draws} votes", possible),
        holds(f"{name}.near_ties", one["near_ties"], f"at most {draws}", one["near_ties"] <= draws),
    ]
