"""What the records of all commands share: input, model, prediction, explanation, circumstances."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from stabcert.records.values import (
    INTEGER,
    LACKS,
    NOT_TEXT,
    Box,
    Count,
    Indices,
    Key,
    MayBeAbsent,
    NotNegative,
    Number,
    Pair,
    Part,
    Positive,
    Sha256,
    Share,
    Text,
    TwoOrMore,
)


def _defined(masking: dict[str, Any]) -> dict[str, Any]:
    for name in ("features", "baseline"):
        if name not in masking:
            raise PydanticCustomError(LACKS, "{name} is missing", {"name": name})
        if not isinstance(masking[name], str):
            raise PydanticCustomError(NOT_TEXT, "{name} should be a string", {"name": name})
    return masking


_NAMED = {name: {"type": "string"} for name in ("features", "baseline")}
Masking = Annotated[
    dict[Text, Any],
    AfterValidator(_defined),
    Field(json_schema_extra={"required": list(_NAMED), "properties": dict[str, Any](_NAMED)}),
]
Family = Annotated[
    Positive,
    Field(description="Certificates among which one may choose afterwards; each has delta divided by this."),
]
StreamRule = Annotated[
    Literal[1, 2],
    INTEGER,
    Field(
        description="How the draws are derived: 1, or absent, from seed and input; 2 from model, mask and request as "
        "well."
    ),
]
AllowInconsistent = Annotated[
    bool,
    Field(
        description="Certify although the mask has another class than the full input; missing in records from before "
        "there was a rule."
    ),
]
AllowVacuous = Annotated[
    bool,
    Field(
        description="Certify although the empty input has the class of the mask; missing in records from before there "
        "was a rule."
    ),
]
Dtype = Literal["float32", "bfloat16", "float16"]


class Prediction(Part):
    """The most probable class."""

    id: Count
    label: Text
    probability: Share


class Input(Part):
    """The input, as far as it takes to find it again and to notice a change."""

    id: Text
    kind: Literal["image", "text"]
    sha256: Sha256
    """Of the bytes of an image, or of a text in UTF-8."""
    path: Text | None
    size: Pair[Positive] | None = None
    """Width and height of an image as a viewer shows it."""
    text: MayBeAbsent[Text] = None
    truncated: bool
    """The text was cut to what the model can take."""


class Model(Part):
    """The model, and what defines its function."""

    id: Text
    revision: Text | None
    sha256: Sha256 | None
    """Of the weights."""
    config_sha256: Sha256 | None
    """Of the configuration, the tokenizer and the preprocessing; null for the demo models."""
    labels: TwoOrMore


class Feature(Part):
    """One feature: its place in the input and its score."""

    index: Count
    box: MayBeAbsent[Box] = None
    """Left, top, right, bottom in pixels of the model's input."""
    text: MayBeAbsent[Text] = None
    start: MayBeAbsent[Count] = None
    """First character in the user's text."""
    end: MayBeAbsent[Count] = None
    """Character after the last."""
    score: Number | None


class TiedScores(Part):
    """Features that share the lowest score that is kept, where only some of them are."""

    kept: Positive
    left_out: Positive


class Explanation(Part):
    """The mask, what made it, and what the model predicts with and without it."""

    method: Text
    """Attribution method, or mask for a mask of the user's own."""
    settings: dict[Text, Any]
    target: Count
    target_label: Text
    feature_kind: Literal["patch", "grid", "segment", "word", "token", "sentence"]
    n: Positive
    k: Count
    baseline: Text
    masking: Masking
    """Everything that defines how a dropped feature is dropped."""
    selected: Indices
    """Indices of the kept features."""
    masked_prediction: Prediction
    empty_prediction: Prediction
    consistent: bool | None
    """The mask alone gives the prediction of the full input; null if one of the two is too close to call."""
    vacuous: bool | None
    """Dropping everything already gives the prediction of the mask; null if one of the two is too close to call."""
    tie: TiedScores | None
    """Features that share the lowest score that is kept, where only some of them are."""
    features: list[Feature]
    """explain: every feature; other commands: the kept ones."""


class Run(Part):
    """Circumstances; two runs with one seed differ in nothing else."""

    seed: Count
    default_seed: MayBeAbsent[bool] = None
    """Nobody chose the seed, so nobody chose it for its result."""
    device: Text
    dtype: Text
    batch_size: Positive
    evaluations: Count
    rechecked: MayBeAbsent[Count] = None
    """Masks so close to a tie that they were evaluated again in float64."""
    drift: MayBeAbsent[NotNegative] = None
    """Largest difference seen between the margin of one mask in a batch and alone, in logits."""
    seconds: NotNegative
    versions: dict[Text, Text]


class ClassName(Part):
    """A class of the model."""

    id: Count
    label: Text


class Error(Part):
    """The reason why there is no result, with the exit code."""

    code: Annotated[Literal[2, 3], INTEGER]
    message: Text


class InputPlace(Part):
    """The input, as far as it could be named."""

    id: Text
    kind: Literal["image", "text"]
    path: Text | None


class ThresholdRecord(Part):
    """The record of a command that tests a threshold; each such command says what its result is."""

    version: Literal["stabcert/1"]
    command: Text
    status: Text
    reason: MayBeAbsent[Text] = None
    """Why a threshold that is met certifies nothing; there if status is inconsistent or vacuous."""
    key: Key
    input: Input
    model: Model
    prediction: Prediction
    explanation: Explanation
    result: Part
    run: Run


class ReportedRecord(Part):
    """The record of a command that only reports; each such command says what its result is."""

    version: Literal["stabcert/1"]
    command: Text
    status: Literal["reported"]
    key: Key
    input: Input
    model: Model
    prediction: Prediction
    explanation: Explanation
    result: Part
    run: Run


class FailedRecord(Part):
    """An input that could not be done."""

    version: Literal["stabcert/1"]
    command: Literal["explain", "certify-soft", "certify-hard", "fourier", "smooth-eval"]
    status: Literal["failed"]
    key: Key
    input: InputPlace
    error: Error
