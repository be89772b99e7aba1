"""Commands: objects that certify a case, and that know its record, its document and the check of a record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from stabcert.core.mask_flags import Allowed, MaskFlags, refusal
from stabcert.errors import ParameterError

if TYPE_CHECKING:
    from stabcert.cli.explanation import Choice
    from stabcert.cli.opening import Case
    from stabcert.core.explanation import Explanation
    from stabcert.core.hard.finding import HardFinding
    from stabcert.core.soft.certificate import SoftCertificate
    from stabcert.core.spectrum.result import SpectrumFinding
    from stabcert.core.streams import Draws
    from stabcert.core.types import Mask, MaskedPredictor
    from stabcert.models.base import ModelPredictor
    from stabcert.records.findings import RunInfo, Status
    from stabcert.report.canvas import Canvas, Exhibit, Flip
    from stabcert.report.document import Document
    from stabcert.report.record import Report
    from stabcert.verify.checks import Check


@dataclass(frozen=True)
class Found:
    """The finding of a command on one case."""

    status: Status
    """The outcome of the threshold alone."""
    function: MaskedPredictor | None = None
    """The function that was certified, if it is not the unsmoothed model."""
    certificate: SoftCertificate | HardFinding | SpectrumFinding | None = None
    interrupted: bool = False
    flags: MaskFlags | None = None
    """Flags of the certified function, where it is not the one whose predictions are shown."""
    allowed: Allowed = field(default_factory=Allowed)
    """Masks that are certified nevertheless."""

    def status_of(self, explanation: Explanation) -> Status:
        """Return the status of the record: a threshold is met by a mask that explains the prediction, or not at all."""
        if self.status != "certified":
            return self.status
        flags = [explanation.flags, *([] if self.flags is None else [self.flags])]
        return refusal(flags, self.allowed) or self.status


@dataclass(frozen=True)
class Beside:
    """The context of a finding: predictions, the picture, additions that change the class."""

    explanation: Explanation
    canvas: Canvas | None = None
    flips: tuple[Flip, ...] = ()


@dataclass(frozen=True)
class Checked:
    """Every value of a record against what should be there."""

    checks: list[Check]
    not_checked: list[str]
    run: RunInfo | None = None
    """Circumstances of the certificate that was made to compare; None where none was."""


F = TypeVar("F", bound=Found)


class Command(Generic[F]):
    """A command with what was asked of it; picklable, because workers get it.

    A command has `certify`, `record` and `document`. It has `verify` where its records contain all that it takes to
    do the same again, `choose` where it makes masks of its own, and `check_mask` where not every mask will do.
    """

    name: ClassVar[str]
    several_methods: ClassVar[bool] = False
    """It takes ``--method A,B``."""
    reproducible: ClassVar[bool] = True
    """Its records can be reproduced; otherwise `verify` checks the whole record by arithmetic alone."""

    def certify(self, case: Case) -> F:
        """Return what is found of a case.

        Raises:
            StabcertError: the case cannot be certified.
        """
        raise NotImplementedError

    def record(self, case: Case, found: F, beside: Beside) -> Report:
        """Return the record of what was found."""
        raise NotImplementedError

    def document(self, exhibit: Exhibit) -> Document:
        """Return what is shown of a record."""
        raise NotImplementedError

    @classmethod
    def verify(cls, record: dict[str, Any], opened: Callable[[], Case] | None) -> Checked:
        """Check a record whose mask and classes do not contradict one another.

        Args:
            record: valid against the schema.
            opened: opens the case of the record; None to check by arithmetic alone.

        Raises:
            ParameterError: no request has these parameters, or records of this command cannot be verified.
        """
        raise ParameterError(f"records of {cls.name} cannot be verified; they do not contain everything that was asked")

    def choose(self, predictor: ModelPredictor, draws: Draws) -> Choice | None:
        """Return the mask of an input; None for the top features of one attribution."""
        return None

    def check_mask(self, mask: Mask) -> None:
        """Refuse a mask with which the request cannot be met, before a model is opened.

        Raises:
            ParameterError: says what is possible.
        """
