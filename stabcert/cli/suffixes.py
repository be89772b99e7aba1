"""Kinds of files by their suffix: an image, a text, a list, or a file that must be converted first."""

from __future__ import annotations

import re
from pathlib import Path

IMAGE_SUFFIXES = frozenset(
    [
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".bmp", ".dib", ".gif", ".tif", ".tiff"),
        *(".ppm", ".pgm", ".pbm", ".pnm", ".pfm", ".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx", ".ico"),
        *(".avif", ".avifs", ".tga", ".icb", ".vda", ".vst", ".pcx", ".sgi", ".bw", ".rgb", ".rgba"),
    ]
)
"""Suffixes of all formats that `stabcert.models.decode` reads, repeated because importing Pillow takes time."""

TEXT_SUFFIX = ".txt"
INPUT_SUFFIXES = IMAGE_SUFFIXES | {TEXT_SUFFIX}

JSON_LINES = (".jsonl", ".ndjson")
SEPARATED = {".csv": ",", ".tsv": "\t"}
TABLES = (*JSON_LINES, ".json", *SEPARATED)
"""Lists of rows with named columns."""
COLUMNAR = (".parquet", ".arrow", ".feather")
"""Files of columns, which are not read as a whole."""
LISTS = (TEXT_SUFFIX, *TABLES, *COLUMNAR)

_CONVERT = {
    "HEIC": (".heic", ".heif", ".hif", ".heics"),
    "SVG": (".svg", ".svgz"),
    "PDF": (".pdf",),
    "PostScript": (".ps", ".eps"),
    "Photoshop": (".psd", ".psb"),
    "JPEG XL": (".jxl",),
    "raw camera": (".raw", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf"),
    "OpenEXR": (".exr",),
}
_FORMATS = {suffix: name for name, suffixes in _CONVERT.items() for suffix in suffixes}
PICTURES_TO_CONVERT = frozenset(_FORMATS) - {".pdf", ".ps"}
"""Image formats that are not supported. In a folder of images such a file is reported, not ignored."""

_URL = re.compile(r"([a-z][a-z0-9+.-]*)://\S+", re.IGNORECASE)


def suffix_of(name: str | Path) -> str:
    return Path(name).suffix.lower()


def is_url(name: str) -> bool:
    return _URL.fullmatch(name.strip()) is not None


def url_advice(url: str) -> str:
    """Return advice for an input that is a URL."""
    url = url.strip()
    scheme, _, rest = url.partition("://")
    if scheme.lower() == "file":
        return f"{url} is a URL. Write the path alone: {rest}"
    return f"{url} is a URL, and inputs are not downloaded. Download it first, then name the file"


def convert_advice(name: str | Path) -> str | None:
    """Return advice for an image in an unsupported format, or None for any other file."""
    kind = _FORMATS.get(suffix_of(name))
    return None if kind is None else f"{kind} files cannot be read. Convert it to PNG or JPEG first"
