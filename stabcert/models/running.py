"""A classifier of texts on a batch: on token ids, or on vectors in the place of the embeddings of these ids."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from stabcert.core.types import Masks
from stabcert.errors import ModelError
from stabcert.models.failures import failing
from stabcert.models.transfer import to_device
from stabcert.models.unchanged import unchanged


def run(
    network: torch.nn.Module,
    inputs: dict[str, torch.Tensor],
    vectors: torch.Tensor | None = None,
    *,
    kept_only: bool = False,
) -> torch.Tensor:
    """Return the logits ``(k, n_classes)`` of a batch; the network is left as it was.

    Args:
        network: a classifier of transformers, in evaluation mode.
        inputs: the named arguments of its ``forward``, token ids among them.
        vectors: ``(k, n_tokens, width)``, read in the place of the embeddings of the token ids. Positions, padding
            and the token that a decoder classifies by are those of the ids.
        kept_only: True if the rows are those of `stabcert.models.removal.kept_batch`. A decoder without a padding id
            then classifies by the last token before the padding.

    Raises:
        ModelError: the network fails on this batch, or ``vectors`` cannot take the place of its embeddings.
    """
    rows = len(inputs["attention_mask"])
    if kept_only and pad_token_id(network) is None:
        with _padding_named(network, inputs):
            return run(network, inputs, vectors)
    if rows > 1 and pad_token_id(network) is None:
        # Decoders look for the last token that is not padding; without a padding id they refuse batches.
        parts = []
        for i in range(rows):
            row = {name: value[i : i + 1] for name, value in inputs.items()}
            parts.append(run(network, row, None if vectors is None else vectors[i : i + 1]))
        return torch.cat(parts)
    logits, drew = _logits(network, inputs, vectors, seed=None)
    if drew:
        again, _ = _logits(network, inputs, vectors, seed=1)
        if not torch.allclose(logits, again, rtol=1e-4, atol=1e-4):
            raise ModelError(
                f"{type(network).__name__} draws random numbers when it classifies, so its predictions differ from run "
                "to run and cannot be certified. Give a model that draws none (a Reformer needs a hash_seed in its "
                "config.json)"
            )
    return logits


def _logits(
    network: torch.nn.Module, inputs: dict[str, torch.Tensor], vectors: torch.Tensor | None, *, seed: int | None
) -> tuple[torch.Tensor, bool]:
    """Return logits, and whether torch's generator was used for them; with a seed, it starts there."""
    with failing(type(network).__name__), unchanged(network), _quiet_handlers():
        if seed is not None:
            torch.default_generator.manual_seed(seed)
        before = torch.get_rng_state()
        if vectors is None:
            logits: torch.Tensor = network(**inputs).logits
        else:
            with _embeddings_replaced(network, inputs, vectors):
                # Not by calling it: a compiled network would not see what is replaced.
                logits = network.forward(**inputs).logits
        return logits, not torch.equal(before, torch.get_rng_state())


@contextmanager
def _padding_named(network: torch.nn.Module, inputs: dict[str, torch.Tensor]) -> Iterator[None]:
    """Name the padding of a batch in the configuration, by which decoders find the token that they classify by."""
    padded = inputs["input_ids"][inputs["attention_mask"] == 0]
    config: Any = network.config
    holders = {id(holder): holder for holder in (config, _text_config(network))}.values()
    before = [(holder, getattr(holder, "pad_token_id", None)) for holder in holders]
    try:
        for holder in holders:
            holder.pad_token_id = int(padded[0]) if len(padded) else -1  # an id that a token cannot have
        yield
    finally:
        for holder, value in before:
            holder.pad_token_id = value


@contextmanager
def _quiet_handlers() -> Iterator[None]:
    """Keep transformers from writing to stderr: networks would report the same change of their parts each time."""
    handlers = logging.getLogger("transformers").handlers
    for handler in handlers:
        handler.addFilter(_nothing)
    try:
        yield
    finally:
        for handler in handlers:
            handler.removeFilter(_nothing)


def _nothing(record: logging.LogRecord) -> bool:
    return False


def run_vectors(
    network: torch.nn.Module,
    inputs: dict[str, torch.Tensor],
    vectors: torch.Tensor,
    *,
    refused: str,
    kept_only: bool = False,
) -> torch.Tensor:
    """Run ``vectors`` like `run`, with another end of the message where the network does not read them.

    Raises:
        ModelError: `run` fails; ``refused`` contains what is then not possible, and what to do.
    """
    try:
        return run(network, inputs, vectors, kept_only=kept_only)
    except _NotReplaceableError as error:
        raise ModelError(f"{type(network).__name__} does not take embeddings as input, so {refused}") from error


class _NotReplaceableError(ModelError):
    """The network reads the embeddings of its tokens elsewhere, or more than once."""


