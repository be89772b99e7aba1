"""Tiny networks with random weights, and directories of them: all text and image models of the tests are made here.

The weights are large on purpose (``initializer_range``): a wrong position or a token that leaks
then changes the logits visibly.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

from tests.models.tiny_images import CLASSES, SIDE, Network, picture
from tests.tiny_tokenizers import POSITIONS, tiny_tokenizer, word_tokenizer, wordpiece_tokenizer

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


def tiny_vit(dtype: torch.dtype = torch.float32) -> Network:
    """Patches of 8 pixels."""
    from transformers import ViTConfig, ViTForImageClassification

    config = ViTConfig(
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        image_size=SIDE,
        patch_size=8,
        num_labels=CLASSES,
        initializer_range=0.5,
    )
    return _logits(ViTForImageClassification, config, dtype)


def tiny_resnet(dtype: torch.dtype = torch.float32) -> Network:
    from transformers import ResNetConfig, ResNetForImageClassification

    config = ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic", num_labels=CLASSES)
    return _logits(ResNetForImageClassification, config, dtype)


def tiny_convnext(dtype: torch.dtype = torch.float32) -> Network:
    from transformers import ConvNextConfig, ConvNextForImageClassification

    config = ConvNextConfig(
        hidden_sizes=[8, 16], depths=[1, 1], num_stages=2, num_labels=CLASSES, layer_scale_init_value=1.0
    )
    return _logits(ConvNextForImageClassification, config, dtype)


def _logits(kind: Any, config: Any, dtype: torch.dtype) -> Network:
    # Random weights come from torch's global generator; its state is put back.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = kind(config).eval()
        head = [part for part in module.modules() if isinstance(part, torch.nn.Linear)][-1]
        # Logits of mean 0 and deviation 1/4 over masks: these then change the class of a random network.
        cells = (torch.rand(64, 1, 4, 4) < 0.5).repeat_interleave(SIDE // 4, 2).repeat_interleave(SIDE // 4, 3)
        pixels = torch.from_numpy(np.array(picture())).permute(2, 0, 1) / 64 - 2
        with torch.no_grad():
            deviation, mean = torch.std_mean(module(pixel_values=pixels * cells).logits, dim=0)
            head.weight /= 4 * deviation[:, None]
            head.bias -= mean
            head.bias /= 4 * deviation
    module.to(dtype)

    def logits(pixels: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = module(pixel_values=pixels).logits
        return result

    return logits


def seeded(make: Callable[[], Any], seed: int = 0) -> Any:
    """Make a network in eval mode; torch's global generator is put back."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make().eval()


def save(network: Any, directory: str | Path, *parts: Any, **options: Any) -> Path:
    """Write a network, and its tokenizer or image processor, as a local model directory."""
    transformers.utils.logging.disable_progress_bar()
    network.save_pretrained(directory, **options)
    transformers.utils.logging.enable_progress_bar()
    for part in parts:
        part.save_pretrained(directory)
    return Path(directory)


def save_tiny_bert(directory: str | Path, *, seed: int = 0, n_classes: int = 3) -> Path:
    """Write a complete local model directory: configuration, safetensors, tokenizer."""
    network = tiny_network("bert", seed=seed, n_classes=n_classes)
    network.config.id2label = dict(enumerate(("negative", "neutral", "positive")[:n_classes]))
    network.config.label2id = {name: i for i, name in network.config.id2label.items()}
    network.save_pretrained(directory)
    wordpiece_tokenizer().save_pretrained(directory)
    return Path(directory)


_SMALLEST = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}


def save_bert(directory: Path, cls: str = "BertForSequenceClassification", **config: Any) -> Path:
    """Write a BERT of whole words: of `WORDS`."""
    settings = {**_SMALLEST, "vocab_size": word_tokenizer().vocab_size, "max_position_embeddings": 32} | config
    config_of = transformers.BertConfig(**{"initializer_range": 0.5, **settings})
    return save(seeded(lambda: getattr(transformers, cls)(config_of)), directory, word_tokenizer())


def save_vit(
    directory: str | Path,
    cls: str = "ViTForImageClassification",
    *,
    processing: dict[str, Any] | None = None,
    **config: Any,
) -> Path:
    """Write a ViT for 32 x 32 pixels with patches of 8; ``cls`` may be another network with such a configuration."""
    settings = {**_SMALLEST, "image_size": 32, "patch_size": 8, "id2label": {0: "cat", 1: "dog", 2: "owl"}} | config
    config_of = getattr(transformers, f"{cls.removesuffix('ForImageClassification')}Config", transformers.ViTConfig)
    processor = transformers.ViTImageProcessor(**{"size": {"height": 32, "width": 32}} | (processing or {}))
    return save(seeded(lambda: getattr(transformers, cls)(config_of(**settings))), directory, processor)
