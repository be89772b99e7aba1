"""Every kind of image file, against pixels computed by hand."""

from __future__ import annotations

import io
import struct
import warnings
from typing import Any

import numpy as np
import pytest
from PIL import Image

from stabcert.errors import InputError
from stabcert.models.decode import decode_image
from tests.models.image_bytes import encoded, png, tiff

WHITE, BLACK, RED = (255, 255, 255), (0, 0, 0), (255, 0, 0)
SIXTEEN = np.array([[0, 257, 4112, 65535]], dtype=np.uint16)  # 0, 1, 16 and 255 times 257
SIXTEEN_RGB = [[BLACK, (1, 1, 1), (16, 16, 16), WHITE]]


def rgb(source: Any, **options: Any) -> list[list[tuple[int, ...]]]:
    image = decode_image(source, **options).image
    assert image.mode == "RGB"
    return [[tuple(pixel) for pixel in row] for row in np.asarray(image).tolist()]


def one_pixel(mode: str, value: Any) -> Image.Image:
    return Image.new(mode, (1, 1), value)


@pytest.mark.parametrize(
    ("mode", "stored", "seen"),
    [
        ("1", 1, WHITE),
        ("1", 0, BLACK),
        ("L", 77, (77, 77, 77)),
        ("RGB", (1, 2, 3), (1, 2, 3)),
        ("RGBX", (1, 2, 3, 0), (1, 2, 3)),
        ("LA", (77, 255), (77, 77, 77)),
        ("LA", (77, 0), WHITE),
        ("La", (0, 0), WHITE),
        ("RGBA", (255, 0, 0, 0), WHITE),
        ("RGBA", (255, 0, 0, 255), RED),
        ("RGBA", (255, 0, 0, 51), (255, 204, 204)),  # 51/255 = 1/5: 255 * 1/5 + 255 * 4/5, and 255 * 4/5
        ("RGBa", (51, 0, 0, 51), (255, 204, 204)),  # the same, premultiplied
        ("CMYK", (0, 255, 255, 0), RED),
        ("CMYK", (0, 0, 0, 255), BLACK),
        ("YCbCr", (77, 128, 128), (77, 77, 77)),
        ("HSV", (0, 255, 255), RED),
        ("PA", (0, 0), WHITE),
        ("PA", (0, 255), BLACK),
        ("F", 0.6, (153, 153, 153)),
        ("I;16", 257 * 9, (9, 9, 9)),
        ("I;16B", 257 * 9, (9, 9, 9)),
    ],
)
def test_a_pixel_of_every_mode_is_the_colour_it_stands_for(mode: str, stored: Any, seen: tuple[int, ...]) -> None:
    assert rgb(one_pixel(mode, stored)) == [[seen]]


def test_transparency_is_shown_over_the_stated_background_and_noted() -> None:
    decoded = decode_image(one_pixel("RGBA", (255, 0, 0, 0)), background=(0, 10, 20))
    assert decoded.image.getpixel((0, 0)) == (0, 10, 20)
    assert decoded.notes == ("transparent pixels shown over the colour (0, 10, 20)",)
    assert decode_image(one_pixel("RGBA", (255, 0, 0, 255))).notes == ()


def palette_image() -> Image.Image:
    image = Image.new("P", (3, 1))
    image.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    image.putdata([0, 1, 2])
    return image


def test_a_palette_png_is_shown_in_the_colours_of_its_palette() -> None:
    assert rgb(encoded(palette_image(), "PNG")) == [[(10, 20, 30), (40, 50, 60), (70, 80, 90)]]


def test_a_transparent_palette_png_is_shown_over_white() -> None:
    one_entry = encoded(palette_image(), "PNG", transparency=1)
    every_entry = encoded(palette_image(), "PNG", transparency=b"\x00\xff\x00")
    assert rgb(one_entry) == [[(10, 20, 30), WHITE, (70, 80, 90)]]
    assert rgb(every_entry) == [[WHITE, (40, 50, 60), WHITE]]


def test_a_palette_with_transparent_entries_is_shown_over_white() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([9, 9, 9, 0, 9, 8, 7, 255], "RGBA")
    image.putpixel((1, 0), 1)
    assert rgb(image) == [[WHITE, (9, 8, 7)]]


