"""The check of one record by arithmetic alone, without its model and its input."""

from __future__ import annotations

from typing import Any

from stabcert.cli.command import Checked, Command
from stabcert.errors import ParameterError
from stabcert.models.text_features import TEXT_FEATURES, TextFeature, text_feature
from stabcert.verify.checks import Check
from stabcert.verify.common import common_checks
from stabcert.verify.pieces import record_checks


def checked_by_arithmetic(command: type[Command[Any]], record: dict[str, Any]) -> Checked:
    """Return every value of a record that follows from others, compared with what follows.

    Args:
        command: the command that made the record.
        record: valid against the schema, with a request.
    """
    checks = common_checks(record)
    if not all(check.ok for check in checks):
        return contradictory(checks)
    kinds = TEXT_FEATURES | _by_regex(record)
    more, not_checked = record_checks(record, {kind: feature.split for kind, feature in kinds.items()})
    try:
        found = command.verify(record, None)
    except ParameterError as error:
        found = Checked([refused(record, error)], [])
    return Checked([*checks, *more, *found.checks], [*found.not_checked, *not_checked])


def contradictory(checks: list[Check]) -> Checked:
    """Return the checks of a record whose mask and classes contradict one another, so that nothing else follows."""
    return Checked(checks, ["everything else: the record contradicts itself"])


def refused(record: dict[str, Any], error: ParameterError) -> Check:
    """Return the failed check of a request that is not possible."""
    return Check("result.request", record["result"]["request"], f"no such certificate: {error}", ok=False)


def _by_regex(record: dict[str, Any]) -> dict[str, TextFeature]:
    """Return the kind of the record's features if it is a regular expression."""
    kind = record["explanation"]["feature_kind"]
    try:
        return {kind: text_feature(kind)}
    except ParameterError:
        return {}
