"""A writer for records, one on each line. It is the counterpart of `stabcert.records.reading.parse_json`."""

from __future__ import annotations

import json
import re
from typing import Any, Final

SCHEMA: Final = "stabcert/1"
"""The version of all records that are written and read."""

# What a terminal may obey (control characters, changes of the direction of writing) or cannot write.
_HARMFUL = "[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"


def to_json(record: dict[str, Any]) -> str:
    """Return one line. NaN and infinity are refused: they are not JSON."""
    line = json.dumps(record, ensure_ascii=False, allow_nan=False)
    # Outside of strings JSON is ASCII, so that these characters may be escaped wherever they are.
    return re.sub(_HARMFUL, lambda found: f"\\u{ord(found[0]):04x}", line)
