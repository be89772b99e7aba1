"""Files that are not images in a supported format: their kind, and how to convert them."""

from __future__ import annotations

_HEAD = 512
_CONVERT: tuple[tuple[str, tuple[bytes, ...]], ...] = (
    ("PDF", (b"%PDF-",)),
    ("PostScript", (b"%!PS",)),
    ("Photoshop", (b"8BPS",)),
    ("JPEG XL", (b"\xff\x0a", b"\0\0\0\x0cJXL ")),
)
_HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
"""Brands of the containers that phones store photos in."""


def unreadable(name: str, data: bytes) -> str:
    """Return a message: the kind of bytes that are not a readable image, and how to convert them."""
    head = data[:_HEAD].lstrip()
    kind = next((kind for kind, starts in _CONVERT if head.startswith(starts)), None)
    if data[4:8] == b"ftyp":
        kind = "HEIC" if data[8:12] in _HEIC else "a video or a HEIC picture"
    elif kind is None and b"<svg" in head:
        kind = "SVG"
    if kind is not None:
        advice = f"It looks like {kind}, so convert it to PNG or JPEG first"
    elif _is_text(data):
        advice = (
            "It contains text, so copy it to a file with the suffix .txt, pipe it into standard input (-), or give the "
            "sentence with text='SENTENCE'"
        )
    else:
        advice = "Give a PNG, JPEG, WebP, GIF, BMP or TIFF file"
    return f"{name}: not an image in a format that can be read. {advice}"


def _is_text(data: bytes) -> bool:
    try:
        return "\0" not in data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return False
