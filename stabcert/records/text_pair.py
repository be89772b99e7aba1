"""The bytes whose hash identifies a text, or a pair of texts."""

from __future__ import annotations

import hashlib

_BETWEEN = b"\xff"
"""A byte that UTF-8 never contains. So a pair has the bytes of no single text, and of no other division."""


def text_bytes(text: str, text_pair: str | None = None) -> bytes:
    """Return a text in UTF-8; or both texts of a pair in UTF-8, with the byte 0xFF between them.

    Raises:
        UnicodeEncodeError: a text contains half of a surrogate pair.
    """
    first = text.encode("utf-8")
    return first if text_pair is None else first + _BETWEEN + text_pair.encode("utf-8")


def text_sha256(text: str, text_pair: str | None = None) -> str:
    """Return the SHA-256 of `text_bytes`."""
    return hashlib.sha256(text_bytes(text, text_pair)).hexdigest()
