"""Every family of classifiers of texts against its documented function, one mask at a time, in plain transformers."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from stabcert.core.types import Masks
from stabcert.errors import ModelError
from stabcert.models.base import ModelPredictor
from stabcert.models.neighbours import shifted
from stabcert.models.removal_probe import removal_at_load
from stabcert.models.text import MaskedText
from tests.models.text_families import FAMILIES, documented, table

CPU = torch.device("cpu")
TEXT = "the movie was not good, the film was great"
QUICK = ("gpt2", "llama", "bart")
EVERY = [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in FAMILIES]
every_family = pytest.mark.parametrize("name", EVERY)


@cache
def network(name: str) -> transformers.PreTrainedModel:
    return FAMILIES[name].network()


@cache
def predictor(name: str, text: str = TEXT) -> ModelPredictor:
    module, tokenizer = network(name), FAMILIES[name].tokenizer
    removes, leftover = removal_at_load(module, tokenizer, CPU)
    masked = MaskedText(
        module,
        tokenizer,
        text,
        features="token",
        removes_tokens=removes,
        leftover=leftover,
        device=CPU,
        dtype=torch.float32,
    )
    return ModelPredictor(masked, ("a", "b", "c"), device=CPU)


def twenty_masks(n_features: int) -> Masks:
    """Return all features, none, the last one alone, all but the last one, and random ones of all sizes."""
    rng = np.random.default_rng(1)
    masks = rng.random((20, n_features)) < rng.random((20, 1))
    masks[:2] = [[True], [False]]
    masks[2:4] = np.arange(n_features) == n_features - 1
    masks[3] = ~masks[3]
    return masks


def expected(name: str, text: str, masks: Masks, noise: torch.Tensor | None = None) -> np.ndarray:
    family = FAMILIES[name]
    encoded = family.tokenizer(text, return_special_tokens_mask=True)
    ids, special = np.array(encoded["input_ids"]), np.array(encoded["special_tokens_mask"], dtype=bool)
    rows = []
    for mask in masks:
        keep = special.copy()
        keep[~special] = mask
        rows.append(documented(family, network(name), ids, keep, noise).double().softmax(-1).numpy())
    return np.array(rows)


def test_the_table_of_the_readme_is_this_matrix() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    assert f"| classifiers | removal | gradients |\n|---|---|---|\n{table()}\n" in readme


@every_family
def test_the_probabilities_are_those_of_the_documented_function_in(name: str) -> None:
    asked = predictor(name)
    masks = twenty_masks(asked.n_features)
    function = expected(name, TEXT, masks)
    assert len(set(function.argmax(axis=1))) > 1
    np.testing.assert_allclose(asked(masks), function, atol=2e-5)
    with torch.inference_mode():  # rows of all lengths jointly, in another order
        jointly = asked.masked_input.logits(masks[::-1]).double().softmax(-1).numpy()
    np.testing.assert_allclose(jointly[::-1], function, atol=2e-5)
    settings = asked.masked_input.settings
    assert settings["removal"] == FAMILIES[name].removal
    assert ("empty_text" in settings) == (FAMILIES[name].tokens == "none")


@every_family
def test_gradients_and_neighbours_classify_by_the_right_token_in(name: str) -> None:
    asked = predictor(name)
    masked, module = asked.masked_input, network(name)
    if not FAMILIES[name].gradients:
        with pytest.raises(ModelError, match="has neither gradients"):
            masked.logits_at(masked.point)
        return
    point: Any = masked.point.clone().requires_grad_(True)
    near = shifted(asked, torch.zeros_like(masked.point))
    masks = twenty_masks(asked.n_features)
    np.testing.assert_allclose(near(masks), asked(masks), atol=2e-5)
    if not module.config.is_encoder_decoder and name != "xlnet":
        noise = 0.3 * torch.randn(masked.point.shape, generator=torch.Generator().manual_seed(0))
        np.testing.assert_allclose(shifted(asked, noise)(masks), expected(name, TEXT, masks, noise), atol=5e-5)
    found = torch.autograd.grad(masked.logits_at(torch.cat([0.9 * point, point]))[1, 0], point)[0]
    inputs = {"attention_mask": torch.ones(1, point.shape[1], dtype=torch.long)}
    if FAMILIES[name].first_position:
        inputs["position_ids"] = FAMILIES[name].first_position + torch.arange(point.shape[1])[None]
    plain = of_embeddings(module, point, inputs)
    torch.testing.assert_close(
        found, torch.autograd.grad(plain, point)[0], rtol=1e-3, atol=1e-5 * float(found.abs().max())
    )


def of_embeddings(module: Any, point: torch.Tensor, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
    """The first logit of embeddings; in an encoder-decoder the decoder reads them one place later."""
    if not module.config.is_encoder_decoder:
        logit: torch.Tensor = module(inputs_embeds=point, **inputs).logits[0, 0]
        return logit
    ids = torch.tensor([[0 if module.config.model_type == "t5" else 2]])
    start = module.get_input_embeddings()(ids).detach()
    later = torch.cat([start, point[:, :-1]], dim=1)
    states = module.base_model(inputs_embeds=point, decoder_inputs_embeds=later, **inputs).last_hidden_state
    of_head: torch.Tensor = module.classification_head(states[:, -1])[0, 0]
    return of_head


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_a_long_text_of_padded_rows_in(name: str) -> None:
    """Rows of more than 31 tokens are padded to common lengths."""
    text = " ".join([TEXT] * 8)[:180] if FAMILIES[name].tokens in ("bert", "first", "last") else TEXT + " " + TEXT
    asked = predictor(name, text)
    masks = twenty_masks(asked.n_features) | (np.random.default_rng(3).random((20, asked.n_features)) < 0.7)
    np.testing.assert_allclose(asked(masks), expected(name, text, masks), atol=2e-5)
