"""Families of classifiers of texts, one tiny network and tokenizer each, and the documented function of each one.

`documented` computes the function in plain transformers, one mask at a time. It imports nothing of stabcert.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from tokenizers import processors

from tests.tiny_tokenizers import POSITIONS, byte_level_tokenizer, wordpiece_tokenizer

HIDDEN = "attention mask"
REMOVED = "tokens removed"
KEPT = "tokens removed, kept tokens keep their positions"
CLOSE_UP = "tokens removed, kept tokens keep their position ids and become neighbours"
TOGETHER = "tokens removed, kept tokens move together"

_SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}
_GPT2 = {"n_embd": 32, "n_layer": 2, "n_head": 4, "bos_token_id": 2, "eos_token_id": 2}
_SEQ2SEQ = {
    "d_model": 32,
    "encoder_layers": 1,
    "decoder_layers": 1,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 48,
    "decoder_ffn_dim": 48,
    "pad_token_id": 1,
    "bos_token_id": 0,
    "eos_token_id": 2,
    "decoder_start_token_id": 2,
    "forced_eos_token_id": 2,
}
_PERCEIVER = {
    "num_latents": 8,
    "d_latents": 16,
    "d_model": 16,
    "num_blocks": 1,
    "num_self_attends_per_block": 2,
    "num_self_attention_heads": 2,
    "num_cross_attention_heads": 2,
}
_T5 = {"d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 1, "num_heads": 4}
_OF_ROBERTA = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, "type_vocab_size": 1}
_DISENTANGLED = {
    "relative_attention": True,
    "pos_att_type": ["c2p", "p2c"],
    "max_relative_positions": -1,
    "type_vocab_size": 0,
    "pooler_hidden_size": 32,
    "position_biased_input": False,
    "position_buckets": 16,
    "share_att_key": True,
    "norm_rel_ebd": "layer_norm",
}


@dataclass(frozen=True)
class Family:
    """One row of the matrix."""

    label: str
    """Its name in the README."""
    prefix: str
    """Beginning of the names of its classes in transformers."""
    removal: str
    """The function, as records name it."""
    tokens: str = "bert"
    """Special tokens that its tokenizer adds: as ``bert``, ``bytes`` (RoBERTa), ``first`` only, ``last`` only or
    ``none``."""
    gradients: bool = True
    options: dict[str, Any] = field(default_factory=dict)
    first_position: int = 0
    """Position id of the first token."""

    @property
    def tokenizer(self) -> transformers.PreTrainedTokenizerFast:
        if self.tokens in ("bytes", "none"):
            return byte_level_tokenizer(adds_special_tokens=self.tokens == "bytes")
        made = wordpiece_tokenizer()
        if self.tokens != "bert":
            form = {"first": "[CLS] $A", "last": "$A [SEP]"}[self.tokens]
            special = [("[CLS]", 2), ("[SEP]", 3)]
            made.backend_tokenizer.post_processor = processors.TemplateProcessing(single=form, special_tokens=special)
            made.model_input_names = ["input_ids", "attention_mask"]
            made.add_special_tokens({"bos_token": "[CLS]", "eos_token": "[SEP]"})
        return made

    def network(self, **changes: Any) -> transformers.PreTrainedModel:
        """A network in eval mode whose class varies over masks."""
        common = {"vocab_size": len(self.tokenizer), "num_labels": 3, "pad_token_id": 0, "initializer_range": 0.5}
        if self.prefix not in ("XLNet", "T5"):
            common["max_position_embeddings"] = POSITIONS + 2 * (self.first_position > 0)
        if self.prefix in ("Bart", "MBart"):
            common["init_std"] = 0.5
        config = getattr(transformers, f"{self.prefix}Config")(**{**common, **self.options, **changes})
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            network = getattr(transformers, f"{self.prefix}ForSequenceClassification")(config).eval()
            _vary(self, network)
        return network


def _decoder(label: str, prefix: str, **options: Any) -> Family:
    return Family(label, prefix, KEPT, "first", options={**_SIZES, **options})


FAMILIES = {
    "bert": Family("BERT", "Bert", REMOVED, options=_SIZES),
    "roberta": Family("RoBERTa", "Roberta", REMOVED, "bytes", options={**_SIZES, **_OF_ROBERTA}, first_position=2),
    "distilbert": Family(
        "DistilBERT", "DistilBert", REMOVED, options={"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 48}
    ),
    "electra": Family("ELECTRA", "Electra", REMOVED, options={**_SIZES, "embedding_size": 24}),
    "albert": Family("ALBERT", "Albert", REMOVED, options={**_SIZES, "embedding_size": 24}),
    "deberta-v2": Family("DeBERTa-v2", "DebertaV2", HIDDEN, options={**_SIZES, **_DISENTANGLED}),
    "mpnet": Family("MPNet", "MPNet", HIDDEN, "bytes", options={**_SIZES, **_OF_ROBERTA}, first_position=2),
    "xlnet": Family("XLNet", "XLNet", HIDDEN, options={"d_model": 32, "n_layer": 2, "n_head": 4, "d_inner": 48}),
    "perceiver": Family("Perceiver", "Perceiver", HIDDEN, gradients=False, options=_PERCEIVER),
    "gpt2": Family("GPT-2", "GPT2", KEPT, "none", options={**_GPT2, "pad_token_id": None}),
    "gpt2-padding": Family("GPT-2", "GPT2", KEPT, "none", options={**_GPT2, "pad_token_id": 2}),
    "gpt-neo": Family(
        "GPT-Neo",
        "GPTNeo",
        KEPT,
        "none",
        options={
            "hidden_size": 32,
            "num_layers": 2,
            "num_heads": 4,
            "intermediate_size": 48,
            "pad_token_id": 2,
            "attention_types": [[["global", "local"], 1]],
        },
    ),
    "gpt-neox": Family(
        "GPT-NeoX", "GPTNeoX", KEPT, "none", options={**_SIZES, "rotary_pct": 1.0, "pad_token_id": None}
    ),
    "gptj": Family("GPT-J", "GPTJ", KEPT, "none", options={**_GPT2, "rotary_dim": 8, "pad_token_id": 2}),
    "llama": _decoder("Llama", "Llama"),
    "llama-no-padding": _decoder("Llama", "Llama", pad_token_id=None),
    "mistral": _decoder("Mistral", "Mistral", num_key_value_heads=2),
    "mistral-window": Family(
        "Mistral with a window",
        "Mistral",
        CLOSE_UP,
        "first",
        options={**_SIZES, "num_key_value_heads": 2, "sliding_window": 4},
    ),
    "mixtral": _decoder("Mixtral", "Mixtral", num_key_value_heads=2, num_local_experts=2),
    "qwen2": Family("Qwen2", "Qwen2", KEPT, "none", options={**_SIZES, "num_key_value_heads": 2, "pad_token_id": 2}),
    "qwen3": Family(
        "Qwen3",
        "Qwen3",
        KEPT,
        "none",
        options={**_SIZES, "num_key_value_heads": 2, "head_dim": 8, "pad_token_id": None},
    ),
    "gemma": _decoder("Gemma", "Gemma", num_key_value_heads=2, head_dim=8),
    "gemma2": _decoder("Gemma 2", "Gemma2", num_key_value_heads=2, head_dim=8, query_pre_attn_scalar=8),
    "gemma3": _decoder("Gemma 3", "Gemma3Text", num_key_value_heads=2, head_dim=8, query_pre_attn_scalar=8),
    "phi": Family("Phi", "Phi", KEPT, "none", options={**_SIZES, "partial_rotary_factor": 0.5, "pad_token_id": None}),
    "phi3": _decoder("Phi-3", "Phi3", eos_token_id=3),
    "stablelm": Family(
        "StableLM",
        "StableLm",
        KEPT,
        "none",
        options={
            **_SIZES,
            "num_attention_heads": 2,
            "num_key_value_heads": 2,
            "partial_rotary_factor": 0.5,
            "pad_token_id": None,
        },
    ),
    "opt": Family(
        "OPT",
        "OPT",
        KEPT,
        "first",
        options={
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "ffn_dim": 48,
            "word_embed_proj_dim": 32,
            "init_std": 0.5,
        },
    ),
    "biogpt": Family("BioGPT", "BioGpt", KEPT, "first", options=_SIZES),
    "falcon": Family("Falcon", "Falcon", TOGETHER, "none", options={**_SIZES, "pad_token_id": 2}),
    "falcon-alibi": Family("Falcon", "Falcon", TOGETHER, "none", options={**_SIZES, "alibi": True, "pad_token_id": 2}),
    "bloom": Family(
        "Bloom", "Bloom", TOGETHER, "none", options={"hidden_size": 32, "n_layer": 2, "n_head": 4, "pad_token_id": 2}
    ),
    "mpt": Family(
        "MPT", "Mpt", TOGETHER, "none", options={"d_model": 32, "n_layers": 2, "n_heads": 4, "pad_token_id": None}
    ),
    "bart": Family("BART", "Bart", TOGETHER, "bytes", options=_SEQ2SEQ),
    "mbart": Family("mBART", "MBart", TOGETHER, "bytes", options=_SEQ2SEQ),
    "t5": Family(
        "T5",
        "T5",
        TOGETHER,
        "last",
        options={**_T5, "initializer_factor": 2.0, "eos_token_id": 3, "decoder_start_token_id": 0},
    ),
    "convbert": Family(
        "ConvBERT",
        "ConvBert",
        CLOSE_UP,
        options={**_SIZES, "embedding_size": 32, "conv_kernel_size": 3, "num_groups": 1, "head_ratio": 2},
    ),
    "mobilebert": Family(
        "MobileBERT",
        "MobileBert",
        CLOSE_UP,
        options={
            **_SIZES,
            "embedding_size": 32,
            "true_hidden_size": 32,
            "intra_bottleneck_size": 32,
            "normalization_type": "layer_norm",
        },
    ),
    "fnet": Family("FNet", "FNet", CLOSE_UP, options={**_SIZES, "type_vocab_size": 2}),
}


def table() -> str:
    """Rows of the README: families that share a function, in the order of `FAMILIES`."""
    rows: dict[tuple[str, bool], list[str]] = {}
    for family in FAMILIES.values():
        labels = rows.setdefault((family.removal, family.gradients), [])
        if family.label not in labels:
            labels.append(family.label)
    return "".join(
        f"| {', '.join(labels)} | {removal} | {'yes' if gradients else 'no'} |\n"
        for (removal, gradients), labels in rows.items()
    )


def documented(
    family: Family,
    network: transformers.PreTrainedModel,
    ids: NDArray[np.int64],
    keep: NDArray[np.bool_],
    noise: torch.Tensor | None = None,
) -> torch.Tensor:
    """Logits ``(n_classes,)`` for one mask of the tokens of one text, by one plain call of transformers.

    Args:
        ids: of the text with its special tokens.
        keep: one flag for each token.
        noise: ``(1, n_tokens, width)``, added to the embeddings of the tokens of the text.
    """
    inputs: dict[str, Any]
    if family.removal == HIDDEN:
        places = np.arange(len(ids))
        inputs = {"input_ids": torch.tensor(ids[None]), "attention_mask": torch.tensor(keep[None]).long()}
    else:
        end = family.tokenizer.eos_token_id
        kept, places = (ids[keep], np.flatnonzero(keep)) if keep.any() else (np.array([end]), np.array([0]))
        inputs = {"input_ids": torch.tensor(kept[None]), "attention_mask": torch.ones(1, len(kept), dtype=torch.long)}
        if family.removal != TOGETHER:
            inputs["position_ids"] = torch.tensor(places[None] + family.first_position)
    if noise is not None:
        if family.first_position:
            inputs["position_ids"] = torch.tensor(places[None] + family.first_position)
        moved = network.get_input_embeddings()(inputs.pop("input_ids"))
        inputs["inputs_embeds"] = moved + (noise[:, places] if keep.any() else 0)
    with torch.inference_mode():
        logits: torch.Tensor = network(**inputs).logits[0]
    return logits


def _vary(family: Family, network: transformers.PreTrainedModel) -> None:
    """Scale the head so that the logits vary over masks around 0, each with a deviation of 2."""
    head = [part for part in network.modules() if isinstance(part, torch.nn.Linear)][-1]
    seen: list[torch.Tensor] = []
    handle = head.register_forward_pre_hook(lambda _, given: seen.append(given[0].reshape(-1, given[0].shape[-1])[-1]))
    encoded = family.tokenizer("the movie was not good, the film was great", return_special_tokens_mask=True)
    ids, special = np.array(encoded["input_ids"]), np.array(encoded["special_tokens_mask"], dtype=bool)
    rng = np.random.default_rng(0)
    for share in (0.2, 0.5, 0.8):
        for _ in range(12):
            documented(family, network, ids, special | (rng.random(len(ids)) < share))
    handle.remove()
    states = torch.stack(seen).clone()
    with torch.no_grad():
        mean = states.mean(dim=0)
        weight = head.weight - torch.outer(head.weight @ mean, mean) / (mean @ mean)
        head.weight.copy_(weight * 2 / (states @ weight.T).std(dim=0)[:, None])
        if head.bias is not None:
            head.bias.zero_()
