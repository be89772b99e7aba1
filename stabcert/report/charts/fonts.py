"""Text in pictures: its width, its fonts, and its line breaks."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Any

FAMILY = "DejaVu Sans"
"""Comes with matplotlib: Latin, Greek, Cyrillic, Hebrew, Arabic, many symbols."""
MISSING = "□"
DOTS_PER_INCH = 200
"""Resolution of a .png. Letters are fitted to whole dots and are therefore a little wider than in the other formats.
A text that fits into a line of a .png fits everywhere."""
_MOST_FALLBACKS = 2


def drawable(text: str) -> str:
    """Return ``text`` with characters that no installed font has as boxes; invisible ones are left out.

    matplotlib would warn about each of them. Right-to-left letters are put into the order in which
    versions of matplotlib that do not do so themselves have to draw them.
    """
    have = [_letters(family) for family in families(text)]
    shown = []
    for character in text:
        if any(ord(character) in letters for letters in have):
            shown.append(character)
        elif unicodedata.category(character) not in ("Cf", "Mn", "Me"):
            shown.append(MISSING)
    line = "".join(shown)
    return line[::-1] if is_right_to_left(line) and not _shapes_text() else line


def families(text: str) -> list[str]:
    """Return the fonts that together draw ``text``: `FAMILY`, and what the system has for other scripts."""
    return _families(frozenset(text))


def is_right_to_left(text: str) -> bool:
    """Return whether the first letter that has a direction runs from right to left."""
    for character in text:
        direction = unicodedata.bidirectional(character)
        if direction in ("L", "R", "AL"):
            return direction != "L"
    return False


@lru_cache(maxsize=4096)
def text_width(text: str, size: float, weight: str = "normal") -> float:
    """Return the width of ``text`` in inches."""
    from matplotlib.font_manager import FontProperties

    properties = FontProperties(family=families(text), size=size, weight=weight)
    width, _, _ = _renderer().get_text_width_height_descent(drawable(text), properties, ismath=False)
    return float(width) / DOTS_PER_INCH


def wrap(text: str, width: float, size: float, weight: str = "normal") -> list[str]:
    """Return lines no wider than ``width`` inches; a single word that is wider is cut."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if text_width(longer, size, weight) <= width:
            lines[-1] = longer
            continue
        lines += cut(word, width, size, weight)
    return [line for line in lines if line] or [""]


def cut(word: str, width: float, size: float, weight: str = "normal") -> list[str]:
    """Return a word in pieces no wider than ``width`` inches, of at least one letter each."""
    pieces = [""]
    for character in word:
        if pieces[-1] and text_width(pieces[-1] + character, size, weight) > width:
            pieces.append("")
        pieces[-1] += character
    return pieces


@lru_cache(maxsize=1)
def _renderer() -> Any:
    from matplotlib.backends import backend_agg

    untyped: Any = backend_agg
    return untyped.RendererAgg(1, 1, DOTS_PER_INCH)


@lru_cache(maxsize=1024)
def _families(characters: frozenset[str]) -> list[str]:
    found = [FAMILY]
    missing = {ord(character) for character in characters if not character.isspace()} - _letters(FAMILY)
    while missing and len(found) <= _MOST_FALLBACKS:
        best = max(_installed(), key=lambda family: (len(missing & _letters(family)), family), default=FAMILY)
        if not missing & _letters(best):
            break
        found.append(best)
        missing -= _letters(best)
    return found


@lru_cache(maxsize=1)
def _installed() -> tuple[str, ...]:
    """Return families with outlines in regular weight."""
    from matplotlib.font_manager import fontManager

    fonts = [
        font for font in fontManager.ttflist if font.style == "normal" and font.weight in (400, "normal", "regular")
    ]
    unusable = re.compile("emoji|last resort", re.IGNORECASE)  # bitmaps in colour; boxes for everything
    return tuple(sorted({font.name for font in fonts if not unusable.search(font.name)} - {FAMILY}))


@lru_cache(maxsize=512)
def _letters(family: str) -> frozenset[int]:
    from matplotlib.font_manager import FontProperties, findfont
    from matplotlib.ft2font import FT2Font

    try:
        return frozenset(FT2Font(findfont(FontProperties(family=[family]))).get_charmap())
    except (RuntimeError, OSError):  # a font that cannot be read has no letters for us
        return frozenset()


@lru_cache(maxsize=1)
def _shapes_text() -> bool:
    """Return whether this matplotlib orders and joins letters of right-to-left scripts."""
    import matplotlib

    return tuple(int(part) for part in matplotlib.__version__.split(".")[:2]) >= (3, 11)
