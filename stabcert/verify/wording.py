"""The classes and the prompt that a user gave to a model: whether they, the answers and the predictions agree."""

from __future__ import annotations

import hashlib
from typing import Any

from stabcert.verify.checks import Check, equal, holds

_PLACE = "{input}"


def wording_checks(record: dict[str, Any]) -> list[Check]:
    """Return checks of the settings of a model with given classes; none for a model with classes of its own.

    Args:
        record: valid against the schema, of one input.
    """
    settings, name = record["model"].get("settings"), "model.settings"
    if not settings:
        return []
    classes = settings.get("classes")
    if not isinstance(classes, list) or len(classes) != record["model"]["labels"]:
        words = f"{record['model']['labels']} classes, as model.labels"
        return [holds(f"{name}.classes", classes, words, ok=False)]
    checks = []
    explanation = record["explanation"]
    for where, one in (
        ("prediction", record["prediction"]),
        ("explanation.masked_prediction", explanation["masked_prediction"]),
        ("explanation.empty_prediction", explanation["empty_prediction"]),
    ):
        if one["id"] < len(classes):
            checks.append(equal(f"{where}.label", one["label"], classes[one["id"]]))
    if "text" in settings:
        checks += _prompt_checks(name, settings, classes)
    return checks


def _prompt_checks(name: str, settings: dict[str, Any], classes: list[Any]) -> list[Check]:
    text, answers = settings["text"], settings.get("answers")
    words = text if isinstance(text, str) else ""
    sha256 = hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()
    checks = [
        holds(f"{name}.text", text, f"a text with {_PLACE}", _PLACE in words),
        equal(f"{name}.text_sha256", settings.get("text_sha256"), sha256),
    ]
    if not settings.get("chat"):
        checks.append(equal(f"{name}.prompt", settings.get("prompt") or _PLACE, text))
    written = [one.get("text") if isinstance(one, dict) else None for one in answers or []]
    spaced = [[f"{space}{one}" for one in classes] for space in ("", " ")]
    checks.append(
        holds(f"{name}.answers", written, "the classes, with or without a space before them", written in spaced)
    )
    return checks
