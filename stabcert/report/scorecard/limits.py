"""The limits of a scorecard: inputs that are left out or doubtful, and claims that were not tested."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from stabcert.report.scorecard.groups import Divided, named

_MOST_NAMES = 10
_GENERAL = (
    ("inputs unlike these", "An interval over inputs is about the population that these inputs were drawn from."),
    (
        "the reasons of the model",
        "Stability and consistency are about predictions. They do not show that the model uses the kept features.",
    ),
    ("other features and baselines", "Each certificate is about the features and the baseline that are named above."),
    ("other changes of an input", "Each certificate is about features that are added to the mask or removed."),
    ("correctness", "A stable explanation can explain a wrong prediction."),
)


_COUNTED = "repeated inputs, which count again although intervals need independent inputs"


def limits(divided: Divided, unreached: Sequence[str], *, counted: bool) -> list[tuple[str, str]]:
    """Return what is not covered, and why or which inputs. Those with names come first.

    Args:
        unreached: names of the inputs that the run did not reach.
        counted: whether the means count repeated inputs again, as those of ``smooth-eval`` do.
    """
    records = divided.records
    repeated = [name for group in divided.groups for name in group.repeated]
    by_name = (
        ("failed inputs, without a result", divided.failed),
        ("interrupted inputs", divided.interrupted),
        ("inputs that the run did not reach", unreached),
        (_COUNTED if counted else "repeated inputs, of which only the first record counts", repeated),
        ("masks that keep everything, to which nothing can be added", _of(records, _full)),
        ("inconsistent masks, whose stability is about another class", _of(records, _inconsistent)),
        ("vacuous masks, which have the class of the empty input", _of(records, _vacuous)),
        ("near ties, which count against the model", _of(records, _tied)),
    )
    return [*((what, _listed(names)) for what, names in by_name if names), *_GENERAL]


def _of(records: Sequence[dict[str, Any]], is_one: Callable[[dict[str, Any]], bool]) -> list[str]:
    return [named(one) for one in records if is_one(one)]


def _full(record: dict[str, Any]) -> bool:
    return bool(record["explanation"]["k"] == record["explanation"]["n"])


def _inconsistent(record: dict[str, Any]) -> bool:
    return any(part["consistent"] is False for part in _judged(record))


def _vacuous(record: dict[str, Any]) -> bool:
    return any(part["vacuous"] is True for part in _judged(record))


def _tied(record: dict[str, Any]) -> bool:
    result = record["result"]
    if result.get("near_ties") or any(part[flag] is None for part in _judged(record) for flag in _FLAGS):
        return True
    levels = result.get("lambdas", ())
    counts = [rate["near_ties"] for level in levels for mask in level["masks"] for rate in mask["rates"]]
    return any(counts) or any(one["near_tie"] for level in levels for one in (level, *level["masks"]))


_FLAGS = ("consistent", "vacuous")


def _judged(record: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the parts of a record that judge the mask. A smoothed model that was not evaluated is not among them."""
    evaluated = record["result"].get("full_prediction") is not None
    return [record["explanation"], *([record["result"]] if evaluated else [])]


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
