"""Language models of other families: what they answer about 20 masks, against the plain computation token by token."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import transformers

from tests.models.test_language_models import SEVERAL, TEXT, in_memory
from tests.tiny_language_models import ROTARY, language_tokenizer, masks_of, plain_probabilities
from tests.tiny_models import seeded

PROMPT = "Read the text and decide. Is it? {input}\n:"
POSITIONS_KEPT = "tokens removed, kept tokens keep their positions"
NEIGHBOURS = "tokens removed, kept tokens keep their position ids and become neighbours"
MOVED = "tokens removed, kept tokens move together"
_ROTARY = {**ROTARY, "initializer_range": 0.6}
_HEADS = {**_ROTARY, "head_dim": 8}
_OPT = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "ffn_dim": 48, "word_embed_proj_dim": 32}
_NEOX = {name: value for name, value in _ROTARY.items() if name != "num_key_value_heads"}
FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "GPTNeoX": (POSITIONS_KEPT, _NEOX),
    "Mixtral": (POSITIONS_KEPT, {**_ROTARY, "num_local_experts": 2}),
    "Gemma": (POSITIONS_KEPT, _HEADS),
    "Gemma2": (POSITIONS_KEPT, _HEADS),
    "Qwen3": (POSITIONS_KEPT, _HEADS),
    "Phi3": (POSITIONS_KEPT, _ROTARY),
    "Cohere": (POSITIONS_KEPT, _ROTARY),
    "Olmo2": (POSITIONS_KEPT, _ROTARY),
    "OPT": (POSITIONS_KEPT, {**_OPT, "init_std": 0.6, "max_position_embeddings": 256, "pad_token_id": 1}),
    "Mistral": (NEIGHBOURS, {**_ROTARY, "sliding_window": 8}),
    "Bloom": (MOVED, {"hidden_size": 32, "n_layer": 2, "n_head": 4, "initializer_range": 0.6}),
}


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_probabilities_equal_a_computation_token_by_token(family: str) -> None:
    removal, sizes = FAMILIES[family]
    tokenizer = language_tokenizer(begins=True)
    given = {"vocab_size": len(tokenizer), "bos_token_id": 0, "eos_token_id": 2, "pad_token_id": None, **sizes}
    config = getattr(transformers, f"{family}Config")(**given)
    network = seeded(lambda: getattr(transformers, f"{family}ForCausalLM")(config))
    predictor = in_memory(network, tokenizer, SEVERAL, PROMPT).predictor(TEXT)
    masks = masks_of(predictor.n_features)
    found = predictor(masks)
    assert predictor.masked_input.settings["removal"] == removal
    assert np.log(found).std(axis=0).max() > 0.01

    def counted(ids: torch.Tensor, *, attention_mask: torch.Tensor, position_ids: torch.Tensor) -> Any:
        return network(ids, attention_mask=attention_mask)

    answers = [f" {answer}" for answer in SEVERAL]
    plain = counted if removal == MOVED else network
    expected = plain_probabilities(plain, tokenizer, PROMPT, TEXT, predictor.features, answers, masks)
    np.testing.assert_allclose(np.log(found), np.log(expected), atol=1e-3)  # small probabilities count as well
    np.testing.assert_allclose(predictor.alone(masks), found, atol=1e-5)
