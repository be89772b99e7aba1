"""Commands: objects that certify a case, make its record and its document, and check a record."""

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
    """The finding of a command for one case."""

    status: Status
    """The outcome of the threshold, without regard to the flags of the mask."""
    function: MaskedPredictor | None = None
    """The function that was certified, if it is not the unsmoothed model."""
    certificate: SoftCertificate | HardFinding | SpectrumFinding | None = None
    interrupted: bool = False
    flags: MaskFlags | None = None
    """Flags of the certified function, if it is not the function whose predictions are shown."""
    allowed: Allowed = field(default_factory=Allowed)
    """The flags that do not prevent a certificate."""

    def status_of(self, explanation: Explanation) -> Status:
        """Return the status of the record. Only a mask that explains the prediction can meet a threshold."""
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
    """Every value of a record, compared with the expected value."""

    checks: list[Check]
    not_checked: list[str]
    run: RunInfo | None = None
    """The circumstances of the certificate for the comparison, or None without one."""


F = TypeVar("F", bound=Found)


class Command(Generic[F]):
    """A command with its request. It can be pickled, because workers receive it.

    Every command has `certify`, `record` and `document`. A command whose records can be verified has `verify`. A
    command with its own masks has `choose`, and one that cannot use every mask has `check_mask`.
    """

    name: ClassVar[str]
    several_methods: ClassVar[bool] = False
    """True if the command accepts ``--method A,B``."""

    def certify(self, case: Case) -> F:
        """Return the finding for a case.

        Raises:
            StabcertError: the case cannot be certified.
        """
        raise NotImplementedError

    def record(self, case: Case, found: F, beside: Beside) -> Report:
        """Return the record of a finding."""
        raise NotImplementedError

    def document(self, exhibit: Exhibit) -> Document:
        """Return the document that shows a record."""
        raise NotImplementedError

    @classmethod
    def verify(cls, record: dict[str, Any], opened: Callable[[], Case] | None) -> Checked:
        """Check a record whose mask and classes do not contradict one another.

        Args:
            record: a record that is valid against the schema.
            opened: a function that opens the case of the record, or None to check only the arithmetic.

        Raises:
            ParameterError: the recorded request is impossible, or records of this command cannot be verified.
        """
        raise ParameterError(f"records of {cls.name} cannot be verified, because they do not contain the whole request")

    def choose(self, predictor: ModelPredictor, draws: Draws) -> Choice | None:
        """Return the mask of an input, or None for the top features of one attribution."""
        return None

    def check_mask(self, mask: Mask) -> None:
        """Check, before a model is opened, that the request can be met with a mask.

        Raises:
            ParameterError: the request cannot be met.
        """
