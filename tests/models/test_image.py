"""Images as masked inputs, against pixels computed another way."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image

from stabcert.errors import InputError, ModelError, ParameterError
from stabcert.models.image import BASELINES, MaskedImage
from stabcert.models.preprocessing import Preprocessing, resize_and_crop
from tests.models.tiny_images import CPU, MEAN, SIDE, STD, masked, means, picture, random_masks

FEATURES = ("patch", "grid:4", "grid:5", "grid:1", "slic:9", "quickshift")


@pytest.mark.parametrize(
    "width_height", [(300, 200), (201, 333), (224, 224), (31, 64), (97, 33), (7, 5), (40, 43), (43, 40)]
)
@pytest.mark.parametrize(("resize", "size"), [(40, 32), (33, 32), (32, 32), (37, 20)])
def test_resize_and_crop_is_the_pipeline_of_torchvision(width_height: tuple[int, int], resize: int, size: int) -> None:
    from torchvision import transforms

    reference = transforms.Compose(
        [
            transforms.Resize(resize, interpolation=transforms.InterpolationMode.BICUBIC, antialias=True),
            transforms.CenterCrop(size),
            transforms.ToTensor(),
            transforms.Normalize(MEAN, STD),
        ]
    )
    image = picture(*width_height)
    ours = resize_and_crop(resize, size, MEAN, STD).to_pixels(image)
    assert ours.dtype == torch.float32
    assert torch.equal(ours, reference(image))


@pytest.mark.parametrize(("resize", "size"), [(224, 225), (224, 0), (0, 0)])
def test_a_crop_larger_than_the_resized_image_is_refused(resize: int, size: int) -> None:
    with pytest.raises(ParameterError, match=f"size must be from 1 to {resize} .*, got {size}"):
        resize_and_crop(resize, size, MEAN, STD)


def test_an_image_that_explodes_when_resized_is_refused() -> None:
    with pytest.raises(InputError, match="Crop it"):
        resize_and_crop(256, 224, MEAN, STD).to_pixels(Image.new("RGB", (1, 5000)))


@pytest.mark.parametrize(("mean", "std"), [((0.5,), (0.5,)), (MEAN, (0.2, 0.2, 0.0)), (MEAN, (0.2, 0.2, -0.2))])
def test_a_normalisation_that_is_none_is_refused(mean: tuple[float, ...], std: tuple[float, ...]) -> None:
    with pytest.raises(ParameterError, match="normalisation"):
        resize_and_crop(40, 32, mean, std)


@pytest.mark.parametrize(
    ("pixels", "reason"),
    [
        (torch.zeros(1, 3, 4, 4), "shape"),
        (torch.zeros(1, 4, 4), "shape"),
        (torch.full((3, 4, 4), torch.nan), "not finite"),
        (torch.full((3, 4, 4), 255.0), "from 0.* to"),
    ],
)
def test_a_preprocessing_that_breaks_its_contract_is_refused(pixels: torch.Tensor, reason: str) -> None:
    preprocessing = Preprocessing(
        lambda image: pixels - (pixels > 1).float() * torch.eye(4) * 255, (0, 0, 0), (1, 1, 1)
    )
    with pytest.raises(ModelError, match=reason):
        MaskedImage(means, picture(), preprocessing, device=CPU)


@pytest.mark.parametrize("features", FEATURES)
@pytest.mark.parametrize("baseline", BASELINES[:-1])
@pytest.mark.parametrize("channels_last", [False, True])
def test_a_kept_pixel_is_the_input_and_a_dropped_one_the_baseline_bit_for_bit(
    features: str, baseline: str, channels_last: bool
) -> None:
    image = masked(features=features, baseline=baseline, channels_last=channels_last)
    n = len(image.features)
    plain = resize_and_crop(SIDE, SIDE, MEAN, STD).to_pixels(picture())
    full, empty = image.batch(np.array([[True] * n, [False] * n]))
    assert torch.equal(full, plain)
    for mask, pixels in zip(random_masks(20, n), image.batch(random_masks(20, n)), strict=True):
        kept = torch.from_numpy(mask[image.labels])
        assert torch.equal(pixels[:, kept], plain[:, kept])
        assert torch.equal(pixels[:, ~kept], empty[:, ~kept])


@pytest.mark.parametrize("features", FEATURES)
def test_each_feature_changes_exactly_its_own_pixels(features: str) -> None:
    image = masked(features=features)
    n = len(image.features)
    full = image.batch(np.ones((1, n), dtype=bool))[0]
    for i, pixels in enumerate(image.batch(~np.eye(n, dtype=bool))):
        changed = (pixels != full).any(dim=0).numpy()
        assert changed.any()
        assert np.array_equal(changed, image.labels == i)


def test_baselines_are_what_they_are_called() -> None:
    plain = resize_and_crop(SIDE, SIDE, MEAN, STD).to_pixels(picture())
    nothing = np.zeros((1, 16), dtype=bool)
    zero, black, mean = (masked(baseline=name).batch(nothing)[0] for name in ("zero", "black", "mean"))
    assert torch.equal(zero, torch.zeros(3, SIDE, SIDE))
    for channel in range(3):
        assert torch.allclose(black[channel], torch.tensor(-MEAN[channel] / STD[channel]), rtol=1e-6)
        assert torch.allclose(mean[channel], plain[channel].mean(), atol=1e-6)
        assert mean[channel].unique().numel() == 1


def test_the_blur_is_a_gaussian_of_a_twentieth_of_the_shorter_side() -> None:
    plain = torch.from_numpy(np.random.default_rng(0).random((3, 20, 40), dtype=np.float32))
    preprocessing = Preprocessing(lambda image: plain, (0, 0, 0), (1, 1, 1))
    image = MaskedImage(means, picture(), preprocessing, features="grid:2", baseline="blur", device=CPU)
    kernel = np.exp(-0.5 * np.arange(-4, 5) ** 2.0)  # sigma 1 = 20 / 20, four of them to each side
    kernel /= kernel.sum()
    padded = np.pad(plain.double().numpy(), ((0, 0), (4, 4), (4, 4)), mode="symmetric")
    expected = np.zeros((3, 20, 40))
    for i in range(9):
        for j in range(9):
            expected += kernel[i] * kernel[j] * padded[:, i : i + 20, j : j + 40]
    blurred = image.batch(np.zeros((1, 4), dtype=bool))[0].numpy()
    assert np.abs(blurred - expected).max() < 1e-6


def test_the_blur_of_a_plain_image_is_the_image() -> None:
    image = masked(image=Image.new("RGB", (SIDE, SIDE), (10, 100, 200)), baseline="blur")
    full, empty = image.batch(np.array([[True] * 16, [False] * 16]))
    assert torch.allclose(full, empty, atol=1e-6)


def test_pixels_are_the_colours_that_the_model_sees() -> None:
    assert np.array_equal(masked().pixels, np.asarray(picture()))


def test_colours_beyond_black_and_white_are_shown_as_those() -> None:
    plain = torch.tensor([-0.2, 0.0, 0.5, 1.0, 1.2]).expand(3, 1, 5)
    image = MaskedImage(
        means, picture(), Preprocessing(lambda _: plain, (0, 0, 0), (1, 1, 1)), features="grid:1", device=CPU
    )
    assert image.pixels[0, :, 0].tolist() == [0, 0, 128, 255, 255]


def test_batches_are_in_the_memory_format_that_was_asked_for() -> None:
    masks = random_masks(3, 16)
    assert masked(channels_last=True).batch(masks).is_contiguous(memory_format=torch.channels_last)
    assert masked(channels_last=False).batch(masks).is_contiguous()


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_the_network_is_given_the_dtype_it_runs_in(dtype: torch.dtype) -> None:
    image = masked(dtype=dtype)
    plain = resize_and_crop(SIDE, SIDE, MEAN, STD).to_pixels(picture())
    pixels = image.batch(np.ones((1, 16), dtype=bool))[0]
    assert pixels.dtype == dtype
    assert torch.equal(pixels, plain.to(dtype))


def test_read_only_masks_are_fine() -> None:
    masks = np.broadcast_to(np.array([True] * 16), (3, 16))
    assert masked().logits(masks).shape == (3, 3)


def test_all_masks_cost_the_same() -> None:
    assert masked().cost(random_masks(3, 16)).tolist() == [64, 64, 64]


def test_settings_are_json_and_name_the_features_that_default_stands_for() -> None:
    assert masked().settings == {"features": "patch", "patch_size": 8, "baseline": "zero", "input_size": [32, 32]}
    assert masked(patch_size=None).settings == {"features": "grid:7", "baseline": "zero", "input_size": [32, 32]}
    for features in FEATURES:
        json.dumps(masked(features=features).settings, allow_nan=False)


def test_an_unknown_baseline_is_refused_with_those_that_exist() -> None:
    with pytest.raises(ParameterError, match="zero, black, mean, blur"):
        masked(baseline="grey")


def test_an_image_that_is_not_rgb_is_refused() -> None:
    with pytest.raises(InputError, match="decode_image"):
        masked(image=Image.new("RGBA", (4, 4)))
