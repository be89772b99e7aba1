"""Lines of a file of records, and copies of file blocks between descriptors."""

from __future__ import annotations

import os
from typing import Any

from stabcert.records.reading import parse_json

SCHEMA_PREFIX = b'{"schema": "stabcert/'
BLOCK = 1 << 20


def record_of(raw: bytes) -> dict[str, Any] | None:
    """Return the record on a line of the file; None if it is not one."""
    if not raw.startswith(SCHEMA_PREFIX):
        return None
    try:
        record = parse_json(raw)
    except ValueError:
        return None
    return record if isinstance(record, dict) and isinstance(record.get("status"), str) else None


def copy_block(source: int, target: int, start: int, length: int) -> None:
    """Append a piece of one open file to another."""
    while length:
        data = os.pread(source, min(length, BLOCK), start)
        start, length = start + len(data), length - len(data)
        write_all(target, data)


def write_all(target: int, data: bytes) -> None:
    """Write all of ``data``, in as many calls as needed."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(target, rest) :]
