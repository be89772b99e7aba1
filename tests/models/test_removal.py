"""Batches of kept tokens, and what is refused or noted where an attention mask does not hide dropped tokens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from stabcert.core.decisions import decide
from stabcert.errors import ParameterError
from stabcert.models.base import ModelPredictor
from stabcert.models.hub import load_model
from stabcert.models.networks import TextNetwork, place
from stabcert.models.removal import kept_batch, unused_id
from stabcert.models.removal_probe import NoRemoval, probe_removal, removal_at_load
from stabcert.models.text import MaskedText
from tests.models.text_families import FAMILIES, documented
from tests.tiny_models import save

CPU = torch.device("cpu")
IDS = np.array([11, 12, 13, 14], dtype=np.int64)
KEEP = np.array([[1, 0, 1, 0], [1, 1, 1, 1], [0, 0, 0, 0], [0, 0, 0, 1]], dtype=bool)


def test_kept_tokens_keep_order_and_positions_and_padding_follows_them() -> None:
    batch = kept_batch(IDS, KEEP, filler=0, empty=9, width=5)
    assert batch.ids.tolist() == [[11, 13, 0, 0, 0], [11, 12, 13, 14, 0], [9, 0, 0, 0, 0], [14, 0, 0, 0, 0]]
    assert batch.attention_mask.tolist() == (batch.ids != 0).astype(int).tolist()
    kept = batch.attention_mask.astype(bool)
    assert batch.position_ids[kept].tolist() == [0, 2, 0, 1, 2, 3, 0, 3]
    assert batch.last.tolist() == [1, 3, 0, 0]
    assert batch.lengths.tolist() == [2, 4, 1, 1]
    moved = kept_batch(IDS, KEEP, filler=0, empty=9, positions=np.array([2, 3, 4, 5]))
    assert moved.ids.shape == (4, 4)
    assert moved.position_ids[moved.attention_mask.astype(bool)].tolist() == [2, 4, 2, 3, 4, 5, 2, 5]


def test_a_row_without_tokens_and_a_width_below_its_row_are_refused() -> None:
    with pytest.raises(ValueError, match="empty="):
        kept_batch(IDS, KEEP, filler=0)
    with pytest.raises(ValueError, match="width must be 4 or more, got 3"):
        kept_batch(IDS, KEEP, filler=0, empty=9, width=3)


def test_an_unused_id_is_the_preferred_one_or_the_smallest() -> None:
    assert unused_id(IDS, 5) == 5
    assert unused_id(np.array([0, 1, 3]), 3) == 2
    assert unused_id(IDS) == 0


def test_without_an_end_of_text_token_the_empty_text_is_refused() -> None:
    family = FAMILIES["gpt2"]
    network, tokenizer = family.network(), family.tokenizer
    tokenizer.eos_token = None
    found = probe_removal(network, tokenizer, CPU)
    assert isinstance(found, NoRemoval)
    options: dict[str, Any] = {"removes_tokens": False, "leftover": found, "device": CPU, "dtype": torch.float32}
    with pytest.raises(ParameterError, match=r"nor an end-of-text token.*Use baseline='unk'"):
        MaskedText(network, tokenizer, "good", **options)


_ROTATION = {"rope_type": "longrope", "rope_theta": 10000.0, "short_factor": [1.0] * 4, "long_factor": [4.0] * 4}


def test_frequencies_that_depend_on_the_longest_text_of_a_batch_are_refused() -> None:
    """Rotary positions of a network for long texts: other frequencies for a whole batch if one text is long."""
    family, tokenizer = FAMILIES["llama"], FAMILIES["llama"].tokenizer
    tokenizer.model_max_length = 1100

    def network(longest_short: int) -> Any:
        rotation = {**_ROTATION, "original_max_position_embeddings": longest_short, "factor": 4.0}
        return family.network(max_position_embeddings=1100, rope_parameters=rotation)

    _, found = removal_at_load(network(100), tokenizer, CPU)
    assert isinstance(found, NoRemoval)
    module = network(520)
    _, leftover = removal_at_load(module, tokenizer, CPU)
    options: dict[str, Any] = {"removes_tokens": False, "leftover": leftover, "device": CPU, "dtype": torch.float32}
    assert MaskedText(module, tokenizer, "a " * 500, **options).kept_only
    with pytest.raises(ParameterError, match=r"in another way beside one of 601 tokens.*Use baseline='mask"):
        MaskedText(module, tokenizer, "a " * 600, **options)


class Mixing(torch.nn.Module):
    """Adds the logits of the row on the other side of the batch."""

    def forward(self, logits: torch.Tensor) -> torch.Tensor:
        return logits + logits.flip(0)


def test_a_network_that_reads_the_rest_of_its_batch_is_refused() -> None:
    family = FAMILIES["llama"]
    network = family.network()
    network.score = torch.nn.Sequential(network.score, Mixing())
    removes, found = removal_at_load(network, family.tokenizer, CPU)
    assert not removes
    assert isinstance(found, NoRemoval)
    assert "other texts in its batch" in found.reason


def test_positions_that_do_not_act_are_not_passed() -> None:
    """The network accepts position ids and counts itself."""
    family = FAMILIES["llama"]
    network = family.network()
    forward = network.model.forward
    network.model.forward = lambda *given, **named: forward(*given, **{**named, "position_ids": None})
    _, found = removal_at_load(network, family.tokenizer, CPU)
    assert found is not None
    assert not isinstance(found, NoRemoval)
    assert (found.name, found.passes_positions) == ("tokens removed, kept tokens move together", False)


def test_the_way_is_noted_when_the_model_is_loaded_and_named_by_the_settings(tmp_path: Path) -> None:
    family = FAMILIES["gpt2"]
    loaded = load_model(str(save(family.network(), tmp_path, family.tokenizer)), device="cpu")
    (note,) = loaded.notes
    assert "(tokens removed, kept tokens keep their positions)" in note
    assert note.endswith("a text without any word is the one token </s>")
    settings = loaded.predictor("the movie").masked_input.settings
    assert settings["removal"] == "tokens removed, kept tokens keep their positions"
    assert settings["empty_text"] == "</s>"
    assert "empty_text" not in loaded.predictor("the movie", baseline="unk").masked_input.settings
    pair = loaded.predictor("the movie", text_pair=" good", explain_side="second").masked_input
    assert "empty_text" not in pair.settings


@pytest.mark.parametrize("name", ["gpt2", "llama"])
def test_near_ties_are_settled_in_float64_where_the_network_computes_in_it(name: str) -> None:
    family = FAMILIES[name]
    network = family.network()
    loaded = TextNetwork(network, family.tokenizer, *removal_at_load(network, family.tokenizer, CPU))
    torch.nn.init.zeros_(network.score.weight)
    masked = MaskedText(
        network,
        family.tokenizer,
        "the movie was not good",
        removes_tokens=loaded.removes_tokens,
        leftover=loaded.leftover,
        in_float64=lambda: loaded.module_in_float64,
        device=CPU,
        dtype=torch.float32,
    )
    predictor = ModelPredictor(masked, ("a", "b", "c"), device=CPU)
    decisions = decide(predictor, np.eye(predictor.n_features, dtype=bool))
    assert decisions.near_tie.all()
    # A Llama normalises in float32 whatever the type of its weights.
    exact = name == "gpt2"
    assert predictor.rechecked == exact * predictor.n_features
    assert (predictor.decision_tolerance < 1e-6) == exact


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gpt2", "llama-no-padding", "bart", "t5"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_half_precision_is_the_documented_function_in_half_precision(name: str, dtype: torch.dtype) -> None:
    family = FAMILIES[name]
    network = family.network()
    place(name, network, CPU, dtype, channels_last=False)
    removes, leftover = removal_at_load(network, family.tokenizer, CPU)
    assert {parameter.dtype for parameter in network.parameters()} <= {dtype, torch.float32}
    text = "the movie was good"
    options: dict[str, Any] = {"features": "token", "removes_tokens": removes, "leftover": leftover}
    masked = MaskedText(network, family.tokenizer, text, device=CPU, dtype=dtype, **options)
    predictor = ModelPredictor(masked, ("a", "b", "c"), device=CPU, dtype=dtype)
    assert masked.settings["removal"] == family.removal
    masks = np.random.default_rng(0).random((12, predictor.n_features)) < 0.5
    encoded = family.tokenizer(text, return_special_tokens_mask=True)
    ids, special = np.array(encoded["input_ids"]), np.array(encoded["special_tokens_mask"], dtype=bool)
    rows = []
    for mask in masks:
        keep = special.copy()
        keep[~special] = mask
        rows.append(documented(family, network, ids, keep).double().log_softmax(-1).numpy())
    np.testing.assert_allclose(np.log(predictor(masks)), rows, atol=0.3)


def test_a_text_longer_than_the_probe_is_described_by_what_is_certain_of_it() -> None:
    family = FAMILIES["llama"]
    network = family.network(max_position_embeddings=600)
    tokenizer = family.tokenizer
    tokenizer.model_max_length = 600
    removes, leftover = removal_at_load(network, tokenizer, CPU)
    options: dict[str, Any] = {"removes_tokens": removes, "leftover": leftover, "device": CPU, "dtype": torch.float32}
    found = [MaskedText(network, tokenizer, "a " * n, **options).settings["removal"] for n in (511, 512)]
    assert found == [
        "tokens removed, kept tokens keep their positions",
        "tokens removed, kept tokens keep their position ids and become neighbours",
    ]


@pytest.mark.parametrize("padding", [-1, pytest.param(100_000, marks=pytest.mark.slow)])
def test_a_padding_id_that_is_not_a_token_is_like_none(padding: int) -> None:
    family = FAMILIES["llama"]
    network = family.network(pad_token_id=None)
    expected = predictor_of(network, "the movie was not good")
    network.config.pad_token_id = padding
    found = predictor_of(network, "the movie was not good")
    masks = np.random.default_rng(0).random((12, expected.n_features)) < 0.5
    np.testing.assert_allclose(found(masks), expected(masks), atol=1e-6)
    assert network.config.pad_token_id == padding


def test_a_typed_padding_token_is_not_classified_by_as_in_transformers() -> None:
    """GPT-2 whose padding is the end of text: it classifies by the last token that is not padding."""
    family = FAMILIES["gpt2-padding"]
    network, tokenizer = family.network(), family.tokenizer
    predictor = predictor_of(network, "good film</s>", "gpt2-padding")
    ids = np.array(tokenizer("good film</s>")["input_ids"])
    assert ids[-1] == network.config.pad_token_id
    masks = np.random.default_rng(0).random((20, len(ids))) < 0.7
    masks[0], masks[1] = True, np.arange(len(ids)) == len(ids) - 1
    rows = [documented(family, network, ids, mask).double().softmax(-1).numpy() for mask in masks]
    np.testing.assert_allclose(predictor(masks), rows, atol=2e-5)


@pytest.mark.parametrize("name", ["bart", "t5"])
def test_a_typed_end_of_text_is_read_as_by_transformers_with_any_others_in_the_batch(name: str) -> None:
    family = FAMILIES[name]
    network, tokenizer = family.network(), family.tokenizer
    end = tokenizer.convert_ids_to_tokens(network.config.eos_token_id)
    predictor = predictor_of(network, f"good {end} film", name)
    encoded = tokenizer(f"good {end} film", return_special_tokens_mask=True)
    ids, special = np.array(encoded["input_ids"]), np.array(encoded["special_tokens_mask"], dtype=bool)
    assert (ids[~special] == network.config.eos_token_id).any()
    masks = np.random.default_rng(0).random((12, predictor.n_features)) < 0.6
    rows = []
    for mask in masks:
        keep = special.copy()
        keep[~special] = mask
        rows.append(documented(family, network, ids, keep).double().softmax(-1).numpy())
    np.testing.assert_allclose(predictor(masks), rows, atol=2e-5)


def predictor_of(network: Any, text: str, name: str = "llama") -> ModelPredictor:
    tokenizer = FAMILIES[name].tokenizer
    removes, leftover = removal_at_load(network, tokenizer, CPU)
    options: dict[str, Any] = {"removes_tokens": removes, "leftover": leftover, "device": CPU, "dtype": torch.float32}
    return ModelPredictor(
        MaskedText(network, tokenizer, text, features="token", **options), ("a", "b", "c"), device=CPU
    )
