"""A text as a masked input: words, tokens or sentences that can be dropped one by one."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from stabcert.core.types import Feature, Features, Masks
from stabcert.errors import InputError, ModelError, ParameterError
from stabcert.models.failures import failing
from stabcert.models.running import accepts, embedding_table, run, run_vectors, to_tensors
from stabcert.models.sequences import (
    TokenSequence,
    default_positions,
    make_sequence,
    max_tokens,
    padded_length,
    padding_position,
    removes_tokens_exactly,
)
from stabcert.models.text_baselines import BASELINES, removal_of, substitutes_of
from stabcert.models.text_features import TEXT_FEATURES
from stabcert.models.words import Span, check_text, clip_spans, group_tokens

__all__ = ["MaskedText", "removes_tokens_exactly"]

FEATURE_KINDS = tuple(TEXT_FEATURES)
_NO_GRADIENTS = "it has no gradients by word. Use a method without gradients, such as method='lime'"


class MaskedText:
    """One text in front of one sequence classifier; a `stabcert.models.masked_input.MaskedInput`.

    Tokens that the tokenizer adds (``[CLS]``, ``</s>``) are always kept and never features; every
    other token belongs to exactly one feature. A token that the user typed, such as ``[MASK]``, is
    a feature like any other.

    Baselines: ``remove`` takes the tokens of dropped features out of the sequence, the others stay
    at their positions. Where the network cannot do that exactly, the dropped tokens are hidden by
    an attention mask of 0 instead; ``settings["removal"]`` names the way. ``mask``, ``pad`` and
    ``unk`` put that token in the place of each dropped one; it is attended to.

    Args:
        network: a transformers ``...ForSequenceClassification`` in eval mode, on ``device``.
        tokenizer: its fast tokenizer.
        text: text of the user; spans of features count its characters.
        features: ``word``, ``token`` or ``sentence``.
        baseline: ``remove``, ``mask``, ``pad`` or ``unk``.
        truncate: cut a text that is too long as the tokenizer does; otherwise it is refused.
        removes_tokens: the result of `removes_tokens_exactly` for this network. It is not relied
            on for texts longer than those tested there.
        in_float64: function that returns a copy of ``network`` that computes in float64.
        device: device of the network.
        dtype: type of the network's weights.

    Raises:
        InputError: the text has no features, or too many tokens for the network.
        ParameterError: the feature kind or the baseline does not exist, or not for this model.
        ModelError: the tokenizer does not return the positions of its tokens.
    """

    def __init__(
        self,
        network: torch.nn.Module,
        tokenizer: Any,
        text: str,
        *,
        features: str = "word",
        baseline: str = "remove",
        truncate: bool = False,
        removes_tokens: bool,
        in_float64: Callable[[], torch.nn.Module] | None = None,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        _check_choices(features, baseline)
        check_text(text)
        if not getattr(tokenizer, "is_fast", False):
            raise ModelError(
                f"the tokenizer {type(tokenizer).__name__} does not return the positions of its tokens, so words "
                "cannot be dropped. Use a model with a fast tokenizer (a tokenizer.json)"
            )
        self.text = text
        """The user's text, unchanged."""
        self._get_network: Callable[[], torch.nn.Module] = lambda: network
        self._network_in_float64 = in_float64
        self._tokenizer = tokenizer
        self._device = device
        self._dtype = dtype
        self._baseline = baseline

        self._substitutes = substitutes_of(tokenizer)
        encoding = self._encode(truncate)
        self._sequence = make_sequence(network, tokenizer, encoding)
        offsets: list[Span] = [(int(start), int(end)) for start, end in encoding["offset_mapping"]]
        self._features, self._feature_of_token = self._find_features(features, offsets)
        self._removal = removal_of(
            baseline, network, tokenizer, self._sequence, removes_tokens=removes_tokens, device=device
        )
        self._positions = default_positions(network, self._sequence.ids)
        # A substitute that is padding must not shift the positions of networks that do not count padding.
        counts_from_padding = padding_position(network) is not None and accepts(network, "position_ids")
        self._passes_positions = removes_tokens or counts_from_padding
        self._substitute = self._relaxation_token()

    @property
    def _network(self) -> torch.nn.Module:
        return self._get_network()

    @property
    def features(self) -> Features:
        return self._features

    @property
    def settings(self) -> dict[str, Any]:
        return {
            "features": self._features.kind,
            "baseline": self._baseline,
            "removal": self._removal,
            "truncated": self.truncated,
        }

    @property
    def notes(self) -> tuple[str, ...]:
        return ()

    @property
    def relaxation(self) -> str:
        if self._substitute is None:
            return "none: the tokenizer has no mask, unk or pad token to interpolate to"
        return f"embeddings interpolated to that of the {self._substitute} token; every token attended to"

    def cost(self, masks: Masks) -> NDArray[np.int64]:
        """Return the number of tokens that the network reads for each row, special tokens and padding included."""
        if self._removal == "tokens removed":
            lengths: NDArray[np.int64] = self._kept_tokens(masks).sum(axis=1, dtype=np.int64)
            return np.minimum(padded_length(lengths, self._device), len(self._sequence))
        return np.full(len(masks), len(self._sequence), dtype=np.int64)

    @property
    def pads(self) -> bool:
        return True

    def logits(self, masks: Masks) -> torch.Tensor:
        return run(self._network, to_tensors(self.inputs(masks), self._device))

    def inputs(self, masks: Masks) -> dict[str, NDArray[np.int64]]:
        """Map ``(k, n_features)`` masks to the arguments of the network by name, each ``(k, n_tokens)``."""
        return self._inputs(masks, self._sequence, self._substitutes)

    def _inputs(
        self, masks: Masks, sequence: TokenSequence, substitutes: dict[str, int]
    ) -> dict[str, NDArray[np.int64]]:
        """Return the network's inputs for ``(k, n_features)`` masks, with ids of ``sequence`` and ``substitutes``."""
        keep = self._kept_tokens(masks)
        if self._removal == "tokens removed":
            return sequence.removed(keep, self._positions, width=int(self.cost(masks).max()))
        if self._removal == "attention mask":
            return sequence.hidden(keep)
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
        baseline's token; for ``remove`` it is the mask, unk or pad token, whichever exists first. Special tokens keep
        their own embedding. All ones give the logits of the full text.

        Raises:
            ParameterError: the tokenizer does not have such a token.
            ModelError: the network does not take embeddings.
        """
        if self._substitute is None:
            raise ParameterError(
                "gradients need a mask, unk or pad token to interpolate to, and this tokenizer has none of them. "
                "Use a method without gradients, such as method='lime'"
            )
        weights = weights.to(self._device, self._dtype)
        ones = torch.ones(len(weights), 1, dtype=weights.dtype, device=weights.device)
        index = torch.tensor(self._feature_of_token, device=weights.device)
        weight = torch.cat([weights, ones], dim=1)[:, index].unsqueeze(-1)
        other = self._embeddings([self._substitutes[self._substitute]])
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
        return run_vectors(self._network, to_tensors(inputs, self._device), points, refused=_NO_GRADIENTS)

    def _embeddings(self, ids: Sequence[int] | NDArray[np.int64]) -> torch.Tensor:
        """Return ``(n_ids, width)`` rows of the network's table."""
        table = embedding_table(self._network)
        if table is None:
            raise ModelError(
                f"{type(self._network).__name__} does not name its table of embeddings, so it has neither gradients "
                "by word nor neighbours. Use method='lime', and leave out neighbours=N"
            )
        embeddings: torch.Tensor = table(torch.as_tensor(ids, device=self._device)).detach()
        return embeddings

    def per_feature(self, values: torch.Tensor) -> torch.Tensor:
        of_tokens = values.sum(dim=-1)
        # Special tokens have index -1: the last column, which is cut off.
        columns = torch.tensor(self._feature_of_token % (len(self._features) + 1), device=of_tokens.device)
        sums = of_tokens.new_zeros(len(values), len(self._features) + 1).index_add(1, columns, of_tokens)
        return sums[:, :-1]

    def _kept_tokens(self, masks: Masks) -> NDArray[np.bool_]:
        # Special tokens have index -1: the column of True that is put last.
        always = np.ones((len(masks), 1), dtype=np.bool_)
        kept: NDArray[np.bool_] = np.concatenate([masks, always], axis=1)[:, self._feature_of_token]
        return kept

    def _encode(self, truncate: bool) -> Any:
        options = {
            "padding": False,
            "return_offsets_mapping": True,
            "return_special_tokens_mask": True,
            "verbose": False,
        }
        with failing(f"the tokenizer {type(self._tokenizer).__name__}"):
            encoding = self._tokenizer(self.text, truncation=False, **options)
        self.n_tokens_total = len(encoding["input_ids"])
        """Tokens of the whole text, special tokens included."""
        limit = max_tokens(self._network, self._tokenizer)
        self.truncated = limit is not None and self.n_tokens_total > limit
        """True if only the part that fits into the model is used."""
        if self.truncated:
            if not truncate:
                raise InputError(
                    f"the text has {self.n_tokens_total} tokens, but the model reads at most {limit}. "
                    "Shorten it, or use truncate=True to cut it"
                )
            encoding = self._tokenizer(self.text, truncation=True, max_length=limit, **options)
        self.n_tokens_kept = len(encoding["input_ids"])
        """Tokens that the model can read, special tokens included."""
        return encoding

    def _find_features(self, kind: str, offsets: list[Span]) -> tuple[Features, NDArray[np.intp]]:
        own = np.flatnonzero(~self._sequence.special)
        own_offsets = [offsets[token] for token in own]
        feature = TEXT_FEATURES[kind]
        if feature.split is None:
            strings = self._tokenizer.convert_ids_to_tokens(self._sequence.ids[own].tolist())
            items = [
                Feature(label=self.text[start:end] or string, span=(start, end) if start < end else None)
                for (start, end), string in zip(own_offsets, strings, strict=True)
            ]
            groups = [[i] for i in range(len(own))]
        else:
            spans = feature.split(self.text)
            if self.truncated:
                spans = clip_spans(spans, own_offsets)
            found, groups = group_tokens(own_offsets, spans)
            items = [Feature(label=self.text[start:end], span=(start, end)) for start, end in found]
        if not items:
            raise InputError(
                f"the text {self.text[:40]!r} has no {kind} that the model's tokenizer can read. Give another text"
            )
        feature_of_token = np.full(len(offsets), -1)
        for number, group in enumerate(groups):
            feature_of_token[own[group]] = number
        return Features(kind, tuple(items), (len(items),), feature.nouns), feature_of_token

    def _relaxation_token(self) -> str | None:
        order = ("mask", "unk", "pad") if self._baseline == "remove" else (self._baseline,)
        return next((name for name in order if name in self._substitutes), None)


def _check_choices(features: str, baseline: str) -> None:
    if features not in FEATURE_KINDS:
        raise ParameterError(
            f"features {features!r} are not possible for a text. Use features='{'|'.join(FEATURE_KINDS)}'"
        )
    if baseline not in BASELINES:
        raise ParameterError(
            f"baseline {baseline!r} is not possible for a text. Use baseline='{'|'.join(BASELINES)}'", "baseline"
        )
