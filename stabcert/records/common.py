"""Parts that the records of all commands share: input, model, prediction, explanation, circumstances."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from stabcert.core.explanation import Explanation as Explained
from stabcert.core.prediction import Prediction as Predicted
from stabcert.core.types import Mask
from stabcert.records.feature import Feature, TiedScores
from stabcert.records.findings import InputInfo, ModelInfo, RunInfo
from stabcert.records.text_pair import text_sha256
from stabcert.records.values import (
    LACKS,
    NOT_TEXT,
    Count,
    Indices,
    MayBeAbsent,
    NotNegative,
    Number,
    Pair,
    Part,
    Positive,
    PositiveNumber,
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


def indices_of(mask: Mask) -> list[int]:
    """Return the indices of the features that a mask keeps."""
    return [int(i) for i in np.flatnonzero(mask)]


class Prediction(Part):
    """The most probable class."""

    id: Count
    label: Text
    probability: Share
    output: MayBeAbsent[Number] = None
    """The output of the model that the class is decided by: the probability of a label, or a number. Only for a model
    with a question, and not for votes of a smoothed model."""

    @classmethod
    def of(cls, found: Predicted) -> Self:
        own = {} if found.output is None else {"output": found.output}
        return cls(id=found.id, label=found.label, probability=found.probability, **own)


class Stored(Part):
    """The place of an image inside of a data set."""

    dataset: Text
    """The path of a file, or the directory or name of a data set."""
    split: Text | None
    """The split of the data set; null for a file."""
    row: Count
    """The number of the row in the file or the split, from 0."""
    column: Text


class Input(Part):
    """The input, as far as it takes to find it again and to notice a change."""

    id: Text
    kind: Literal["image", "text", "tensor", "table", "function"]
    """tensor: numbers of a network; table: a row and its background; function: a function of masks; all in memory."""
    sha256: Sha256
    """Hash of the bytes of an image (in memory: its pixels), of the numbers of a tensor, of the settings of a function
    or a table, of a text in UTF-8, or of both texts of a pair in UTF-8 with the byte 0xFF between
    them."""
    path: Text | None
    size: Pair[Positive] | None = None
    """Width and height of an image as a viewer shows it."""
    text: MayBeAbsent[Text] = None
    text_pair: MayBeAbsent[Text] = None
    """The second text of a pair."""
    text_sha256: MayBeAbsent[Sha256] = None
    """Hash of the first text of a pair in UTF-8."""
    text_pair_sha256: MayBeAbsent[Sha256] = None
    """Hash of the second text of a pair in UTF-8."""
    stored: MayBeAbsent[Stored] = None
    """The place of an image that is not a file of its own."""
    truncated: bool
    """The text was cut to what the model can take."""

    @classmethod
    def of(cls, info: InputInfo) -> Self:
        shown: dict[str, Any] = {"text": info.text}
        if info.text is not None and info.text_pair is not None:
            hashes = {"text_sha256": text_sha256(info.text), "text_pair_sha256": text_sha256(info.text_pair)}
            shown |= {"text_pair": info.text_pair, **hashes}
        if info.kind not in ("image", "text"):
            shown = {}
        if info.kind == "image":
            shown = {"size": None if info.size is None else list(info.size)}
        if info.stored is not None:
            shown["stored"] = Stored(**info.stored)
        return cls(id=info.id, kind=info.kind, sha256=info.sha256, path=info.path, truncated=info.truncated, **shown)


class Question(Part):
    """A question about one output of a model that does not predict one of several classes. Its answers are the classes.

    The probability of a class is the logistic function of the margin, which is the output minus the threshold (for a
    probability both as logits), or the tolerance minus the distance from the reference.
    """

    kind: Literal["probability", "value", "within"]
    """The probability of a label is above the threshold; a number is above it; or it is within the tolerance."""
    output: Count
    """Index of the output."""
    outputs: Positive
    name: Text
    threshold: MayBeAbsent[Number] = None
    tolerance: MayBeAbsent[PositiveNumber] = None
    reference: MayBeAbsent[Number] = None
    """The number from which the distance is measured, in full precision."""
    reference_of: MayBeAbsent[Literal["full", "mask"]] = None
    """The masked input whose output is the reference: the full input, or the mask of the explanation."""
    answers: Pair[Text]
    """The classes 0 and 1 in words."""


class Model(Part):
    """The model, and what defines its function."""

    id: Text
    revision: Text | None
    sha256: Sha256 | None
    """Hash of the weights."""
    config_sha256: Sha256 | None
    """Hash of the configuration, the tokenizer and the preprocessing; null for the demo models."""
    labels: TwoOrMore
    settings: MayBeAbsent[dict[Text, Any]] = None
    """Classes and prompt of a language model, and how its answers are read; absent for a model with classes of its
    own."""
    question: MayBeAbsent[Question] = None
    """The question whose two answers are the classes; absent if the model predicts one of several classes."""
    code_sha256: MayBeAbsent[Sha256] = None
    """Hash of the source file of the Python module that was imported and run as the model (``python:MODULE:NAME``).
    Other modules and files that it reads are not part of the hash."""

    @classmethod
    def of(cls, info: ModelInfo) -> Self:
        own: dict[str, Any] = {"settings": info.settings} if info.settings else {}
        if info.question is not None:
            own["question"] = Question(**info.question)
        if info.code_sha256 is not None:
            own["code_sha256"] = info.code_sha256
        return cls(
            id=info.id,
            revision=info.revision,
            sha256=info.sha256,
            config_sha256=info.config_sha256,
            labels=len(info.class_names),
            **own,
        )


class Explanation(Part):
    """The mask, what made it, and what the model predicts with and without it."""

    method: Text
    """Attribution method, or mask for a mask of the user's own."""
    settings: dict[Text, Any]
    target: Count
    target_label: Text
    feature_kind: Text
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

    @classmethod
    def of(cls, found: Explained, class_names: tuple[str, ...], *, every: bool) -> Self:
        """Return the explanation with all of its features, or with those that the mask keeps."""
        selected, tie = indices_of(found.mask), found.tie
        return cls(
            method=found.method,
            settings=found.settings,
            target=found.target,
            target_label=class_names[found.target],
            feature_kind=found.features.kind,
            n=len(found.features),
            k=len(selected),
            baseline=found.masking["baseline"],
            masking=found.masking,
            selected=selected,
            masked_prediction=Prediction.of(found.masked),
            empty_prediction=Prediction.of(found.empty),
            consistent=found.consistent,
            vacuous=found.vacuous,
            tie=None if tie is None else TiedScores.of(tie),
            features=[Feature.of(found, index) for index in (range(len(found.features)) if every else selected)],
        )


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

    @classmethod
    def of(cls, info: RunInfo) -> Self:
        return cls(
            seed=info.seed,
            default_seed=info.default_seed,
            device=info.device,
            dtype=info.dtype,
            batch_size=info.batch_size,
            evaluations=info.evaluations,
            rechecked=info.rechecked,
            drift=info.drift,
            seconds=round(info.seconds, 3),
            versions=info.versions,
        )


class ClassName(Part):
    """A class of the model."""

    id: Count
    label: Text

    @classmethod
    def of(cls, index: int, class_names: tuple[str, ...]) -> Self:
        return cls(id=index, label=class_names[index])
