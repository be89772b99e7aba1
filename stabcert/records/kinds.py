"""All kinds of records by their titles."""

from __future__ import annotations

from stabcert.records.adapt import AdaptRecord
from stabcert.records.curve import CurveInputRecord
from stabcert.records.curve_summary import CurveRecord
from stabcert.records.diff import DiffRecord
from stabcert.records.explain import ExplainRecord
from stabcert.records.hard import HardRecord
from stabcert.records.record import FailedRecord
from stabcert.records.soft import SoftRecord
from stabcert.records.spectrum import SpectrumRecord
from stabcert.records.values import Part
from stabcert.records.verification import FailedVerificationRecord, VerificationRecord

KINDS: dict[str, type[Part]] = {
    "explain": ExplainRecord,
    "certify-soft": SoftRecord,
    "certify-hard": HardRecord,
    "fourier": SpectrumRecord,
    "smooth-eval": CurveInputRecord,
    "smooth-eval, all inputs together": CurveRecord,
    "adapt": AdaptRecord,
    "verify": VerificationRecord,
    "verify, failed": FailedVerificationRecord,
    "diff": DiffRecord,
    "failed": FailedRecord,
}