@contextmanager
def _embeddings_replaced(
    network: torch.nn.Module, inputs: dict[str, torch.Tensor], vectors: torch.Tensor
) -> Iterator[None]:
    """Let the table of embeddings give ``vectors`` for the token ids, which must be looked up exactly once.

    A network that reads its tokens several times names the number in ``lookups``.

    The decoder of an encoder-decoder looks them up once more, one place later, behind a token that keeps its embedding.
    ``inputs_embeds`` would be another function in many networks: decoders classify by the last position whatever is
    there, RoBERTa counts positions differently, and ESM and Longformer read the ids as well.
    """
    table, ids, types = embedding_table(network), inputs["input_ids"], inputs.get("token_type_ids")
    length, count, later = ids.shape[1], 0, 0
    two_parts = bool(getattr(network.config, "is_encoder_decoder", False))

    def replace(module: torch.nn.Module, arguments: tuple[Any, ...], output: torch.Tensor) -> torch.Tensor:
        nonlocal count, later
        given = arguments[0] if arguments else None
        if not isinstance(given, torch.Tensor) or given.ndim != 2 or _scale(module) != _scale(table):
            raise _NotReplaceableError
        if torch.equal(given[:, :length], ids):  # more where a network pads to the length of its windows
            replaced = torch.cat([vectors, output[:, length:]], dim=1)
        elif torch.equal(given, ids.T):  # XLNet puts tokens first
            replaced = vectors.transpose(0, 1)
        elif types is not None and torch.equal(given, types):  # GPT-2 has its segments in the same table
            return output
        elif two_parts and given.shape == ids.shape and torch.equal(given[:, 1:], ids[:, :-1]):
            later += 1
            return torch.cat([output[:, :1], vectors[:, :-1]], dim=1)
        else:
            raise _NotReplaceableError
        count += 1
        return replaced

    if table is None:
        raise _NotReplaceableError
    tables = [part for part in network.modules() if getattr(part, "weight", None) is table.weight]
    handles = [part.register_forward_hook(replace) for part in tables if isinstance(part, torch.nn.Embedding)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
    times = getattr(network, "lookups", 1)
    if (count, later) != (times, times * two_parts):
        raise _NotReplaceableError


def _scale(table: torch.nn.Module | None) -> float:
    """Return the factor by which a table of BART multiplies its embeddings."""
    return float(getattr(table, "embed_scale", 1.0))


def embedding_table(network: torch.nn.Module) -> torch.nn.Embedding | None:
    """Return the table that turns token ids into vectors; None where the network does not name it."""
    try:
        found = network.get_input_embeddings()  # type: ignore[operator]
    except (NotImplementedError, AttributeError):
        return None
    if isinstance(found, torch.nn.Embedding):
        return found
    # Perceiver gives the weight alone.
    tables = (part for part in network.modules() if isinstance(part, torch.nn.Embedding))
    return next((table for table in tables if table.weight is found), None)


def embeddings(network: torch.nn.Module, ids: torch.Tensor) -> torch.Tensor:
    """Return ``(n_ids, width)`` rows of the network's table; ModelError where the network does not name it."""
    table = embedding_table(network)
    if table is None:
        raise ModelError(
            f"{type(network).__name__} does not name its table of embeddings, so it has neither gradients by word nor "
            "neighbours. Use method='lime', and leave out neighbours=N"
        )
    found: torch.Tensor = table(ids).detach()
    return found


def by_number(logits: Callable[[Masks], torch.Tensor], masks: Masks, numbers: NDArray[np.int64]) -> torch.Tensor:
    """Return the logits of masks, each evaluated in a batch with others of its number only."""
    order = np.argsort(numbers, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(numbers[order])) + 1)
    found = torch.cat([logits(masks[rows]) for rows in groups])
    return found if len(groups) == 1 else found[torch.from_numpy(np.argsort(order)).to(found.device)]


def accepts(network: torch.nn.Module, parameter: str) -> bool:
    """Return whether the network's ``forward`` has a parameter of this name."""
    return parameter in inspect.signature(network.forward).parameters


def pad_token_id(network: torch.nn.Module) -> int | None:
    """Return the id of padding, by which decoders find the token that they classify by; None without a possible id."""
    found: int | None = getattr(_text_config(network), "pad_token_id", None)
    table = embedding_table(network)
    # Some configurations have -1, or an id that was added to the tokenizer alone.
    return None if found is None or not 0 <= found < (found + 1 if table is None else table.num_embeddings) else found


def _text_config(network: torch.nn.Module) -> Any:
    config: Any = network.config
    return config.get_text_config() if hasattr(config, "get_text_config") else config


def to_tensors(inputs: dict[str, NDArray[np.int64]], device: torch.device) -> dict[str, torch.Tensor]:
    """Put named arrays on a device."""
    return {name: to_device(value, device) for name, value in inputs.items()}
