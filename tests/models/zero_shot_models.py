"""Tiny random models that compare images with texts, as directories."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers

from tests.models.tiny_images import SIDE
from tests.tiny_models import save, seeded
from tests.tiny_tokenizers import wordpiece_tokenizer

CLASSES = ("a photo of a cat", "a photo of a big dog", "owls", "a film, not great")
FAMILIES = ("CLIP", "MetaClip2", "Siglip")
_SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}


def save_zero_shot(family: str, directory: Path, *, seed: int = 0, patch_size: int = 8, **vision: Any) -> Path:
    """Images of 32 x 32 pixels, texts of at most 64 tokens; logits that differ between images and classes."""
    tokenizer = wordpiece_tokenizer(model_max_length=64)
    names = ["input_ids"] if family == "Siglip" else ["input_ids", "attention_mask"]
    tokenizer.model_input_names = names
    special = {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3}
    text = {**_SIZES, **special, "vocab_size": len(tokenizer), "max_position_embeddings": 64}
    size = {} if family == "Siglip" else {"projection_dim": 12}
    config = getattr(transformers, f"{family}Config")(
        text_config=text, vision_config={**_SIZES, "image_size": SIDE, "patch_size": patch_size, **vision}, **size
    )

    def make() -> Any:
        model = getattr(transformers, f"{family}Model")(config)
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if parameter.ndim > 1 and "logit" not in name:
                    parameter.normal_(std=0.4)
            model.logit_scale.fill_(2.0)
            if family == "Siglip":
                model.logit_bias.fill_(-1.5)
        return model

    processor = transformers.ViTImageProcessor(size={"height": SIDE, "width": SIDE})
    return save(seeded(make, seed), directory, tokenizer, processor)
