"""Parts of records on the choice of lambda for one input."""

from __future__ import annotations

from typing import Self

from stabcert.core.choice import Candidate, LambdaChoice, Rule
from stabcert.core.choice import Support as Votes
from stabcert.records.common import ClassName
from stabcert.records.values import Count, NotEmpty, OpenShare, Part, Positive, PositiveShare


class RequestedChoice(Part):
    """The rule that chose result.request.smooth; missing where that was named."""

    rule: Rule
    """smallest-lambda: the smallest whose smoothed model predicts the class of the unsmoothed model on the full input,
    both on the full input and on the mask, each with the lead that is needed; 1 if no lambda qualifies."""
    lambdas: NotEmpty[OpenShare]
    """Lambdas to choose from, in falling order."""
    draws: Positive
    """Noise masks that vote at each of them."""
    lead: PositiveShare
    """Smallest lead as a share of the votes."""


class Support(Part):
    """The votes of the noise masks for the class of the choice."""

    votes: Count
    rival: Count
    """Most votes for another class."""
    near_ties: Count
    lead: int
    """votes - rival - 2 near_ties: the lead whichever way near ties fall."""

    @classmethod
    def of(cls, found: Votes) -> Self:
        return cls(votes=found.votes, rival=found.rival, near_ties=found.near_ties, lead=found.lead)


class LambdaVotes(Part):
    """One lambda that was tested."""

    keep_probability: OpenShare
    full: Support
    """On the full input."""
    masked: Support
    """On the mask."""
    qualifies: bool
    """Both leads are at least the lead that is needed."""

    @classmethod
    def of(cls, found: Candidate, needed: int) -> Self:
        return cls(
            keep_probability=found.keep_probability,
            full=Support.of(found.full),
            masked=Support.of(found.masked),
            qualifies=found.qualifies(needed),
        )


class Choice(Part):
    """The choice of lambda: no addition was evaluated for it."""

    prediction: ClassName | None
    """Class of the unsmoothed model on the full input; null if too close to call, which leaves lambda at 1."""
    needed: Positive
    """Smallest lead in votes."""
    candidates: list[LambdaVotes]
    """The lambdas that were tested, from the smallest upwards until one qualifies."""
    chosen: PositiveShare
    """The chosen lambda; 1 is the unsmoothed model."""

    @classmethod
    def of(cls, found: LambdaChoice, class_names: tuple[str, ...]) -> Self:
        needed = found.question.needed
        return cls(
            prediction=None if found.prediction is None else ClassName.of(found.prediction, class_names),
            needed=needed,
            candidates=[LambdaVotes.of(one, needed) for one in found.candidates],
            chosen=found.chosen,
        )
