"""``--verify FILE --fast``: what follows from a record itself, without model and without input."""

from __future__ import annotations

from typing import Any

from stabcert.errors import ParameterError
from stabcert.report.verify.checks import Check


def arithmetic_checks(record: dict[str, Any]) -> tuple[list[Check], list[str]]:
    """Every value that follows from others; and what does not follow.

    Args:
        record: valid against the schema, with a request, and with a mask that is one (`common_checks`).
    """
    if record["command"] == "certify-hard":
        from stabcert.report.verify.hard import hard_checks

        return hard_checks(record)
    from stabcert.cli.commands.certify_soft_request import SoftRequest
    from stabcert.report.verify.soft import soft_checks

    request = record["result"]["request"]
    try:
        parameters = SoftRequest.from_record(request).parameters()
    except ParameterError as error:
        return [Check("result.request", request, f"no such certificate: {error}", ok=False)], []
    return soft_checks(record, parameters)
