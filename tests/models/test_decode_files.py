"""Sources of images, and files that cannot be used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFile

from stabcert.errors import InputError, ParameterError
from stabcert.models.decode import decode_image
from tests.models.image_bytes import encoded


def test_a_path_a_string_bytes_and_an_image_give_the_same_picture(tmp_path: Path) -> None:
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8))
    path = tmp_path / "a.png"
    image.save(path)
    results = [decode_image(source) for source in (path, str(path), path.read_bytes(), image)]
    assert {result.image.tobytes() for result in results} == {image.tobytes()}
    assert {(result.size, result.notes) for result in results} == {((7, 5), ())}


def test_the_image_that_is_given_is_not_changed() -> None:
    image = Image.new("RGB", (2, 1), (255, 0, 0))
    decode_image(image).image.putpixel((0, 0), (0, 0, 0))
    assert image.getpixel((0, 0)) == (255, 0, 0)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF"])
def test_a_truncated_file_is_refused_by_name(kind: str, tmp_path: Path) -> None:
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    path = tmp_path / "half.img"
    data = encoded(image, kind)
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match=r"half\.img: .*(damaged|not an image)"):
        decode_image(path)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty.png", b"", "empty"),
        ("text.png", b"hello", "not an image"),
        ("cut.png", b"\x89PNG\r\n\x1a\n", "not an image"),
    ],
)
def test_a_file_that_is_no_image_is_refused_by_name(name: str, content: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"{name}.*{reason}"):
        decode_image(path)


def test_a_missing_file_and_a_directory_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.png: no such file"):
        decode_image(tmp_path / "nowhere.png")
    with pytest.raises(InputError, match="directory"):
        decode_image(tmp_path)
    with pytest.raises(InputError, match="cannot be read"):
        decode_image("a\0b.png")


@pytest.mark.parametrize("size", [(0, 5), (5, 0), (0, 0)])
def test_an_image_without_pixels_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(InputError, match=f"{size[0]} x {size[1]} pixels"):
        decode_image(Image.new("RGB", size))


@pytest.mark.parametrize("limit", [60, 20])  # 100 pixels: PIL warns above its limit, and refuses above twice that
def test_a_decompression_bomb_is_refused_where_pil_only_warns_too(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(Image.new("RGB", (10, 10)), "PNG")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    with pytest.raises(InputError, match="too large to open safely"):
        decode_image(data)


def test_a_reader_that_raises_anything_at_all_gives_an_input_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: ImageFile.ImageFile) -> None:
        raise IndexError("list index out of range")

    data = encoded(Image.new("RGB", (2, 2)), "PNG")
    monkeypatch.setattr(ImageFile.ImageFile, "load", broken)
    with pytest.raises(InputError, match="damaged or incomplete"):
        decode_image(data)


@pytest.mark.parametrize("background", [(255, 255), (0, 0, 256), (0, 0, -1), (0.5, 0, 0)])
def test_a_background_that_is_no_colour_is_refused(background: Any) -> None:
    with pytest.raises(ParameterError, match="background must be three integers from 0 to 255"):
        decode_image(Image.new("L", (1, 1)), background=background)
