"""Tiny causal language models with random weights, their tokenizers, and what they answer by a plain computation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from tokenizers import processors

from stabcert.core.types import Features, Masks, Probs
from tests.tiny_models import save, seeded
from tests.tiny_tokenizers import byte_level_tokenizer

CHAT = (
    "{% for m in messages %}<s>{{ m['role'] }}: {{ m['content'] | trim }}</s>{% endfor %}"
    "{% if add_generation_prompt %}answer:\n{% endif %}"
)
ROTARY = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 48,
    "max_position_embeddings": 256,
}
FAMILIES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "gpt2": ("GPT2Config", "GPT2LMHeadModel", {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 256}),
    "llama": ("LlamaConfig", "LlamaForCausalLM", ROTARY),
    "qwen2": ("Qwen2Config", "Qwen2ForCausalLM", ROTARY),
}


def language_tokenizer(*, begins: bool) -> transformers.PreTrainedTokenizerFast:
    """Bytes, as GPT-2 has them; with ``begins``, a token ``<s>`` is put before every text, as Llama does."""
    tokenizer = byte_level_tokenizer(adds_special_tokens=False)
    if begins:
        backend = tokenizer._tokenizer
        backend.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
        tokenizer = transformers.PreTrainedTokenizerFast(
            tokenizer_object=backend,
            bos_token="<s>",
            eos_token="</s>",
            model_input_names=["input_ids", "attention_mask"],
        )
        tokenizer.chat_template = CHAT
    return tokenizer


def tiny_language_model(family: str, *, seed: int = 0) -> Any:
    """Large weights, so that random masks have varied answers."""
    config, network, sizes = FAMILIES[family]
    vocabulary = len(language_tokenizer(begins=False))
    given = {
        "initializer_range": 1.0 if family == "gpt2" else 0.6,
        "bos_token_id": 0,
        "eos_token_id": 2,
        "pad_token_id": None,
    }
    made = getattr(transformers, config)(vocab_size=vocabulary, **given, **sizes)
    return seeded(lambda: getattr(transformers, network)(made), seed)


def save_language_model(directory: Path, family: str, *, begins: bool = False, seed: int = 0) -> Path:
    return save(tiny_language_model(family, seed=seed), directory, language_tokenizer(begins=begins))


def plain_probabilities(
    network: Any, tokenizer: Any, prompt: str, text: str, features: Features, answers: Sequence[str], masks: Masks
) -> Probs:
    """Probabilities of answers token by token, one text at a time: no batch, no padding, no attention mask of 0.

    ``features`` has spans. A token belongs to the last feature that begins before the token's last character; tokens
    outside of the text always stay.
    """
    before, after = prompt.split("{input}")
    full = before + text + after
    encoded = tokenizer(full, return_offsets_mapping=True)
    ids = encoded["input_ids"]
    owners = []
    for start, end in encoded["offset_mapping"]:
        # The last character decides: only a space of the prompt comes before a word of the text in one token.
        place = end - 1 - len(before)
        inside = start < end and 0 <= place < len(text)
        begun = [number for number, one in enumerate(features.items) if one.span is not None and one.span[0] <= place]
        owners.append((begun or [0])[-1] if inside else None)
    rows = []
    for mask in masks:
        kept = [i for i, owner in enumerate(owners) if owner is None or mask[owner]]
        row = []
        for answer in answers:
            more = tokenizer(full + answer)["input_ids"][len(ids) :]
            tokens, places, total = [ids[i] for i in kept], list(kept), 0.0
            for token in more:
                with torch.no_grad():
                    logits = network(
                        torch.tensor([tokens]),
                        attention_mask=torch.ones(1, len(tokens), dtype=torch.int64),
                        position_ids=torch.tensor([places]),
                    ).logits
                total += float(logits[0, -1].double().log_softmax(-1)[token])
                tokens, places = [*tokens, token], [*places, places[-1] + 1]
            row.append(total)
        rows.append(row)
    return torch.tensor(rows, dtype=torch.float64).softmax(-1).numpy()


def masks_of(n: int, count: int = 20) -> Masks:
    masks = np.random.default_rng(0).random((count, n)) < 0.5
    masks[0], masks[1] = False, True
    return masks
