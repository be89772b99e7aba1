"""Requests in the form of their record, for old and new records."""

from __future__ import annotations

from typing import Any

_SINCE_RULE_2 = ("family", "stream_rule")
_NOT_IN_ALL = ("allow_inconsistent", "allow_vacuous", "choice")
"""Fields that are left out where they are None."""


def as_recorded(request: dict[str, Any]) -> dict[str, Any]:
    """Return a request in the form of its record, without fields that are newer than the record."""
    later = _SINCE_RULE_2 if request["stream_rule"] == 1 else ()
    later = (*later, *(name for name in _NOT_IN_ALL if request.get(name) is None))
    return {name: value for name, value in request.items() if name not in later}
