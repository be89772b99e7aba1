"""Families of vision transformers: a tiny network of each, and the documented function of removed patches by hand.

`prediction` runs the network's own layers on the tokens that remain, for one mask at a time. It shares
nothing with stabcert: neither hooks nor batches.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import transformers

from tests.models.tiny_images import CLASSES, SIDE

PATCH = 8
SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
VISION = {**SIZES, "image_size": SIDE, "patch_size": PATCH}
TIMM = {"img_size": SIDE, "patch_size": PATCH, "embed_dim": 24, "depth": 2, "num_heads": 2}

Head = Callable[[torch.Tensor, int], torch.Tensor]


@dataclass(frozen=True)
class Family:
    """A family, and how its head reads the states of tokens of which the first few are the network's own."""

    name: str
    """A class of transformers without ``ForImageClassification``, or ``timm:`` and an architecture."""
    shown: str
    """Its name in the README."""
    pooled: str
    """What the head reads: ``class``, ``mean``, ``class and mean``, ``attention`` (over the
    patches), ``attention with class``, or ``head`` (class and distillation token)."""
    options: dict[str, Any] = field(default_factory=dict)
    rotary: bool = False

    @property
    def of_timm(self) -> bool:
        return self.name.startswith("timm:")

    @property
    def remains(self) -> bool:
        """True if something remains when every patch is removed."""
        return self.pooled in ("class", "head", "attention with class")


FAMILIES = (
    Family("ViT", "ViT", "class"),
    Family("DeiT", "DeiT", "class"),
    Family("ViTMSN", "ViT-MSN", "class"),
    Family("Dinov2", "DINOv2", "class and mean"),
    Family("Dinov2WithRegisters", "DINOv2 with registers", "class and mean"),
    Family("CLIP", "CLIP", "mean"),
    Family("MetaClip2", "MetaCLIP 2", "mean"),
    Family("Siglip", "SigLIP", "mean"),
    Family("IJepa", "I-JEPA", "mean"),
    Family("timm:vit_tiny_patch16_224", "timm: ViT", "class"),
    Family("timm:deit3_small_patch16_224", "timm: DeiT III", "class"),
    Family("timm:deit_tiny_distilled_patch16_224", "timm: DeiT distilled", "head"),
    Family("timm:vit_small_patch14_reg4_dinov2", "timm: DINOv2", "class"),
    Family("timm:vit_base_patch16_gap_224", "timm: ViT `_gap`", "mean"),
    Family("timm:vit_base_patch16_siglip_gap_224", "timm: SigLIP `_gap`", "mean"),
    Family("timm:vit_tiny_patch16_224", "timm: ViT `avg`", "mean", {"global_pool": "avg"}),
    Family("timm:vit_base_patch16_siglip_224", "timm: SigLIP", "attention"),
    Family("timm:vit_pe_core_tiny_patch16_384", "timm: PE", "attention with class", rotary=True),
    Family("timm:eva02_tiny_patch14_224", "timm: EVA-02", "mean", rotary=True),
    Family("timm:eva02_tiny_patch14_224", "timm: EVA-02 `token`", "class", {"global_pool": "token"}, rotary=True),
    Family("timm:vit_small_patch16_dinov3", "timm: DINOv3", "mean", rotary=True),
    Family("timm:vit_small_patch16_dinov3", "timm: DINOv3 `token`", "class", {"global_pool": "token"}, rotary=True),
    Family("timm:vit_small_patch16_rope_224", "timm: RoPE-ViT", "class", rotary=True),
    Family("timm:vit_small_patch16_rope_mixed_224", "timm: RoPE-ViT mixed", "class", rotary=True),
)
FIXED = {
    "Beit": "BEiT",
    "Data2VecVision": "Data2Vec",
    "timm:beit_base_patch16_224": "timm: BEiT",
    "Levit": "LeViT",
}
"""Families whose patches cannot be removed."""
WORDED = {"CLIP": "class", "MetaClip2": "class", "Siglip": "attention"}
"""What models read whose classes a user words; `tests.models.test_zero_shot` compares them."""


def table() -> list[str]:
    """The rows of the README's table, of these families: name, what is read, what everything dropped is, gradients."""
    read = {
        "class": "class token",
        "head": "class and distillation token",
        "attention with class": "attention over class token and kept patches",
        "mean": "mean of the kept patches",
        "class and mean": "class token and mean of the kept patches",
        "attention": "attention over the kept patches",
    }
    rows: dict[tuple[str, ...], list[str]] = {}
    shown = {"CLIP": "CLIP", "MetaClip2": "MetaCLIP 2", "Siglip": "SigLIP"}
    worded = [Family(name, f"{shown[name]} with `--classes`", pooled) for name, pooled in WORDED.items()]
    for family in (*FAMILIES, *worded):
        nothing = "the network's own tokens" if family.remains else "an image of the mean colour"
        positions = "rotary" if family.rotary else "in the tokens"
        rows.setdefault((read[family.pooled], positions, nothing, "yes"), []).append(family.shown)
    found = [f"| {', '.join(names)} | {' | '.join(cells)} |" for cells, names in rows.items()]
    return [*found, f"| {', '.join(FIXED.values())} | refused | | | with a colour |"]


