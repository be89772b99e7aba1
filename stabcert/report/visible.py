"""User text and labels without control characters, safe for display."""

from __future__ import annotations

import unicodedata


def visible(text: str) -> str:
    """Return ``text`` with control characters, line breaks and bidirectional overrides made harmless."""
    hidden = ("Cc", "Cs", "Co", "Cn")
    overrides = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c\u2028\u2029"
    return "".join(
        " " if c in "\n\r\t" else "\ufffd" if unicodedata.category(c) in hidden or c in overrides else c for c in text
    )
