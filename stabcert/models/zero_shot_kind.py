"""Models that compare an image with texts, told by their ``config.json``. Imports nothing heavy."""

from __future__ import annotations

from typing import Any

_ARCHITECTURES = ("CLIPModel", "MetaClip2Model", "SiglipModel")
_TYPES = ("clip", "metaclip_2", "siglip")


def image_text_network(config: dict[str, Any]) -> str | None:
    """Return the name of the network of transformers that compares an image with texts; None for other models."""
    architectures = config.get("architectures")
    named = architectures[0] if isinstance(architectures, list) and architectures else None
    return named if named in _ARCHITECTURES and config.get("model_type") in _TYPES else None
