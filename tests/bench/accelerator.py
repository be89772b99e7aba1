"""Certificates and LIME on an accelerator, against bare forward passes of the same masked inputs.

The networks have the sizes of ViT-B/16 and RoBERTa-base and random weights, so that nothing has to be fetched. The bare
side runs what a certificate has to evaluate: each distinct masked input once, built beforehand, in the best batch size
of three, with the same arithmetic. What it does not do is draw masks, build inputs, read results and decide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
import transformers
from PIL import Image

from stabcert.core.hard.certify import certify_hard
from stabcert.core.noise import exact_keep_masks
from stabcert.core.smoothing import SmoothedPredictor
from stabcert.core.soft.certify import certify_soft
from stabcert.core.types import MaskedPredictor, Masks
from stabcert.explainers import explain
from stabcert.models.base import ModelPredictor
from stabcert.models.full_precision import full_precision
from stabcert.models.hub import LoadedModel, load_model
from tests.bench.timing import Result, Side, interleaved, seconds, summary
from tests.doubles import Counting
from tests.tiny_models import save, seeded
from tests.tiny_tokenizers import wordpiece_tokenizer

BATCHES = (64, 128, 256)
"""Among which the best one for the bare network is looked for."""
RADIUS = 4
TOKENS = 128
DTYPES = ("float32", "bfloat16")
SAMPLES = (150, 1500)
LIME_SAMPLES = 1000
QUICK_SAMPLES = 24
LIMIT = "<= 1.05"

Run = Callable[[MaskedPredictor], object]
Bare = Callable[[Masks, int], list[Callable[[], torch.Tensor]]]


@dataclass(frozen=True)
class Given:
    """One network with one input, on the device."""

    name: str
    predictor: Callable[[], ModelPredictor]
    bare: Bare


def device_name(device: str) -> str:
    """Return the name of the card, or of the device where it has none."""
    return torch.cuda.get_device_name() if device.startswith("cuda") else device


def measure(device: str, repeats: int, *, quick: bool) -> Iterator[Result]:
    """Yield the results of both networks in each arithmetic.

    Args:
        device: name of the device, as in ``--device``.
        repeats: rounds.
        quick: float32 and small networks only.
    """
    with TemporaryDirectory() as directory, full_precision():
        for make in (_vit, _roberta):
            place = Path(directory) / make.__name__
            make(place, quick)
            for dtype in DTYPES[:1] if quick else DTYPES:
                model = load_model(str(place), device=device, dtype=dtype, offline=True)
                given = _of_image(model, dtype) if model.kind == "image" else _of_text(model, dtype)
                yield from _certificates(given, repeats, quick)


def _vit(directory: Path, quick: bool) -> None:
    sizes = {"hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4} if quick else {}
    config = transformers.ViTConfig(num_labels=1000, **sizes)
    save(
        seeded(lambda: transformers.ViTForImageClassification(config)),
        directory,
        transformers.ViTImageProcessor(size={"height": 224, "width": 224}),
    )


def _roberta(directory: Path, quick: bool) -> None:
    sizes = {"hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4} if quick else {}
    config = transformers.RobertaConfig(num_labels=4, max_position_embeddings=514, **sizes)
    tokenizer = wordpiece_tokenizer()
    tokenizer.model_max_length = config.max_position_embeddings - 2
    save(seeded(lambda: transformers.RobertaForSequenceClassification(config)), directory, tokenizer)


def _of_image(model: LoadedModel, dtype: str) -> Given:
    colours = np.random.default_rng(0).integers(0, 256, (14, 14, 3), dtype=np.uint8)
    picture = Image.fromarray(colours.repeat(16, 0).repeat(16, 1))
    first = model.predictor(picture, features="grid:14")
    network: Any = model.network
    pixels = first.masked_input.point.float()
    labels = torch.from_numpy(first.masked_input.labels).to(model.device)  # type: ignore[attr-defined]

    def bare(masks: Masks, batch: int) -> list[Callable[[], torch.Tensor]]:
        kept = torch.from_numpy(masks).to(model.device)
        return [_image_pass(network.module, pixels * part[:, labels][:, None], dtype) for part in kept.split(batch)]

    return Given(f"ViT-B/16, {dtype}", lambda: model.predictor(picture, features="grid:14"), bare)


def _image_pass(network: Any, pixels: torch.Tensor, dtype: str) -> Callable[[], torch.Tensor]:
    return lambda: _in(dtype, pixels.device, lambda: network(pixel_values=pixels).logits)


def _of_text(model: LoadedModel, dtype: str) -> Given:
    tokenizer, network = model.network.tokenizer, model.network.module  # type: ignore[union-attr]
    text = " ".join(["good bad movie the film was not great"] * (TOKENS // 8))
    encoding = tokenizer(text, return_special_tokens_mask=True)
    ids = np.array(encoding["input_ids"])
    special = np.array(encoding["special_tokens_mask"], dtype=np.bool_)
    first_position = int(network.config.pad_token_id) + 1

    def bare(masks: Masks, batch: int) -> list[Callable[[], torch.Tensor]]:
        keep = np.ones((len(masks), len(ids)), dtype=np.bool_)
        keep[:, ~special] = masks
        rows = keep[np.argsort(keep.sum(axis=1), kind="stable")]
        return [
            _text_pass(network, _gathered(ids, rows[i : i + batch], first_position, model.device), dtype)
            for i in range(0, len(rows), batch)
        ]

    return Given(f"RoBERTa-base, {len(ids)} tokens, {dtype}", lambda: model.predictor(text, features="token"), bare)


def _gathered(ids: np.ndarray, keep: np.ndarray, first: int, device: torch.device) -> dict[str, torch.Tensor]:
    width = int(keep.sum(axis=1).max())
    order = np.argsort(~keep, axis=1, kind="stable")[:, :width]
    valid = np.arange(width) < keep.sum(axis=1)[:, None]
    inputs = {
        "input_ids": np.where(valid, ids[order], first - 1),
        "attention_mask": valid.astype(np.int64),
        "position_ids": np.where(valid, order + first, first - 1),
    }
    return {name: torch.from_numpy(values).to(device) for name, values in inputs.items()}


def _text_pass(network: Any, inputs: dict[str, torch.Tensor], dtype: str) -> Callable[[], torch.Tensor]:
    return lambda: _in(dtype, inputs["input_ids"].device, lambda: network(**inputs).logits)


def _in(dtype: str, device: torch.device, forward: Callable[[], torch.Tensor]) -> torch.Tensor:
    with torch.autocast(device.type, getattr(torch, dtype), enabled=dtype != "float32"):
        return forward()


class _Recording(Counting):
    """A predictor of an input that remembers its masks."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.base, name)


