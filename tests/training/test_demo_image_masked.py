"""The training of demo:image-masked: what it reads, and that what it writes is what the loader adds."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from stabcert.errors import InputError
from stabcert.models.demo import load_demo_image
from stabcert.models.demo_masked import add_changes, read_changes
from tests.training import demo_image_masked
from tests.training.changes import packed, quantized


def network(seed: int) -> torch.nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1), torch.nn.Conv2d(4, 4, 3), torch.nn.Linear(5, 6))


def test_packed_changes_are_the_difference_to_a_fourteenth_of_the_largest_of_each_output() -> None:
    first, trained, rebuilt = network(0), network(1), network(0)
    add_changes(rebuilt, packed(first, trained))
    for (_, before), (key, wanted), (_, found) in zip(
        first.named_parameters(), trained.named_parameters(), rebuilt.named_parameters(), strict=True
    ):
        change, error = (wanted - before).detach(), (wanted - found).detach().abs()
        if change.ndim == 1:
            assert torch.allclose(found, wanted, rtol=0, atol=1e-3), key
        else:
            largest = change.flatten(1).abs().amax(dim=1)
            # Where cutting the largest changes makes the others finer, they may be up to half too small.
            assert bool((error.flatten(1).square().mean(dim=1).sqrt() <= largest / 14).all()), key


def test_equal_parameters_take_no_space() -> None:
    first, trained = network(0), network(0)
    with torch.no_grad():
        trained[0].bias.add_(1)
    assert list(packed(first, trained)) == ["0.bias"]


def test_an_odd_number_of_inputs_has_a_last_byte_of_its_own() -> None:
    levels, scales = quantized(torch.tensor([[7.0, -7.0, 1.0], [0.0, 0.0, 0.0]]))
    assert levels.tolist() == [[15 | 1 << 4, 9 | 8 << 4], [8 | 8 << 4, 8 | 8 << 4]]
    assert scales[0] == 1


def test_a_folder_without_photos_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(InputError, match="contains no photos"):
        demo_image_masked.read_photos(tmp_path)


@pytest.mark.slow
def test_the_script_writes_what_the_loader_adds(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rng = np.random.default_rng(0)
    for i in range(16):
        Image.fromarray(rng.integers(0, 256, size=(40, 50, 3), dtype=np.uint8)).save(tmp_path / f"{i}.png")
    out = tmp_path / "changes.safetensors"
    with caplog.at_level(logging.INFO):
        demo_image_masked.main(["--data", str(tmp_path), "--out", str(out), "--epochs", "1"])
    changes, made = read_changes(out)
    assert made["settings"]["epochs"] == 1
    assert made["training_inputs"] + made["held_out_inputs"] == 16
    assert f"{out.stat().st_size} bytes" in caplog.text
    changed = load_demo_image().network
    add_changes(changed, changes)
    moved = {
        key
        for (key, before), after in zip(load_demo_image().network.named_parameters(), changed.parameters(), strict=True)
        if not torch.equal(before, after)
    }
    assert not any("conv_dw" in key or key.startswith(("conv_stem", "blocks.0", "classifier")) for key in moved)
    assert bool(moved) == (made["epoch"] > 0)
