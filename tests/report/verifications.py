"""Records that were checked, by hand."""

from __future__ import annotations

from typing import Any

from stabcert.records.verification import FailedVerificationRecord
from stabcert.report.verify.checks import Check, compare, equal
from stabcert.report.verify.verification import Verification
from tests.report.examples import REPORTS

RUN = {
    "device": "cpu",
    "dtype": "float32",
    "batch_size": 64,
    "evaluations": 152,
    "seconds": 0.5,
    "versions": {"stabcert": "0.1.0"},
}
RECORD = REPORTS["smoothed"].to_dict()
STANDS = Verification("records.jsonl", 3, RECORD, "full", compare("", RECORD, RECORD), ["how the mask was found"], RUN)
DIFFERS = Verification(
    "standard input",
    1,
    RECORD,
    "fast",
    [equal("result.rates[0].matches", 147, 146), Check("result.request", {"seed": 0}, "refused", ok=False)],
    ["the counts themselves"],
    RUN | {"device": None, "dtype": None, "batch_size": None},
    ["the record was made on cuda, this is cpu"],
)
RECORDS: dict[str, dict[str, Any]] = {
    "stands": STANDS.to_dict(),
    "does not stand": DIFFERS.to_dict(),
    "could not be checked": FailedVerificationRecord.of(
        "records.jsonl", 2, None, 3, "records.jsonl, line 2 is not JSON"
    ).to_dict(),
}
