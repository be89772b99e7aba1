"""Records of `explain --json` as sources of inputs and masks. A mask is used only if it still fits its input."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stabcert.cli.explanation import Choice
from stabcert.cli.items import Item, file_item, text_item
from stabcert.cli.stored import Stored
from stabcert.cli.text_files import read_lines
from stabcert.core.streams import digest
from stabcert.errors import InputError
from stabcert.models.wording import Wording
from stabcert.records.reading import parse_json
from stabcert.records.writing import SCHEMA

if TYPE_CHECKING:
    from stabcert.models.base import ModelPredictor


@dataclass(frozen=True)
class Recorded:
    """One record of `explain --json`."""

    record: dict[str, Any]
    origin: str
    offline: bool = False
    """True if a data set of the hub must be in the cache."""

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
    def wording(self) -> Wording:
        """The classes and the prompt that the record contains."""
        return Wording() if self.failed else Wording.of_settings(self.record["model"].get("settings"))

    @property
    def question(self) -> dict[str, Any] | None:
        """The question about the outputs of the model that the record contains."""
        found: dict[str, Any] | None = None if self.failed else self.record["model"].get("question")
        return found

    @property
    def reference(self) -> float | None:
        """The reference of the question, where the record is reproduced; None where it is measured again."""
        return None

    @property
    def digest(self) -> str:
        """The hash of the record without its circumstances."""
        return digest({name: value for name, value in self.record.items() if name not in ("run", "key")})

    @property
    def masking(self) -> dict[str, Any]:
        masking: dict[str, Any] = self.record["explanation"]["masking"]
        return masking

    @property
    def truncated(self) -> bool:
        return bool(self.record["input"]["truncated"])

    def item(self) -> Item:
        """Return the input of the record.

        Raises:
            InputError: the input does not exist any more, or could not be explained.
        """
        info = self.record["input"]
        if self.failed:
            raise InputError(f"{self.origin}: {info['id']} could not be explained: {self.record['error']['message']}")
        if info["kind"] == "text":
            path = None if info["path"] is None else Path(info["path"])
            return text_item(info["id"], info["text"], path, text_pair=info.get("text_pair"))
        if "stored" in info:
            return Item(info["id"], "image", stored=Stored(**info["stored"], offline=self.offline))
        if info["path"] is None:
            raise InputError(
                f"{self.origin}: the image of the record came from standard input and cannot be read again. "
                "Give the name of a file to stabcert explain"
            )
        path = Path(info["path"])
        if os.path.exists(path) and not os.path.isfile(path):  # a device may be endless
            raise InputError(f"{self.origin}: {path} is not a regular file")
        return file_item(path, identity=info["id"])

    def place(self) -> Item:
        """Return the input that the record names, whether it is readable or not."""
        info = self.record["input"]
        return Item(info["id"], info["kind"], path=None if info["path"] is None else Path(info["path"]))

    def choice(
        self, predictor: ModelPredictor, *, input_sha256: str, model_sha256: str | None, config_sha256: str | None
    ) -> Choice:
        """Return the recorded mask after checking that it still fits the input and the model.

        Raises:
            InputError: the input, the model or the features differ from those of the record.
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
                "changed since the input was explained. Explain it again"
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
                f"({predictor.masked_input.settings} instead of {self.masking}). Explain the input again"
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
        """Check that the number of a feature still refers to the same part of the input."""
        index, n = feature["index"], predictor.n_features
        if not 0 <= index < n:
            raise InputError(f"{self.origin}: feature {index} does not exist. The input has features 0 to {n - 1}")
        now = predictor.features.items[index]
        place = now.box if "box" in feature else now.span
        recorded = tuple(feature["box"]) if "box" in feature else (feature.get("start"), feature.get("end"))
        if recorded != ((None, None) if place is None else place) or feature.get("side") != now.side:
            raise InputError(
                f"{self.origin}: feature {index} was at {recorded} and is now at {place}, because the record was "
                "altered or made by another version. Explain the input again"
            )


def read_records(source: str, *, offline: bool = False) -> list[Recorded]:
    """Return the records of `explain --json`, including failed ones, in a file or on standard input (``"-"``).

    Raises:
        InputError: a line is not such a record.
    """
    name, lines = read_lines(source)
    recorded = []
    for number, line in lines:
        origin = f"{name}, line {number}"
        recorded.append(Recorded(_record(line, origin), origin, offline))
    if not recorded:
        raise InputError(f"{name} contains no records. Make them with `stabcert explain INPUT --json`")
    return recorded


def _record(line: bytes, origin: str) -> dict[str, Any]:
    from stabcert.records.problems import check_record

    not_one = f"{origin} is not a record of `stabcert explain --json`"
    try:
        record = parse_json(line)
    except ValueError as error:
        raise InputError(f"{not_one} ({type(error).__name__}: {error})") from error
    known = record if isinstance(record, dict) else {}
    if known.get("schema", SCHEMA) != SCHEMA:
        raise InputError(f"{origin} was not made by `stabcert explain` of this version")
    if known.get("command", "explain") != "explain":
        raise InputError(
            f"{origin} was made by `stabcert {known['command']}`. Masks come from records of "
            "`stabcert explain INPUT --json`"
        )
    failed = known.get("status") == "failed"
    try:
        check_record(record, "failed" if failed else "explain")
    except InputError as error:
        raise InputError(f"{not_one} ({error})") from error
    if not failed and known["input"]["kind"] not in ("text", "image"):
        raise InputError(
            f"{origin}: the input of the record is a {known['input']['kind']} in memory, which a command cannot read. "
            "Certify it in Python"
        )
    if not failed and known["input"]["kind"] == "text" and "text" not in known["input"]:
        raise InputError(f"{not_one} (input lacks text)")
    return known
