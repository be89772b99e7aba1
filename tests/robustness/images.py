"""Images that are broken, hostile, or only unusual."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

from tests.models.image_bytes import encoded, png
from tests.models.tiny_images import picture
from tests.robustness.case import Build, Workshop, cases

AREA = "images"


def _explain(name: str, data: Callable[[], bytes]) -> Build:
    def build(shop: Workshop) -> Sequence[object]:
        shop.write(name, data())
        return ["explain", name, "-m", shop.image_model, "--method", "random", "--json"]

    return build


def _piped(data: Callable[[], bytes]) -> Build:
    def build(shop: Workshop) -> Sequence[object]:
        shop.stdin = data()
        return ["explain", "-", "-m", shop.image_model, "--method", "random", "--json"]

    return build


def _whole(kind: str = "PNG", mode: str = "RGB") -> bytes:
    return encoded(picture(64, 48).convert(mode), kind)


def _bomb() -> bytes:
    """A small PNG that says it is 60,000 x 60,000 pixels."""
    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    pixels = zlib.compress(b"\0" * 1_000_000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def _text_bomb() -> bytes:
    """A PNG with a compressed comment of 200 MB."""
    data = _whole()
    comment = b"note\0\0" + zlib.compress(b"\0" * 200_000_000, 1)
    chunk = struct.pack(">I", len(comment)) + b"zTXt" + comment + struct.pack(">I", zlib.crc32(b"zTXt" + comment))
    return data[:33] + chunk + data[33:]


def _animated() -> bytes:
    frames = [picture(64, 48, seed) for seed in range(3)]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    return buffer.getvalue()


def _sixteen_bits() -> bytes:
    values = np.random.default_rng(0).integers(0, 65536, (48, 64)).astype(np.uint16)
    return encoded(Image.fromarray(values), "PNG")


def _transparent() -> bytes:
    image = picture(64, 48).convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize((64, 48)))
    return encoded(image, "PNG")


def _not_finite() -> bytes:
    return encoded(Image.fromarray(np.full((8, 8), np.nan, dtype=np.float32)), "TIFF")


def _broken_exif() -> bytes:
    return encoded(picture(64, 48), "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")


CASES = cases(
    AREA,
    ("a JPEG cut off in the middle", _explain("cut.jpg", lambda: _whole("JPEG")[:1500]), 3, "damaged or incomplete"),
    ("a PNG cut off in the middle", _explain("cut.png", lambda: _whole()[:3000]), 3, "damaged or incomplete"),
    (
        "a PNG with a wrong checksum",
        _explain("sum.png", lambda: _whole()[:29] + b"abcd" + _whole()[33:]),
        3,
        "not an image",
    ),
    ("a file of zero bytes", _explain("empty.png", lambda: b""), 3, "the file is empty (0 bytes)"),
    ("zero bytes on standard input", _piped(lambda: b""), 3, "standard input is empty"),
    ("a header that says 60,000 x 60,000 pixels", _explain("bomb.png", _bomb), 3, "too large to open safely"),
    ("the same on standard input", _piped(_bomb), 3, "too large to open safely"),
    ("a comment that unpacks to 200 MB", _explain("comment.png", _text_bomb), 3, "damaged or incomplete"),
    ("one pixel", _explain("one.png", lambda: encoded(picture(1, 1), "PNG")), 0, "reported"),
    ("one pixel high and 4,000 wide", _explain("thin.png", lambda: encoded(picture(4000, 1), "PNG")), 0, "reported"),
    (
        "a text with the name of an image",
        _explain("text.png", lambda: b"this is a text"),
        3,
        "not an image in a format",
    ),
    (
        "random bytes",
        _explain("noise.jpg", lambda: np.random.default_rng(0).bytes(5000)),
        3,
        "not an image in a format",
    ),
    (
        "random bytes on standard input",
        _piped(lambda: b"\xff" + np.random.default_rng(0).bytes(5000)),
        3,
        "neither an image nor UTF-8",
    ),
    (
        "an SVG drawing",
        _explain("drawing.png", lambda: b'<svg xmlns="http://www.w3.org/2000/svg"/>'),
        3,
        "not an image in a format",
    ),
    (
        "an EPS program",
        _explain("program.png", lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(x) run\n"),
        3,
        "not an image in a format",
    ),
    ("an animation", _explain("moving.gif", _animated), 0, "only the first is used"),
    ("CMYK", _explain("print.jpg", lambda: _whole("JPEG", "CMYK")), 0, "reported"),
    ("16 bits a channel", _explain("deep.png", _sixteen_bits), 0, "reported"),
    ("a palette", _explain("palette.png", lambda: _whole("PNG", "P")), 0, "reported"),
    ("1 bit a pixel", _explain("bits.png", lambda: _whole("PNG", "1")), 0, "reported"),
    ("transparency", _explain("glass.png", _transparent), 0, "transparent pixels shown over"),
    (
        "a transparent colour of 16 bits",
        _explain("key.png", lambda: png(1, 1, 16, 2, b"\0" + b"\1\2" * 3, transparent=b"\1\2" * 3)),
        0,
        "not applied",
    ),
    ("pixels that are NaN", _explain("nan.tiff", _not_finite), 3, "not finite"),
    ("a damaged EXIF block", _explain("exif.jpg", _broken_exif), 0, "reported"),
    (
        "a HEIC picture",
        _explain("photo.heic", lambda: b"\0\0\0\x18ftypheic" + b"\0" * 40),
        3,
        "photo.heic: HEIC files cannot be read. Convert it to PNG or JPEG first",
    ),
    (
        "a HEIC picture called .jpg",
        _explain("photo.jpg", lambda: b"\0\0\0\x18ftypheic" + b"\0" * 40),
        3,
        "It looks like HEIC, so convert it to PNG or JPEG first",
    ),
    ("a JPEG called .jfif", _explain("photo.jfif", lambda: _whole("JPEG")), 0, "reported"),
    (
        "a text called .md",
        _explain("notes.md", lambda: b"# a film"),
        3,
        "It contains text, so copy it to a file with the suffix .txt",
    ),
    (
        "an address",
        lambda shop: ["explain", "https://example.org/cat.jpg", "-m", shop.image_model],
        3,
        "is a URL, and inputs are not downloaded. Download it first",
    ),
    ("a folder with hidden files", lambda shop: _photos(shop, "._a.png"), 0, "reported"),
    ("a folder with a HEIC picture", lambda shop: _photos(shop, "b.heic"), 3, "b.heic: HEIC files cannot be read"),
    (
        "a device that has no end",
        lambda shop: ["explain", "/dev/zero", "-m", shop.image_model, "--method", "random", "--json"],
        3,
        "/dev/zero is a device. Give a file",
    ),
    (
        "a directory with the name of an image",
        lambda shop: _directory(shop),
        3,
        "no images and no .txt files in the directory",
    ),
    (
        "a sentence instead of an image",
        lambda shop: ["explain", "-t", "a cat", "-m", shop.image_model],
        3,
        "is a text, but image-model classifies images",
    ),
    ("a path with a zero byte", lambda shop: ["explain", "a\0b.png", "-m", shop.image_model], 3, "no such file"),
)


def _directory(shop: Workshop) -> Sequence[object]:
    shop.write("folder.png/readme.md", "nothing here")
    return ["explain", "folder.png", "-m", shop.image_model]


def _photos(shop: Workshop, other: str) -> Sequence[object]:
    shop.write("photos/a.png", _whole())
    shop.write(f"photos/{other}", b"\0\x05\x16\x07")
    return ["explain", "photos", "-m", shop.image_model, "--method", "random", "--json"]
