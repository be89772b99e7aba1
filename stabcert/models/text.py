"""A text or a pair of texts as a masked input: words, tokens or sentences that can be dropped one by one."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from stabcert.core.types import Features, Masks
from stabcert.errors import ModelError, ParameterError
from stabcert.models.pairs import check_second, check_segments, explained_places, segment_notes
from stabcert.models.prompt import Prompt
from stabcert.models.removal import Removal
from stabcert.models.removal_probe import NoRemoval
from stabcert.models.running import accepts, by_number, embeddings, run, run_vectors, to_tensors
from stabcert.models.sequences import (
    TokenSequence,
    default_positions,
    make_sequence,
    max_tokens,
    padded_length,
    padding_position,
    removes_tokens_exactly,
)
from stabcert.models.text_baselines import check_choices, end_of_text, relaxation_token, removal_of, substitutes_of
from stabcert.models.tokenized import divide, tokenize
from stabcert.models.words import check_text

__all__ = ["MaskedText", "removes_tokens_exactly"]

_NO_GRADIENTS = "it has no gradients by word. Use a method without gradients, such as method='lime'"


class MaskedText:
    """One text or pair in front of one sequence classifier; a `stabcert.models.masked_input.MaskedInput`.

    Tokens that the tokenizer adds (``[CLS]``, ``</s>``) are always kept and never features; every
    other token belongs to exactly one feature. A token that the user typed, such as ``[MASK]``, is
    a feature like any other.

    A pair is one sequence, as the tokenizer joins two texts: with its separators and segments
    (``[CLS] first [SEP] second [SEP]``, say). Segments and positions of kept tokens never change. The
    features of the first text come before those of the second. Where only one side is explained,
    the tokens of the other are always kept.

    Baselines: ``remove`` takes the tokens of dropped features out of the sequence or hides them by an attention mask
    of 0. ``settings["removal"]`` names the way; see `stabcert.models.removal`. ``mask``, ``pad`` and ``unk`` put that
    token in the place of each dropped one; it is attended to.

    Args:
        network: a transformers ``...ForSequenceClassification`` in eval mode, on ``device``.
        tokenizer: its fast tokenizer.
        text: text of the user; spans of features count its characters.
        prompt: text around that of the user, whose tokens are always kept; for language models.
        text_pair: second text of a pair; spans of its features count its own characters.
        explain_side: ``both``, ``first`` or ``second``, the texts of a pair with features; None without a pair, or
            for both.
        features: ``word``, ``token``, ``sentence``, ``passage`` or ``regex:PATTERN``.
        baseline: ``remove``, ``mask``, ``pad`` or ``unk``.
        truncate: cut a text that is too long as the tokenizer does, of a pair the longer one; otherwise it is
            refused.
        removes_tokens: the result of `removes_tokens_exactly` for this network. It is not relied
            on for texts longer than those tested there.
        leftover: how the network reads kept tokens where an attention mask does not hide the others; see
            `stabcert.models.removal_probe.removal_at_load`.
        in_float64: function that returns a copy of ``network`` that computes in float64.
        device: device of the network.
        dtype: type of the network's weights.

    Raises:
        InputError: a text has no features, or there are too many tokens for the network.
        ParameterError: the feature kind, the side or the baseline does not exist, or not for this model.
        ModelError: the tokenizer does not return the positions of its tokens, or the network has too few segments.
    """

    def __init__(
        self,
        network: torch.nn.Module,
        tokenizer: Any,
        text: str,
        *,
        prompt: Prompt | None = None,
        text_pair: str | None = None,
        explain_side: str | None = None,
        features: str = "word",
        baseline: str = "remove",
        truncate: bool = False,
        removes_tokens: bool,
        leftover: Removal | NoRemoval | None = None,
        in_float64: Callable[[], torch.nn.Module] | None = None,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        check_choices(features, baseline)
        check_text(text)
        if text_pair is not None:
            check_second(text_pair)
        explained = explained_places(explain_side, pair=text_pair is not None)
        if not getattr(tokenizer, "is_fast", False):
            raise ModelError(
                f"the tokenizer {type(tokenizer).__name__} does not return the positions of its tokens, so words "
                "cannot be dropped. Use a model with a fast tokenizer (a tokenizer.json)"
            )
        self.text = text
        """The user's text, unchanged."""
        self.text_pair = text_pair
        """The second text of a pair, unchanged."""
        self._explain_side = explain_side or "both"
        self._get_network: Callable[[], torch.nn.Module] = lambda: network
        self._network_in_float64 = in_float64
        self._tokenizer = tokenizer
        self._device = device
        self._dtype = dtype
        self._baseline = baseline

        self._substitutes = substitutes_of(tokenizer)
        texts = (text,) if text_pair is None else (text, text_pair)
        tokens_of = tokenize if prompt is None else prompt.tokenize
        self._tokenized = tokens_of(tokenizer, texts, limit=max_tokens(network, tokenizer), truncate=truncate)
        self._sequence = make_sequence(network, tokenizer, self._tokenized.encoding)
        if text_pair is not None:
            check_segments(network, self._sequence)
        self._features, self._feature_of_token = divide(self._tokenized, tokenizer, features, explained)
        self._removal = removal_of(
            baseline,
            network,
            tokenizer,
            self._sequence,
            removes_tokens=removes_tokens,
            leftover=leftover,
            device=device,
        )
        self._positions = default_positions(network, self._sequence.ids)
        # A substitute that is padding must not shift the positions of networks that do not count padding.
        counts_from_padding = padding_position(network) is not None and accepts(network, "position_ids")
        read = isinstance(leftover, Removal) and leftover.passes_positions
        self._passes_positions = removes_tokens or counts_from_padding or read
        self._substitute = relaxation_token(tokenizer, baseline)

    @property
    def _network(self) -> torch.nn.Module:
        return self._get_network()

    @property
    def features(self) -> Features:
        return self._features

    @property
    def settings(self) -> dict[str, Any]:
        one: dict[str, Any] = {
            "features": self._features.kind,
            "baseline": self._baseline,
            "removal": None if self._removal is None else self._removal.name,
            "truncated": self.truncated,
        }
        if self.kept_only and (self._feature_of_token >= 0).all():
            one["empty_text"] = end_of_text(self._tokenizer, self._sequence.empty)
        if self.text_pair is None:
            return one
        cut = {"cut": list(self._tokenized.cut)} if self.truncated else {}
        return {**one, "explain_side": self._explain_side, **cut}

    @property
    def notes(self) -> tuple[str, ...]:
        segments = () if self.text_pair is None else segment_notes(self._network, self._sequence)
        single = ("the text is one passage. Separate passages by blank lines",) * (
            self._features.kind == "passage" and len(self._features) == 1
        )
        return (*self._tokenized.notes, *segments, *single)

    @property
    def truncated(self) -> bool:
        """True if only the part that fits into the model is used."""
        return self._tokenized.truncated

    @property
    def n_tokens_total(self) -> int:
        """Tokens of the whole input, special tokens included."""
        return self._tokenized.n_total

    @property
    def n_tokens_kept(self) -> int:
        """Tokens that the model can read, special tokens included."""
        return len(self._tokenized)

    @property
    def relaxation(self) -> str:
        if self._substitute is None:
            return "none: the tokenizer has no mask, unk, pad or eos token to interpolate to"
        return f"embeddings interpolated to that of the {self._substitute[0]} token; every token attended to"

    def cost(self, masks: Masks) -> NDArray[np.int64]:
        """Return the number of tokens that the network reads for each row, special tokens and padding included."""
        if self._removal is None or self._removal.hides:
            return np.full(len(masks), len(self._sequence), dtype=np.int64)
        lengths: NDArray[np.int64] = np.maximum(self._kept_tokens(masks).sum(axis=1, dtype=np.int64), 1)
        return np.minimum(padded_length(lengths, self._device), len(self._sequence)) if self.pads else lengths

    @property
    def pads(self) -> bool:
        return self._removal is None or self._removal.pads

    def logits(self, masks: Masks) -> torch.Tensor:
        if not self.kept_only:
            return self._logits(masks)
        keep = self._kept_tokens(masks)
        apart = self._sequence.ends_kept(self._network, keep)  # an encoder-decoder reads one number of ends at a time
        return by_number(self._logits, masks, apart if self.pads else apart + keep.sum(axis=1) * (len(keep[0]) + 1))

    def _logits(self, masks: Masks) -> torch.Tensor:
        """Return logits of rows that can share a batch."""
        return run(self._network, to_tensors(self.inputs(masks), self._device), kept_only=self.kept_only)

    def inputs(self, masks: Masks) -> dict[str, NDArray[np.int64]]:
        """Map ``(k, n_features)`` masks to the arguments of the network by name, each ``(k, n_tokens)``."""
        return self._inputs(masks, self._sequence, self._substitutes)

    def _inputs(
        self, masks: Masks, sequence: TokenSequence, substitutes: dict[str, int]
    ) -> dict[str, NDArray[np.int64]]:
        """Return the network's inputs for ``(k, n_features)`` masks, with ids of ``sequence`` and ``substitutes``."""
        keep = self._kept_tokens(masks)
        if self._removal is not None and self._removal.hides:
            return sequence.hidden(keep)
        if self._removal is not None:
            positions = self._positions if self._removal.passes_positions else None
            return sequence.removed(keep, positions, width=int(self.cost(masks).max()))
        inputs = sequence.complete(np.where(keep, sequence.ids, substitutes[self._baseline]))
        if self._passes_positions:
            inputs["position_ids"] = np.broadcast_to(self._positions, keep.shape)
        return inputs

    def in_float64(self) -> MaskedText | None:
        if self._network_in_float64 is None:
            return None
        exact = copy.copy(self)  # nothing is tokenized or tested again
        exact._get_network, exact._dtype = self._network_in_float64, torch.float64
        return exact

    def relaxed_logits(self, weights: torch.Tensor) -> torch.Tensor:
        """Return logits for feature weights ``(k, n_features)``, differentiable in the weights.

        Each token's embedding is ``w * e(token) + (1 - w) * e(substitute)``. The substitute is the
        baseline's token; for ``remove`` it is the mask, unk, pad or eos token, whichever exists first. Special tokens
        keep their own embedding. All ones give the logits of the full text.

        Raises:
            ParameterError: the tokenizer does not have such a token.
            ModelError: the network does not take embeddings.
        """
        if self._substitute is None:
            raise ParameterError(
                "gradients need a mask, unk, pad or eos token to interpolate to, and this tokenizer has none of them. "
                "Use a method without gradients, such as method='lime'"
            )
        weights = weights.to(self._device, self._dtype)
        ones = torch.ones(len(weights), 1, dtype=weights.dtype, device=weights.device)
        index = torch.tensor(self._feature_of_token, device=weights.device)
        weight = torch.cat([weights, ones], dim=1)[:, index].unsqueeze(-1)
        other = self._embeddings([self._substitute[1]])
        return self.logits_at(weight * self.point + (1 - weight) * other)

    @property
    def point(self) -> torch.Tensor:
        """``(1, n_tokens, width)`` embeddings of the tokens, special tokens included, before positions are added."""
        return self._embeddings(self._sequence.ids)[None]

    def logits_at(self, points: torch.Tensor) -> torch.Tensor:
        """Return logits for ``(k, n_tokens, width)`` embeddings; ModelError if the network does not take them."""
        inputs = self._sequence.complete(np.broadcast_to(self._sequence.ids, points.shape[:2]))
        if self._passes_positions:
            inputs["position_ids"] = np.broadcast_to(self._positions, points.shape[:2])
        tensors = to_tensors(inputs, self._device)
        return run_vectors(self._network, tensors, points, refused=_NO_GRADIENTS, kept_only=self.kept_only)

    @property
    def kept_only(self) -> bool:
        """True if rows contain kept tokens only, because an attention mask does not hide the others."""
        return self._removal is not None and self._removal.is_own_function

    def _embeddings(self, ids: Sequence[int] | NDArray[np.int64]) -> torch.Tensor:
        return embeddings(self._network, torch.as_tensor(ids, device=self._device))

    def per_feature(self, values: torch.Tensor) -> torch.Tensor:
        of_tokens = values.sum(dim=-1)
        # Special tokens have index -1: the last column, which is cut off.
        columns = torch.tensor(self._feature_of_token % (len(self._features) + 1), device=of_tokens.device)
        sums = of_tokens.new_zeros(len(values), len(self._features) + 1).index_add(1, columns, of_tokens)
        return sums[:, :-1]

    def _kept_tokens(self, masks: Masks) -> NDArray[np.bool_]:
        # Special tokens, and a text that is not explained, have index -1: the column of True that is put last.
        always = np.ones((len(masks), 1), dtype=np.bool_)
        kept: NDArray[np.bool_] = np.concatenate([masks, always], axis=1)[:, self._feature_of_token]
        return kept
