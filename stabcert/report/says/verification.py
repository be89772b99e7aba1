"""The document of ``--verify``: a verified record, or every difference."""

from __future__ import annotations

from typing import Any

from stabcert.report.document import Document, Heading, Line, Word, line, note
from stabcert.report.visible import visible

_MOST_DIFFERENCES = 12
_WIDTH = 48


def verification_document(found: dict[str, Any]) -> Document:
    """Return a line when the record stands; else what was recorded and what should be there as well.

    Args:
        found: the record of a verification.
    """
    record, ok = found["record"], found["status"] == "stands"
    about = found["input"]
    name = visible(str(record["source"] if about is None else about["id"]))
    name = name if len(name) <= _WIDTH else name[: _WIDTH - 1] + "…"
    stands = Word("VERIFIED", "good", strong=True) if ok else Word("NOT VERIFIED", "bad", strong=True)
    heading = Heading(name, ((Word(f"{record['command']}, {record['status']}"),), (stands,)))
    different = [check for check in found["checks"] if not check["ok"]]
    shown, more = different[:_MOST_DIFFERENCES], len(different) - _MOST_DIFFERENCES
    width = min(_WIDTH, max((len(check["name"]) for check in shown), default=0))
    blocks = [_difference(check, width) for check in shown]
    if more > 0:
        blocks.append(line(f"and {more} more differences. --json lists all of them"))
    blocks += [line(_how(found), "faint"), *map(note, found["notes"])]
    return Document(heading, tuple(blocks))


def _difference(check: dict[str, Any], width: int) -> Line:
    recorded = f"{visible(check['name']):<{width}}  recorded {_shown(check['recorded'])}, should be "
    return Line((Word(recorded), Word(_shown(check["recomputed"]), strong=True)))


def _how(found: dict[str, Any]) -> str:
    run, count = found["run"], len(found["checks"])
    values = f"{count} {'value' if count == 1 else 'values'}"
    if found["mode"] == "fast":
        return f"{values} checked by arithmetic alone, {run['seconds']:.1f} s"
    if run["device"] is None:
        return f"{values} checked. The certificate was not reproduced, because it would be another one"
    return (
        f"{values} compared with a reproduced certificate: {run['evaluations']} evaluations, {run['seconds']:.1f} s, "
        f"{found['model']}, {run['device']} {run['dtype']}"
    )


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    text = visible(value if isinstance(value, str) else repr(value))
    return text if len(text) <= _WIDTH * 2 else text[: _WIDTH * 2 - 1] + "…"
