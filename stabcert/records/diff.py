"""Records of ``diff``: two runs on the same inputs."""

from __future__ import annotations

from typing import Any, Literal, Self

from stabcert.core.paired import PairedMeasure, PairedQuantity
from stabcert.records.common import Model
from stabcert.records.means import MeanDifference, MeanShare
from stabcert.records.values import (
    Count,
    Key,
    MayBeAbsent,
    NotEmpty,
    NotNegative,
    OpenShare,
    Part,
    Positive,
    Sha256,
    Share,
    Text,
)

CertifyCommand = Literal["certify-soft", "certify-hard"]
Change = Literal[
    "lost",
    "gained",
    "failed",
    "interrupted",
    "other-statement",
    "only-old",
    "only-new",
    "not-certified",
    "no-threshold",
    "kept",
]
"""The changes of one input, in the order of a table.

lost: certified in OLD, and in NEW not, or only for another class.
gained: certified in NEW alone.
failed: one of the two records failed.
interrupted: one of the two was interrupted before it met its threshold.
other-statement: the two records do not state the same, so that they are not compared.
only-old, only-new: the other file has no record of the input.
not-certified, kept: certified in neither, or in both.
no-threshold: the records were not to meet a threshold.
"""


class DiffSide(Part):
    """One of the two files."""

    source: Text
    records: Positive
    commands: NotEmpty[CertifyCommand]
    models: list[Model]
    """Different models of the records; empty if all failed."""
    methods: list[Text]
    """Different attribution methods of the masks."""
    failed: Count
    unchecked: Count
    """Records from before records contained their request, whose arithmetic was not checked."""


class RateAt(Part):
    """The stability rate at one radius, and its bounds."""

    radius: Count
    rate: Share | None
    lower: Share
    upper: Share


class ProvedRadii(Part):
    """The radii that a record of certify-hard proves."""

    radius_incremental: Count | None
    radius_decremental: Count | None
    stable_for_all_supersets: bool


class DiffEntry(Part):
    """The record of an input in one of the files."""

    line: Positive
    """Its line, or its place in an array."""
    id: Text
    status: Text
    key: Key
    prediction: Text | None
    """Class that the certificate is about; null for a failed record."""
    rates: MayBeAbsent[list[RateAt]] = None
    radii: MayBeAbsent[ProvedRadii] = None
    error: MayBeAbsent[Text] = None
    """Message of a failed record."""

    @classmethod
    def of(cls, line: int, record: dict[str, Any], prediction: str | None) -> Self:
        """Return what a comparison shows of a record of a certificate, or of a failed one."""
        own: dict[str, Any] = {}
        if record["status"] == "failed":
            own = {"error": record["error"]["message"]}
        elif record["command"] == "certify-soft":
            shown = ("radius", "rate", "lower", "upper")
            own = {"rates": [RateAt(**{name: rate[name] for name in shown}) for rate in record["result"]["rates"]]}
        else:
            names = ("radius_incremental", "radius_decremental", "stable_for_all_supersets")
            own = {"radii": ProvedRadii(**{name: record["result"][name] for name in names})}
        place = {"line": line, "id": record["input"]["id"], "status": record["status"], "key": record["key"]}
        return cls(**place, prediction=prediction, **own)


class Difference(Part):
    """A setting in which two statements differ."""

    name: Text
    old: Any
    new: Any


class DiffInput(Part):
    """One input, and what changed for it."""

    change: Change
    """lost: certified in OLD, and in NEW not, or only for another class; gained: certified in NEW alone; failed and
    interrupted: one of the records; other-statement: not compared; only-old, only-new: the other file has no record."""
    command: CertifyCommand
    sha256: Sha256 | None
    """null if both records failed."""
    old: DiffEntry | None
    new: DiffEntry | None
    differs: list[Difference]
    """Settings in which the statements differ."""


class DiffCounts(Part):
    """Number of inputs for each change."""

    lost: Count
    gained: Count
    failed: Count
    interrupted: Count
    other_statement: Count
    only_old: Count
    only_new: Count
    not_certified: Count
    no_threshold: Count
    kept: Count


class DiffMeasure(Part):
    """One quantity of both files."""

    quantity: PairedQuantity
    radius: Count | None
    old: MeanShare
    new: MeanShare
    difference: MeanDifference

    @classmethod
    def of(cls, found: PairedMeasure) -> Self:
        return cls(
            quantity=found.quantity,
            radius=found.radius,
            old=MeanShare.of(found.before),
            new=MeanShare.of(found.after),
            difference=MeanDifference.of(found.difference),
        )


class DiffGroup(Part):
    """The compared inputs whose certificates state the same."""

    command: CertifyCommand
    statement: dict[Text, Any]
    inputs: Positive
    distinct: Positive
    """Different inputs: fewer than inputs undo the guarantee of the intervals."""
    measures: list[DiffMeasure]


class MaxLost(Part):
    """The most certificates of OLD that NEW may lack."""

    threshold: Count
    certified_before: Count
    missing: Count
    """Those of certified_before that NEW does not certify with the same statement and class, whatever the reason."""
    met: bool
    """missing <= threshold"""


class DiffResult(Part):
    """The result of `diff`."""

    old: DiffSide
    new: DiffSide
    counts: DiffCounts
    delta: OpenShare
    """Each interval individually is wrong with at most this probability."""
    groups: list[DiffGroup]
    circumstances: list[Difference]
    """Other differences between compared records, which may be a reason of a change: values of either file."""
    max_lost: MaxLost | None
    inputs: list[DiffInput]


class DiffRun(Part):
    """Circumstances."""

    seconds: NotNegative
    versions: dict[Text, Text]


class DiffRecord(Part):
    """Two files of certificates on the same inputs, compared."""

    version: Literal["stabcert/1"]
    command: Literal["diff"]
    status: Literal["reported", "met", "not-met"]
    """reported, unless --max-lost was requested."""
    key: Key
    result: DiffResult
    run: DiffRun