def make(family: Family, seed: int = 0) -> Any:
    """A random network whose predictions depend on pixels and positions, and vary with the mask."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if family.of_timm:
            import timm

            module = timm.create_model(family.name.removeprefix("timm:"), num_classes=CLASSES, **TIMM, **family.options)
        else:
            options = {"vision_config": VISION} if family.name in ("CLIP", "MetaClip2", "Siglip") else VISION
            config = getattr(transformers, f"{family.name}Config")(**options, num_labels=CLASSES)
            module = getattr(transformers, f"{family.name}ForImageClassification")(config)
        with torch.no_grad():
            for name, parameter in module.named_parameters():
                if parameter.ndim > 1 or "pos" in name or "gamma" in name or "lambda" in name:
                    parameter.normal_(std=0.3)
        module.eval().requires_grad_(False)
        spread = torch.randn(64, 3, 4, 4).repeat_interleave(SIDE // 4, 2).repeat_interleave(SIDE // 4, 3)
        pixels = torch.randn(64, 3, SIDE, SIDE) + spread
        for head in [part for part in module.modules() if getattr(part, "out_features", None) == CLASSES]:
            deviation, mean = torch.std_mean(logits(module, pixels), dim=0)
            head.weight /= deviation[:, None]
            head.bias.copy_((head.bias - mean) / deviation)
    return module


def save(family: Family, directory: Path, seed: int = 0) -> Path:
    """Write a directory that `load_model` reads."""
    module = make(family, seed)
    if family.of_timm:
        import timm

        module.pretrained_cfg["input_size"] = (3, SIDE, SIDE)  # networks of any size keep that of the published weights
        arguments = {**TIMM, **family.options}
        timm.models.save_for_hf(module, str(directory), model_args=arguments, safe_serialization=True)
        return directory
    transformers.utils.logging.disable_progress_bar()
    module.save_pretrained(directory)
    transformers.utils.logging.enable_progress_bar()
    transformers.ViTImageProcessor(size={"height": SIDE, "width": SIDE}).save_pretrained(directory)
    return directory


def logits(module: Any, pixels: torch.Tensor) -> torch.Tensor:
    output = module(pixels)
    return output if isinstance(output, torch.Tensor) else output.logits


def prediction(family: Family, module: Any, pixels: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
    """``(classes,)`` probabilities of one image ``(1, 3, SIDE, SIDE)`` of which ``(patches,)`` bool are kept."""
    if not bool(kept.any()) and not family.remains:
        return logits(module, torch.zeros_like(pixels)).softmax(-1)[0]  # the mean colour
    states = (_of_timm if family.of_timm else _of_transformers)(family, module, pixels, kept)
    return states.softmax(-1)[0]


def _of_transformers(family: Family, module: Any, pixels: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
    base = getattr(module.base_model, "vision_model", module.base_model)
    tokens = base.embeddings(pixels)
    own = tokens.shape[1] - len(kept)
    states = tokens[:, torch.cat([kept.new_ones(own), kept])]
    if hasattr(base, "pre_layrnorm"):
        states = base.pre_layrnorm(states)
    encoder = getattr(base, "encoder", base)
    for layer in encoder.layer if hasattr(encoder, "layer") else encoder.layers:
        made = layer(states, attention_mask=None) if family.name in ("CLIP", "MetaClip2", "Siglip") else layer(states)
        states = made if isinstance(made, torch.Tensor) else made[0]
    if hasattr(base, "layernorm"):
        states = base.layernorm(states)
    elif family.name == "Siglip":
        states = base.post_layernorm(states)
    first, mean = states[:, 0], states[:, own:].mean(dim=1)
    read = {"class": first, "mean": mean, "class and mean": torch.cat([first, mean], dim=1)}
    made = module.classifier(read[family.pooled])
    assert isinstance(made, torch.Tensor)
    return made


def _of_timm(family: Family, module: Any, pixels: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
    from timm.models.eva import Eva

    own = module.num_prefix_tokens
    chosen = torch.cat([kept.new_ones(own), kept])
    if isinstance(module, Eva):
        tokens, rope = module._pos_embed(module.patch_embed(pixels))
        states = module.norm_pre(tokens[:, chosen])
        for i, block in enumerate(module.blocks):
            of_block = rope[i] if getattr(module, "rope_mixed", False) else rope
            states = block(states, rope=of_block[..., kept, :])
    else:
        states = module._pos_embed(module.patch_embed(pixels))[:, chosen]
        for block in module.blocks:
            states = block(module.norm_pre(states) if block is module.blocks[0] else states)
    states = module.norm(states)
    if family.pooled in ("class", "mean"):
        read = states[:, 0] if family.pooled == "class" else states[:, own:].mean(dim=1)
        made = module.head(module.fc_norm(read))
    elif family.pooled == "attention":
        made = module.head(module.fc_norm(module.attn_pool(states)))
    else:
        made = module.forward_head(states)
    assert isinstance(made, torch.Tensor)
    return made