@pytest.mark.parametrize(("lightness", "grey"), [(0, 0), (128, 119), (255, 255)])  # L* = 50.2 is sRGB 119.4
def test_lab_is_converted_by_its_definition(lightness: int, grey: int) -> None:
    # 8-bit colour management is exact to one level.
    assert np.abs(np.array(rgb(one_pixel("LAB", (lightness, 128, 128)))) - grey).max() <= 1


@pytest.mark.parametrize(("mode", "key", "hidden", "kept"), [("L", 9, 9, 10), ("RGB", (9, 8, 7), (9, 8, 7), (1, 2, 3))])
def test_the_transparent_colour_of_a_png_is_shown_over_white(mode: str, key: Any, hidden: Any, kept: Any) -> None:
    image = Image.new(mode, (2, 1), hidden)
    image.putpixel((1, 0), kept)
    expected = kept if isinstance(kept, tuple) else (kept,) * 3
    assert rgb(encoded(image, "PNG", transparency=key)) == [[WHITE, expected]]


def test_a_sixteen_bit_png_keeps_its_range() -> None:
    assert rgb(encoded(Image.fromarray(SIXTEEN), "PNG")) == SIXTEEN_RGB


def test_the_transparent_value_of_a_sixteen_bit_png_is_shown_over_white() -> None:
    data = png(2, 1, 16, 0, b"\0" + struct.pack(">HH", 256, 257), transparent=struct.pack(">H", 256))
    assert rgb(data) == [[WHITE, (1, 1, 1)]]


def test_a_colour_key_of_a_sixteen_bit_colour_png_is_not_silently_lost() -> None:
    colour = struct.pack(">HHH", 65535, 32768, 255)
    decoded = decode_image(png(1, 1, 16, 2, b"\0" + colour, transparent=colour))
    assert decoded.notes == ("the transparent colour of a 16-bit image is not applied",)


def test_a_sixteen_bit_tiff_keeps_its_range_in_both_byte_orders() -> None:
    assert rgb(encoded(Image.fromarray(SIXTEEN), "TIFF")) == SIXTEEN_RGB
    big = Image.frombytes("I;16B", (4, 1), SIXTEEN.astype(">u2").tobytes())
    assert rgb(encoded(big, "TIFF")) == SIXTEEN_RGB
    assert rgb(tiff(4, 16, SIXTEEN.astype("<u2").tobytes())) == SIXTEEN_RGB


def test_a_tiff_whose_zero_is_white_is_inverted() -> None:
    eight = tiff(2, 8, bytes([0, 255]), photometric=0)
    sixteen = tiff(2, 16, struct.pack("<HH", 0, 65535), photometric=0)
    assert rgb(eight) == rgb(sixteen) == [[WHITE, BLACK]]


def test_a_twelve_bit_tiff_has_4095_as_white() -> None:
    # Two values of 12 bits in three bytes: 0x000 and 0xFFF.
    assert rgb(tiff(2, 12, b"\x00\x0f\xff")) == [[BLACK, WHITE]]


def test_a_pgm_of_any_depth_has_its_own_maximum_as_white() -> None:
    # A fifth and two fifths of the maximum: neither is stretched to black or white.
    for maximum, pixels in ((100, b"\x14\x28"), (4095, struct.pack(">HH", 819, 1638)), (65535, b"\x33\x33\x66\x66")):
        source = b"P5 2 1 %d\n" % maximum + pixels
        assert rgb(source) == [[(51, 51, 51), (102, 102, 102)]]
        assert decode_image(source).notes == ()