def _certificates(given: Given, repeats: int, quick: bool) -> Iterator[Result]:
    n = given.predictor().n_features
    mask = np.random.default_rng(1).permutation(n) < n // 4
    noise = exact_keep_masks(n, keep_probability=0.25, draws=64, rng=np.random.default_rng(0))
    for n_samples in (QUICK_SAMPLES,) if quick else SAMPLES:

        def soft(predictor: MaskedPredictor, n_samples: int = n_samples) -> None:
            certify_soft(predictor, mask, radius=RADIUS, n_samples=n_samples, rng=np.random.default_rng(0))

        result = _measure(f"certify_soft, N {n_samples}, {given.name}", given, soft, repeats)
        result.targets = {"ours / bare": LIMIT} if n_samples == max(SAMPLES) else {}
        yield result
    yield _measure(
        f"certify_hard, q {len(noise)}, {given.name}",
        given,
        lambda predictor: certify_hard(SmoothedPredictor(predictor, noise), mask, decremental=False),
        repeats,
    )
    draws = QUICK_SAMPLES if quick else LIME_SAMPLES
    yield _measure(
        f"lime, {draws} samples, {given.name}", given, lambda each: explain(each, "lime", n_samples=draws), repeats
    )


def _measure(name: str, given: Given, run: Run, repeats: int) -> Result:
    first = given.predictor()
    recording = _Recording(first)
    run(recording)
    masks = np.unique(recording.masks, axis=0)
    run(given.predictor())  # finds the size of batches
    passes = min((given.bare(masks, batch) for batch in BATCHES), key=_seconds)

    def prepare() -> ModelPredictor:
        predictor = given.predictor()
        _wait()
        return predictor

    sides = {"ours": Side(_finished(run), prepare), "bare": Side(lambda _: _forward_all(passes), _wait)}
    result = summary(name, interleaved(sides, repeats), {"ours / bare": ("ours", "bare")})
    result.counts = {"evaluations": first.evaluations, "bare evaluations": len(masks)}
    return result


def _seconds(passes: list[Callable[[], torch.Tensor]]) -> float:
    _forward_all(passes)  # loads kernels
    return min(seconds(Side(lambda _: _forward_all(passes), _wait)) for _ in range(2))


def _finished(run: Run) -> Run:
    def waited(predictor: MaskedPredictor) -> None:
        run(predictor)
        _wait()

    return waited


def _forward_all(passes: list[Callable[[], torch.Tensor]]) -> None:
    with torch.inference_mode():
        for forward in passes:
            forward().argmax(dim=-1)
        _wait()


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
