"""Models that compare an image with texts, told by their ``config.json``. Imports nothing heavy."""

from __future__ import annotations

from typing import Any

ARCHITECTURES = ("CLIPModel", "MetaClip2Model", "SiglipModel")
"""Those that can be given classes."""
_OTHERS = ("AlignModel", "AltCLIPModel", "BlipModel", "ChineseCLIPModel", "CLIPSegModel", "Siglip2Model")


def image_text_network(config: dict[str, Any]) -> str | None:
    """Return the name of the network of transformers that compares an image with texts; None for other models."""
    architectures = config.get("architectures")
    named = architectures[0] if isinstance(architectures, list) and architectures else None
    return named if isinstance(named, str) and named in (*ARCHITECTURES, *_OTHERS) else None