@pytest.mark.parametrize(
    ("bits", "sample_format", "data", "low", "high"),
    [
        (8, 2, struct.pack("<bbb", -100, 0, 100), "-100", "100"),
        (16, 2, struct.pack("<hhh", -100, 0, 100), "-100", "100"),
        (32, 2, struct.pack("<iii", -100, 0, 100), "-100", "100"),
        (32, 1, struct.pack("<III", 0, 2**31, 2**32 - 1), "0", "4.29497e+09"),
        (32, 3, struct.pack("<fff", -100, 0, 100), "-100", "100"),
    ],
)
def test_values_without_a_stated_range_are_stretched_and_the_range_is_noted(
    bits: int, sample_format: int, data: bytes, low: str, high: str
) -> None:
    source = tiff(3, bits, data, sample_format=sample_format)
    assert rgb(source) == [[BLACK, (128, 128, 128), WHITE]]
    assert decode_image(source).notes == (f"the values {low} to {high} shown as black to white",)


def test_floating_point_from_zero_to_one_is_not_stretched() -> None:
    image = Image.fromarray(np.array([[0.2, 0.4]], dtype=np.float32))
    assert rgb(image) == [[(51, 51, 51), (102, 102, 102)]]
    assert decode_image(image).notes == ()


@pytest.mark.parametrize(
    ("value", "reason"), [(np.nan, "not finite"), (np.inf, "not finite"), (7.0, "every pixel is 7")]
)
def test_floating_point_without_a_range_is_refused(value: float, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        decode_image(one_pixel("F", value))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_every_exif_orientation_is_turned_upright(orientation: int, kind: str) -> None:
    # An upright picture with its top left corner red and its top right corner blue, 16 x 32.
    upright = np.full((32, 16, 3), 255, dtype=np.uint8)
    upright[:8, :8], upright[:8, 8:] = RED, (0, 0, 255)
    # What a camera stores for it, from the definition of the tag: which edge is row 0 and column 0.
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: upright.transpose(1, 0, 2)[::-1],
        7: upright.transpose(1, 0, 2)[::-1, ::-1],
        8: upright.transpose(1, 0, 2)[:, ::-1],
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 100, "subsampling": 0} if kind == "JPEG" else {"lossless": True} if kind == "WEBP" else {}
    decoded = decode_image(encoded(Image.fromarray(np.ascontiguousarray(stored)), kind, exif=exif, **options))
    assert decoded.size == decoded.image.size == (16, 32)
    difference = np.abs(np.asarray(decoded.image).astype(int) - upright)
    assert difference.max() <= (3 if kind == "JPEG" else 0)


def test_a_damaged_exif_block_does_not_lose_the_picture() -> None:
    data = encoded(Image.new("RGB", (8, 8), RED), "PNG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        decoded = decode_image(data)
    assert decoded.image.getpixel((0, 0)) == RED


def test_a_cmyk_jpeg_of_either_convention_is_shown_in_its_colours() -> None:
    image = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    data = encoded(image, "JPEG", quality=100)
    assert np.abs(np.array(rgb(data)[4][4]) - RED).max() <= 3
    # Without Adobe's marker, the same stored bytes mean their complement.
    start = data.index(b"\xff\xee")
    length = 2 + struct.unpack(">H", data[start + 2 : start + 4])[0]
    plain = data[:start] + data[start + length :]
    with Image.open(io.BytesIO(plain)) as reread:
        cyan, magenta, yellow, black = reread.getpixel((4, 4))
    expected = [(255 - ink) * (255 - black) / 255 for ink in (cyan, magenta, yellow)]
    assert np.abs(np.array(rgb(plain)[4][4]) - expected).max() <= 1


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_of_an_animation_the_first_frame_is_used_and_that_is_noted(kind: str) -> None:
    first, second = Image.new("RGB", (8, 8), RED), Image.new("RGB", (8, 8), (0, 0, 255))
    options = {"lossless": True} if kind == "WEBP" else {}
    decoded = decode_image(encoded(first, kind, save_all=True, append_images=[second], **options))
    assert decoded.image.getpixel((4, 4)) == RED
    assert decoded.notes == ("several frames or pages; only the first is used",)


def test_of_an_open_animation_the_current_frame_is_used() -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, (0, 0, 255))]
    with Image.open(io.BytesIO(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]))) as image:
        image.seek(1)
        decoded = decode_image(image)
        assert image.tell() == 1
    assert decoded.image.getpixel((4, 4)) == (0, 0, 255)
    assert decoded.notes == ("several frames or pages; only number 2 is used",)
