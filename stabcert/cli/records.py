"""Records of `explain --json` read again: their inputs, and their masks where they still belong to them."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any

import numpy as np

from stabcert.cli.explanation import Choice
from stabcert.cli.items import Item, file_item, text_item
from stabcert.cli.text_files import read_lines
from stabcert.core.streams import digest
from stabcert.errors import InputError
from stabcert.records.reading import parse_json
from stabcert.records.writing import SCHEMA

if TYPE_CHECKING:
    from stabcert.models.base import ModelPredictor


@dataclass(frozen=True)
class Recorded:
    """One record of `explain --json`."""

    record: dict[str, Any]
    origin: str

    @property
    def failed(self) -> bool:
        return bool(self.record["status"] == "failed")

    @property
    def model(self) -> str:
        return "" if self.failed else str(self.record["model"]["id"])

    @property
    def revision(self) -> str | None:
        revision: str | None = None if self.failed else self.record["model"]["revision"]
        return revision

    @property
    def digest(self) -> str:
        """What the record says, whenever and wherever it was made."""
        return digest({name: value for name, value in self.record.items() if name not in ("run", "key")})

    @property
    def masking(self) -> dict[str, Any]:
        masking: dict[str, Any] = self.record["explanation"]["masking"]
        return masking

    @property
    def truncated(self) -> bool:
        return bool(self.record["input"]["truncated"])

    def item(self) -> Item:
        """The input the record is about.

        Raises:
            InputError: it cannot be found any more, or could not be explained.
        """
        info = self.record["input"]
        if self.failed:
            raise InputError(f"{self.origin}: {info['id']} could not be explained: {self.record['error']['message']}")
        if info["kind"] == "text":
            path = None if info["path"] is None else Path(info["path"])
            return text_item(info["id"], info["text"], path)
        if info["path"] is None:
            raise InputError(
                f"{self.origin}: the image of the record came from standard input and cannot be read again; "
                "give explain a file name"
            )
        path = Path(info["path"])
        if os.path.exists(path) and not os.path.isfile(path):  # a device may have no end
            raise InputError(f"{self.origin}: {path} is not a regular file")
        return file_item(path, identity=info["id"])

    def place(self) -> Item:
        """The input as far as the record names it, whether or not it can be read."""
        info = self.record["input"]
        return Item(info["id"], info["kind"], path=None if info["path"] is None else Path(info["path"]))

    def choice(
        self, predictor: ModelPredictor, *, input_sha256: str, model_sha256: str | None, config_sha256: str | None
    ) -> Choice:
        """The recorded mask, if it still belongs to this input and this model.

        Raises:
            InputError: the input, the model or the features are not those of the record.
        """
        explanation, n = self.record["explanation"], predictor.n_features
        if self.record["input"]["sha256"] != input_sha256:
            raise InputError(
                f"{self.origin}: the input {self.record['input']['id']} has changed since it was explained"
            )
        if self.record["model"]["sha256"] != model_sha256:
            raise InputError(f"{self.origin}: the weights of {self.model} have changed since the input was explained")
        if self.record["model"]["config_sha256"] != config_sha256:
            raise InputError(
                f"{self.origin}: the configuration of {self.model} (names of classes, tokenizer or preprocessing) has "
                "changed since the input was explained; explain it again"
            )
        selected = explanation["selected"]
        if explanation["n"] != n:
            raise InputError(f"{self.origin}: the record has {explanation['n']} features, the input has {n}")
        if not all(0 <= i < n for i in selected) or len(set(selected)) != len(selected):
            raise InputError(f"{self.origin}: the selected features must be distinct numbers from 0 to {n - 1}")
        if not 0 <= explanation["target"] < predictor.n_classes:
            raise InputError(
                f"{self.origin}: the record explains class {explanation['target']}, the model has classes 0 to "
                f"{predictor.n_classes - 1}"
            )
        if self.masking != predictor.masked_input.settings:
            raise InputError(
                f"{self.origin}: features are dropped in another way than in the record "
                f"({predictor.masked_input.settings} instead of {self.masking}); explain the input again"
            )
        for feature in explanation["features"]:
            self._check_place(feature, predictor)
        mask = np.zeros(n, dtype=np.bool_)
        mask[selected] = True
        scores = [feature["score"] for feature in explanation["features"]]
        known = len(scores) == n and None not in scores
        return Choice(
            mask,
            explanation["method"],
            explanation["settings"],
            explanation["target"],
            np.array(scores, dtype=np.float64) if known else None,
        )

    def _check_place(self, feature: dict[str, Any], predictor: ModelPredictor) -> None:
        """A number stands for the same part of the input as when it was explained."""
        index, n = feature["index"], predictor.n_features
        if not 0 <= index < n:
            raise InputError(f"{self.origin}: there is no feature {index}; the input has features 0 to {n - 1}")
        now = predictor.features.items[index]
        place = now.box if "box" in feature else now.span
        recorded = tuple(feature["box"]) if "box" in feature else (feature.get("start"), feature.get("end"))
        if recorded != ((None, None) if place is None else place):
            raise InputError(
                f"{self.origin}: feature {index} was at {recorded} and is now at {place}; the record was altered, or "
                "made by another version: explain the input again"
            )


def read_records(source: str) -> list[Recorded]:
    """The records of `explain --json` in a file, or on standard input for ``"-"``; also those of failed inputs.

    Raises:
        InputError: not such records; the message names the line.
    """
    name, lines = read_lines(source)
    recorded = []
    for number, line in lines:
        origin = f"{name}, line {number}"
        try:
            record = parse_json(line)
            if record["schema"] != SCHEMA:
                raise InputError(f"{origin} was not made by `stabcert explain` of this version")
            if record["command"] != "explain":
                raise InputError(
                    f"{origin} was made by `stabcert {record['command']}`; masks come from records of "
                    "`stabcert explain INPUT --json`"
                )
            _check(record)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise InputError(
                f"{origin} is not a record of `stabcert explain --json` ({type(error).__name__}: {error})"
            ) from error
        recorded.append(Recorded(record, origin))
    if not recorded:
        raise InputError(f"{name} holds no records; make them with `stabcert explain INPUT --json`")
    return recorded


def _check(record: dict[str, Any]) -> None:
    """Everything that is read later exists and has its type; raises KeyError or TypeError."""
    info = record["input"]
    if not isinstance(info["id"], str) or info["kind"] not in ("image", "text"):
        raise TypeError("an input has an id, and is an image or a text")
    if info["path"] is not None and not isinstance(info["path"], str):
        raise TypeError("paths are strings")
    if record["status"] == "failed":
        if not isinstance(record["error"]["message"], str):
            raise TypeError("an error has a message")
        return
    explanation = record["explanation"]
    for value, kind in (
        (info["sha256"], str),
        (info["truncated"], bool),
        (record["model"]["id"], str),
        (explanation["masking"]["features"], str),
        (explanation["masking"]["baseline"], str),
        (explanation["method"], str),
        (explanation["settings"], dict),
        (explanation["target"], int),
        (explanation["n"], int),
        (explanation["selected"], list),
        (explanation["features"], list),
    ):
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise TypeError(f"{value!r} should be {kind.__name__}")
    if info["kind"] == "text" and not isinstance(info["text"], str):
        raise TypeError("a text has its text")
    if not all(type(index) is int for index in explanation["selected"]):
        raise TypeError("selected features are integers")
    for optional in (record["model"][name] for name in ("sha256", "config_sha256", "revision")):
        if optional is not None and not isinstance(optional, str):
            raise TypeError("hashes and revisions are strings")
    for feature in explanation["features"]:
        if not isinstance(feature["score"], (int, float, NoneType)) or isinstance(feature["score"], bool):
            raise TypeError("scores are numbers")
        if feature["score"] is not None and not abs(feature["score"]) <= sys.float_info.max:
            raise ValueError("a score is beyond the range of floats")
        if type(feature["index"]) is not int or not isinstance(feature.get("box", []), list):
            raise TypeError("a feature has a number and a place")
