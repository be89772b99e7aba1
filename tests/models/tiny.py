"""Tiny text classifiers with random weights and their tokenizers, all made in memory.

The weights are large on purpose (``initializer_range``): a wrong position or a token that leaks
then changes the logits visibly.
"""

from __future__ import annotations

import string
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

POSITIONS = 96
_WORDS = ("the", "movie", "was", "good", "bad", "not", "great", "a", "film", "un", "##believ", "##able", "##s", "##ing")


def wordpiece_tokenizer(*, model_max_length: int = POSITIONS) -> PreTrainedTokenizerFast:
    """BERT-like: lower case, ``[CLS] text [SEP]``, unknown characters are ``[UNK]``."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    characters = string.ascii_lowercase + string.digits + string.punctuation
    pieces = [*characters, *("##" + character for character in string.ascii_lowercase + string.digits), *_WORDS]
    vocabulary = {piece: index for index, piece in enumerate(dict.fromkeys([*special, *pieces]))}
    backend = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer()
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.decoder = decoders.WordPiece()
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0",
        pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_max_length=model_max_length,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )


def byte_level_tokenizer(*, adds_special_tokens: bool = True) -> PreTrainedTokenizerFast:
    """RoBERTa-like bytes: ``<s> text </s>``; without special tokens it is like GPT-2's, with ``</s>`` only."""
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    merges = [("Ġ", "g"), ("o", "o"), ("Ġg", "oo"), ("Ġgoo", "d"), ("b", "a"), ("ba", "d"), ("Ġ", "a")]
    pieces = [*special, *sorted(pre_tokenizers.ByteLevel.alphabet()), *("".join(merge) for merge in merges)]
    backend = Tokenizer(models.BPE({piece: index for index, piece in enumerate(pieces)}, merges))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    if not adds_special_tokens:
        return PreTrainedTokenizerFast(
            tokenizer_object=backend,
            eos_token="</s>",
            unk_token="</s>",
            model_input_names=["input_ids", "attention_mask"],
        )
    backend.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token="<s>",
        cls_token="<s>",
        eos_token="</s>",
        sep_token="</s>",
        unk_token="<unk>",
        pad_token="<pad>",
        mask_token="<mask>",
        model_input_names=["input_ids", "attention_mask"],
    )


_SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}
_DISENTANGLED = {
    **_SIZES,
    "relative_attention": True,
    "pos_att_type": ["c2p", "p2c"],
    "max_relative_positions": -1,
    "type_vocab_size": 0,
    "pooler_hidden_size": 32,
}
_BYTE_LEVEL = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}

FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "bert": ("Bert", _SIZES),
    "roberta": ("Roberta", {**_SIZES, **_BYTE_LEVEL, "type_vocab_size": 1}),
    "xlm-roberta": ("XLMRoberta", {**_SIZES, **_BYTE_LEVEL, "type_vocab_size": 1}),
    "camembert": ("Camembert", {**_SIZES, **_BYTE_LEVEL, "type_vocab_size": 1}),
    "distilbert": ("DistilBert", {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 48}),
    "electra": ("Electra", {**_SIZES, "embedding_size": 24}),
    "albert": ("Albert", {**_SIZES, "embedding_size": 24}),
    "mpnet": ("MPNet", {**_SIZES, **_BYTE_LEVEL}),
    "deberta": ("Deberta", {**_DISENTANGLED, "position_biased_input": True}),
    "deberta-v2": ("DebertaV2", {**_DISENTANGLED, "position_biased_input": True}),
    "deberta-v3": (
        "DebertaV2",
        {
            **_DISENTANGLED,
            "position_biased_input": False,
            "position_buckets": 16,
            "share_att_key": True,
            "norm_rel_ebd": "layer_norm",
        },
    ),
    "modernbert": (
        "ModernBert",
        {
            **_SIZES,
            "local_attention": 16,
            "global_attn_every_n_layers": 3,
            "attn_implementation": "sdpa",
            "initializer_cutoff_factor": 2.0,
            **dict.fromkeys(("cls_token_id", "bos_token_id"), 2),
            **dict.fromkeys(("sep_token_id", "eos_token_id"), 3),
        },
    ),
    "fnet": ("FNet", {**_SIZES, "type_vocab_size": 2}),
    "gpt2": ("GPT2", {"n_embd": 32, "n_layer": 2, "n_head": 4, "bos_token_id": 2, "eos_token_id": 2}),
    "bart": (
        "Bart",
        {
            **_BYTE_LEVEL,
            "d_model": 32,
            "encoder_layers": 1,
            "decoder_layers": 1,
            "encoder_attention_heads": 4,
            "decoder_attention_heads": 4,
            "encoder_ffn_dim": 48,
            "decoder_ffn_dim": 48,
            "decoder_start_token_id": 2,
            "forced_eos_token_id": 2,
        },
    ),
}
SPECIAL_FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    # Sparse attention from 29 tokens on.
    "bigbird": ("BigBird", {**_SIZES, "attention_type": "block_sparse", "block_size": 4, "num_random_blocks": 1}),
    "longformer": ("Longformer", {**_SIZES, **_BYTE_LEVEL, "attention_window": 8, "type_vocab_size": 1}),
    "reformer": (
        "Reformer",
        {
            "attention_head_size": 8,
            "hidden_size": 32,
            "num_attention_heads": 4,
            "feed_forward_size": 48,
            "axial_pos_shape": [8, POSITIONS // 8],
            "axial_pos_embds_dim": [16, 16],
            "axial_norm_std": 0.5,
            "is_decoder": False,
            "attn_layers": ["local", "lsh"],
            "lsh_attn_chunk_length": 16,
            "local_attn_chunk_length": 16,
            "num_buckets": None,
            "hash_seed": 0,
            "eos_token_id": 3,
        },
    ),
    "perceiver": (
        "Perceiver",
        {
            "num_latents": 8,
            "d_latents": 16,
            "d_model": 16,
            "num_blocks": 1,
            "num_self_attends_per_block": 2,
            "num_self_attention_heads": 2,
            "num_cross_attention_heads": 2,
        },
    ),
    "esm": ("Esm", {**_SIZES, "mask_token_id": 4, "token_dropout": True, "position_embedding_type": "rotary"}),
    "xlnet": ("XLNet", {"d_model": 32, "n_layer": 2, "n_head": 4, "d_inner": 48}),
    "llama": ("Llama", _SIZES),
    "mixtral": ("Mixtral", {**_SIZES, "num_key_value_heads": 2, "num_local_experts": 2}),
    "llama-without-padding": ("Llama", {**_SIZES, "pad_token_id": None}),
    "gpt2-with-padding": ("GPT2", {"n_embd": 32, "n_layer": 2, "n_head": 4, "bos_token_id": 2, "eos_token_id": 3}),
    "t5": (
        "T5",
        {
            **_BYTE_LEVEL,
            "d_model": 32,
            "d_kv": 8,
            "d_ff": 48,
            "num_layers": 1,
            "num_heads": 4,
            "decoder_start_token_id": 1,
        },
    ),
}
"""Networks that change themselves, classify by one position, or read their tokens in a way of their own."""
_BYTE_LEVEL_FAMILIES = ("roberta", "xlm-roberta", "camembert", "mpnet", "gpt2", "bart", "longformer", "t5")


def tiny_tokenizer(family: str) -> PreTrainedTokenizerFast:
    """The tokenizer that fits `tiny_network` of this family."""
    if family in _BYTE_LEVEL_FAMILIES:
        return byte_level_tokenizer(adds_special_tokens=family != "gpt2")
    return wordpiece_tokenizer()


def tiny_network(
    family: str,
    *,
    seed: int = 0,
    initializer_range: float = 0.5,
    n_classes: int = 3,
    n_tokens: int = POSITIONS,
    changes: dict[str, Any] | None = None,
) -> transformers.PreTrainedModel:
    """A random classifier of one of the families in eval mode, for texts of at most ``n_tokens`` tokens.

    ``changes`` are values of its configuration that differ from the family's.
    """
    name, options = (FAMILIES | SPECIAL_FAMILIES)[family]
    counted_from_padding = family in ("roberta", "xlm-roberta", "camembert", "mpnet", "longformer")
    config = getattr(transformers, f"{name}Config")(
        vocab_size=len(tiny_tokenizer(family)),
        num_labels=n_classes,
        **({} if family == "xlnet" else {"max_position_embeddings": n_tokens + 2 * counted_from_padding}),
        **{
            "init_std" if family == "bart" else "initializer_range": initializer_range,
            "pad_token_id": None if family == "gpt2" else 0,
            **options,
            **(changes or {}),
        },
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = getattr(transformers, f"{name}ForSequenceClassification")(config).eval()
        with torch.no_grad():
            # Position tables start at other scales in some families; here every one is to matter.
            for parameter_name, parameter in network.named_parameters():
                if "position_embeddings" in parameter_name or "relative_attention_bias" in parameter_name:
                    parameter.normal_(std=initializer_range)
    return network


def save_tiny_bert(directory: str | Path, *, seed: int = 0, n_classes: int = 3) -> Path:
    """Write a complete local model directory: configuration, safetensors, tokenizer."""
    network = tiny_network("bert", seed=seed, n_classes=n_classes)
    network.config.id2label = dict(enumerate(("negative", "neutral", "positive")[:n_classes]))
    network.config.label2id = {name: i for i, name in network.config.id2label.items()}
    network.save_pretrained(directory)
    wordpiece_tokenizer().save_pretrained(directory)
    return Path(directory)
