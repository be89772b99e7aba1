"""The network of a directory in the format of transformers, with all of its trained weights, and its tokenizer."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch

from stabcert.errors import ModelError
from stabcert.models.attempts import attempt
from stabcert.models.checkpoint import Checkpoint, wrapper_prefix

# Vocabularies, by the beginning or end of their name; tokenizer_config.json is not one.
_VOCABULARY_STARTS = ("tokenizer.", "vocab", "spiece", "spm", "sentencepiece")
_VOCABULARY_ENDS = (".model", ".bpe", ".codes", ".tiktoken")


def load_module(
    checkpoint: Checkpoint, auto: Any, *, trust_remote_code: bool, allow_random_head: bool, dtype: torch.dtype
) -> tuple[Any, tuple[str, ...]]:
    """Return the network that a class ``Auto...`` of transformers makes of the directory, and notes for the user.

    Raises:
        ModelError: it cannot be loaded, or the weights do not cover the network (``allow_random_head`` turns this
            into a note).
    """
    prefix = wrapper_prefix(checkpoint) if "auto_map" not in checkpoint.config else ""
    # Without an explicit dtype, weights stored in half precision would be another function.
    module, info = attempt(
        checkpoint.name,
        "cannot be loaded",
        lambda: auto.from_pretrained(
            str(checkpoint.directory),
            local_files_only=True,
            trust_remote_code=trust_remote_code,
            dtype=dtype,
            use_safetensors=not checkpoint.pickled,
            weights_only=True,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
            **({"key_mapping": {f"^{re.escape(prefix)}": ""}} if prefix else {}),
        ),
    )
    return module, _check_coverage(checkpoint.name, info, allow_random_head)


def tokenizer_of(name: str, directory: Path, trust_remote_code: bool) -> Any:
    """Return the tokenizer of a directory.

    Raises:
        ModelError: it is missing or cannot be loaded.
    """
    from transformers import AutoTokenizer

    # Without any of its files, transformers makes an empty tokenizer, and every word is unknown.
    files = [path.name for path in directory.iterdir()]
    if not any(file.startswith(_VOCABULARY_STARTS) or file.endswith(_VOCABULARY_ENDS) for file in files):
        raise ModelError(
            f"{name} has no tokenizer (neither tokenizer.json nor vocab.txt). Save the tokenizer into it with "
            "save_pretrained"
        )
    return attempt(
        name,
        "has a tokenizer that cannot be loaded",
        lambda: AutoTokenizer.from_pretrained(
            str(directory), local_files_only=True, trust_remote_code=trust_remote_code
        ),
    )


def _check_coverage(name: str, info: dict[str, Any], allow_random_head: bool) -> tuple[str, ...]:
    # A mismatched key is the key itself, or the key with both shapes.
    mismatched = {key if isinstance(key, str) else str(key[0]) for key in info.get("mismatched_keys") or ()}
    keys = sorted({str(key) for key in info.get("missing_keys") or ()} | mismatched)
    if keys:
        some = ", ".join(keys[:4]) + (f" and {len(keys) - 4} more" if len(keys) > 4 else "")
        what = f"{name} has no trained weights, or weights of another shape, for {some}"
        if not allow_random_head:
            raise ModelError(
                f"{what}, so its predictions would be random. Give a model that was fine-tuned for classification, "
                "or allow_random_head=True for a test"
            )
        return (f"{what}. They are random (allow_random_head=True), so its predictions mean nothing",)
    return ()
