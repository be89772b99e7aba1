"""Certificates that somebody forged, in front of ``--verify --fast``: no model and no input to compare with."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from typer.testing import CliRunner

from stabcert.cli.app import app
from tests.robustness.case import Build, Workshop, cases
from tests.robustness.workshop import SENTENCE

AREA = "forged certificates"

Record = dict[str, Any]


def _forged(change: Callable[[Record], object], *options: object) -> Build:
    def build(shop: Workshop) -> Sequence[object]:
        mask = shop.write("mask.json", "[1, 0, 1, 0, 0, 0, 0, 0, 0]")
        arguments = ["certify-soft", "-t", SENTENCE, "-m", shop.text_model, "--mask", mask, *options, "--json"]
        record: Record = json.loads(CliRunner().invoke(app, [str(a) for a in arguments]).stdout)
        change(record)
        shop.write("records.jsonl", json.dumps(record) + "\n")
        return ["certify-soft", "--verify", "records.jsonl", "--fast"]

    return build


def _feature(number: int, **values: object) -> Callable[[Record], object]:
    return lambda record: record["explanation"]["features"][number].update(values)


def _explanation(**values: object) -> Callable[[Record], object]:
    return lambda record: record["explanation"].update(values)


def _probability(place: str, value: float) -> Callable[[Record], object]:
    return lambda record: record["explanation"][place].update(probability=value)


def _rates(*radii: int, **values: object) -> Callable[[Record], object]:
    def change(record: Record) -> None:
        for one in record["result"]["rates"]:
            if one["radius"] in radii:
                one.update(values)

    return change


_TEST = ("-r", 5, "--min-rate", 0.5, "--max-samples", 20, "--delta", 0.4)
_WORST = ("-r", "4,5", "--formulation", "worst", "--min-rate", 0.5, "--max-samples", 20, "--delta", 0.4)

CASES = cases(
    AREA,
    ("a record as it was made", _forged(lambda record: None), 0, "VERIFIED"),
    ("a word that does not stand there", _forged(_feature(0, text="cat")), 1, "features[0].text"),
    ("a word beyond the text", _forged(_feature(1, start=90, end=93)), 1, "features[1]: span"),
    ("the same word twice", _forged(_feature(1, start=0, end=3, text="the")), 1, "features: spans"),
    ("a part of a word", _forged(_feature(1, start=11, end=13, text="as")), 1, "features[1]: place"),
    ("features of another kind", _forged(_explanation(feature_kind="patch")), 1, "explanation.feature_kind"),
    ("more words than the text has", _forged(_explanation(n=99)), 1, "explanation.n"),
    ("a class that is not the most probable", _forged(_probability("masked_prediction", 0.01)), 1, "probability"),
    ("the id of another input", _forged(lambda record: record["input"].update(id="other")), 0, "the name of the input"),
    ("a device that was not used", _forged(lambda record: record["run"].update(device="gpu")), 0, "the circumstances"),
    ("more samples than the maximum", _forged(_rates(5, samples=50, matches=50), *_TEST), 1, "result.rates[0].samples"),
    (
        "members drawn twice",
        _forged(_rates(5, samples=42, matches=42), *_WORST),
        1,
        "no such certificate: samples must be",
    ),
    ("a worst rate that rises", _forged(_rates(4, matches=0, lower=0.0), *_WORST), 1, "result.rates[1].matches"),
)
