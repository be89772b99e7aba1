"""What is measured: the demo models on sample inputs, with explanations that are stable or any."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from stabcert.core.soft.certify import certify_soft
from stabcert.core.types import Mask, Masks
from stabcert.explainers import explain
from stabcert.models.base import ModelPredictor
from stabcert.models.batches import BatchSizes
from stabcert.models.decode import decode_image
from stabcert.models.demo import load_demo_image, load_demo_text
from stabcert.models.hub import LoadedModel, load_model
from stabcert.models.image import MaskedImage
from tests.bench import plain

SAMPLES = Path(__file__).parents[2] / "sample_inputs"
KEPT_SHARE = 0.25

Forward = Callable[[Masks, int], list[Callable[[], torch.Tensor]]]
"""Masks and a batch size to the forward passes of the bare network, whose inputs are there already."""


@dataclass(frozen=True)
class Input:
    """One input in the three forms that are compared."""

    name: str
    predictor: Callable[[], ModelPredictor]
    """A fresh one, which remembers nothing."""
    classify: plain.Classify
    bare: Forward
    batch_sizes: tuple[int, ...]
    """Among which the best one for the bare network is looked for."""

    def any_mask(self) -> Mask:
        """A quarter of the features at random, which says nothing about the input."""
        n_features = self.predictor().n_features
        mask = np.zeros(n_features, dtype=np.bool_)
        mask[np.random.default_rng(1).permutation(n_features)[: round(KEPT_SHARE * n_features)]] = True
        return mask

    def stable_mask(self, radius: int) -> tuple[Mask, float]:
        """The first of some explanations, from small to large ones, whose rate is at least 0.97; and the rate.

        The most stable one if there is none.
        """
        predictor = self.predictor()
        found: list[tuple[float, Mask]] = []
        for method in ("inputxgrad", "saliency"):
            scores = explain(predictor, method).scores
            for share in (KEPT_SHARE, 0.4, 0.6):
                mask = np.zeros(len(scores), dtype=np.bool_)
                mask[np.argsort(-scores, kind="stable")[: round(share * len(scores))]] = True
                certificate = certify_soft(predictor, mask, radius=radius, n_samples=150, rng=np.random.default_rng(0))
                found.append((certificate.rates[0].rate or 0.0, mask))
                if found[-1][0] >= 0.97:
                    return mask, found[-1][0]
        rate, mask = max(found, key=lambda pair: pair[0])
        return mask, rate


def photo(file: str = "panda.jpg", *, size: int = 224, dtype: str = "float32", load: Any = load_model) -> Input:
    """A sample photo in front of demo:image, whose network takes photos of any size."""
    model: LoadedModel = load("demo:image", device="cpu", dtype=dtype)
    demo, fast = load_demo_image(), load_demo_image().network.to(memory_format=torch.channels_last)
    image = decode_image(SAMPLES / file).image
    from stabcert.models.preprocessing import resize_and_crop

    preprocessing = resize_and_crop(size * demo.resize // demo.size, size, demo.mean, demo.std)
    pixels = preprocessing.to_pixels(image)
    masked = MaskedImage(demo.network, image, preprocessing, device=torch.device("cpu"), features="grid:7")
    index = torch.from_numpy(masked.labels)
    batches = BatchSizes("auto", model.device)

    def predictor() -> ModelPredictor:
        network: Any = model.network
        fresh = MaskedImage(
            network.logits,
            image,
            preprocessing,
            features="grid:7",
            channels_last=network.channels_last,
            device=model.device,
            dtype=model.dtype,
        )
        # The size of batches is found once for a model, as everywhere.
        return ModelPredictor(fresh, model.class_names, device=model.device, dtype=model.dtype, batches=batches)

    def bare(masks: Masks, batch: int) -> list[Callable[[], torch.Tensor]]:
        kept = torch.from_numpy(masks)[:, index][:, None]
        inputs = torch.where(kept, pixels, torch.zeros(())).contiguous(memory_format=torch.channels_last)
        return [lambda part=part: fast(part) for part in inputs.split(batch)]

    return Input(
        f"{file}, {size} x {size}", predictor, plain.images(demo.network, pixels, masked.labels), bare, (8, 16, 32)
    )


def sentence(n_tokens: int, *, load: Any = load_model) -> Input:
    """Sample sentences one after the other, cut to about ``n_tokens`` tokens, in front of demo:text."""
    model: LoadedModel = load("demo:text", device="cpu")
    demo = load_demo_text()
    text = _text_of(demo.tokenizer, n_tokens)
    encoding = demo.tokenizer(text, return_special_tokens_mask=True)
    ids = np.array(encoding["input_ids"])
    special = np.array(encoding["special_tokens_mask"], dtype=np.bool_)

    def bare(masks: Masks, batch: int) -> list[Callable[[], torch.Tensor]]:
        keep = np.ones((len(masks), len(ids)), dtype=np.bool_)
        keep[:, ~special] = masks
        rows = keep[np.argsort(keep.sum(axis=1), kind="stable")]
        return [_forward(demo.network, ids, rows[i : i + batch]) for i in range(0, len(rows), batch)]

    return Input(
        f"text of {len(ids)} tokens",
        lambda: model.predictor(text, features="token"),
        plain.texts(demo.network, encoding),
        bare,
        (16, 32, 64, 150),
    )


def _forward(network: Any, ids: np.ndarray, keep: np.ndarray) -> Callable[[], torch.Tensor]:
    width = int(keep.sum(axis=1).max())
    order = np.argsort(~keep, axis=1, kind="stable")[:, :width]
    valid = np.arange(width) < keep.sum(axis=1)[:, None]
    inputs = {
        "input_ids": torch.from_numpy(np.where(valid, ids[order], 0)),
        "attention_mask": torch.from_numpy(valid.astype(np.int64)),
        "position_ids": torch.from_numpy(order),
    }
    return lambda: network(**inputs).logits


def _text_of(tokenizer: Any, n_tokens: int) -> str:
    """Words until the next one would be too many."""
    words = (SAMPLES / "sentences.txt").read_text(encoding="utf-8").split() * 20
    taken: list[str] = []
    for word in words:
        if len(tokenizer(" ".join([*taken, word]), verbose=False)["input_ids"]) > n_tokens:
            break
        taken.append(word)
    return " ".join(taken)
