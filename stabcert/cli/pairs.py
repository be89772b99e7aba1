"""Pairs of texts on the command line: the side that is explained, and what the user should know about pairs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from stabcert.cli.choices import ExplainSide
from stabcert.cli.items import Item


def side_of(item: Item, asked: ExplainSide) -> str | None:
    """Return the side that is explained; None for one text, unless a side is requested that it does not have."""
    return None if item.text_pair is None and asked is ExplainSide.both else asked.value


def explained_side(settings: Mapping[str, Any]) -> dict[str, str]:
    """Return the side if the other one is always kept, which is another function of the same pair."""
    side = settings.get("explain_side", ExplainSide.both)
    return {} if side == ExplainSide.both else {"explain_side": side}


def pair_notes(inputs: Iterable[tuple[Item, str]]) -> list[str]:
    """Return what the user should know before pairs are classified.

    Args:
        inputs: each input with the name of its model.
    """
    models = {model for item, model in inputs if item.text_pair is not None}
    if not models:
        return []
    if models == {"demo:text"}:
        return ["demo:text was trained on single sentences, so its predictions for pairs mean little"]
    return [
        "the texts are classified as pairs. The files of a model do not show whether it was trained on pairs, and "
        "which text comes first: read its documentation"
    ]
