"""Given classes and prompts in records: what must agree without the model."""

from __future__ import annotations

import copy
import hashlib
from typing import Any

import pytest

from stabcert.verify.wording import wording_checks

TEXT = "Is it? {input}\n:"
SETTINGS: dict[str, Any] = {
    "classes": ["yes", "no"],
    "prompt": TEXT,
    "chat": False,
    "text": TEXT,
    "text_sha256": hashlib.sha256(TEXT.encode()).hexdigest(),
    "answers": [{"text": "yes"}, {"text": "no"}],
}


def wrong(settings: dict[str, Any], label: str = "no", labels: int = 2) -> set[str]:
    said = {"id": 1, "label": label}
    record = {"model": {"labels": labels, "settings": settings}, "prediction": said}
    explanation = {"explanation": {"masked_prediction": said, "empty_prediction": {"id": 0, "label": "yes"}}}
    return {check.name for check in wording_checks(record | explanation) if not check.ok}


def test_settings_that_agree_have_no_finding() -> None:
    assert wrong(SETTINGS) == wrong({}) == wrong({"classes": ["yes", "no"], "probabilities": "softmax"}) == set()
    in_chat = SETTINGS | {"chat": True, "prompt": "{input}"}
    assert wrong(in_chat) == wrong(SETTINGS | {"answers": [{"text": " yes"}, {"text": " no"}]}) == set()


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"classes": ["yes", "maybe"]}, {"prediction.label", "explanation.masked_prediction.label", "answers"}),
        ({"classes": ["yes"]}, {"classes"}),
        ({"classes": 3}, {"classes"}),
        ({"prompt": "Is it bad? {input}\n:"}, {"prompt"}),
        ({"text": TEXT + " "}, {"text_sha256", "prompt"}),
        ({"text": 3}, {"text", "text_sha256", "prompt"}),
        ({"answers": [{"text": "no"}, {"text": "yes"}]}, {"answers"}),
        ({"answers": [{"text": "yes"}, 3]}, {"answers"}),
    ],
)
def test_what_does_not_agree_is_found(changes: dict[str, Any], found: set[str]) -> None:
    names = {name if "." in name else f"model.settings.{name}" for name in found}
    assert wrong(copy.deepcopy(SETTINGS) | changes) == names
