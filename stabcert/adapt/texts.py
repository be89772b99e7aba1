"""Texts as training inputs: the tokens of masked texts, with gradients by the weights of the network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray

from stabcert.adapt.examples import CheckedInputs, Example, about
from stabcert.adapt.masks import draw_kind
from stabcert.core.types import Mask, Masks
from stabcert.errors import InputError, ModelError
from stabcert.explainers import explain
from stabcert.models.hub import LoadedModel
from stabcert.models.networks import TextNetwork
from stabcert.models.running import pad_token_id, run, to_tensors
from stabcert.models.text import MaskedText

Arguments = dict[str, NDArray[np.int64]]

_TOKENS = {"cpu": 2048}
_ROWS = {"cpu": 16}
_ROWS_ELSEWHERE = 256
"""Most rows of a batch with padding; they are sorted by length, so that little is computed for padding."""


class TextInputs:
    """Masked texts of one model, by the code that certifies them; texts that are too long are refused or cut.

    Args:
        model: a text model.
        network: its network.
        features: kind of the features.
        baseline: replacement of a dropped feature.
        further_features: kinds of features that half of the training inputs have instead.
        truncate: cut texts that are too long for the model.
    """

    def __init__(
        self,
        model: LoadedModel,
        network: TextNetwork,
        features: str | None,
        baseline: str | None,
        further_features: tuple[str, ...],
        *,
        truncate: bool,
    ) -> None:
        self._model = model
        self._network = network
        self._features, self._baseline = "word" if features is None else features, baseline
        self._further_features = further_features
        self._truncate = truncate
        self._known: dict[tuple[str, str], MaskedText] = {}
        self._scores: dict[tuple[str, str], NDArray[np.float64]] = {}
        padding = (pad_token_id(network.module), network.tokenizer.pad_token_id, 0)
        self._filler = next(token for token in padding if token is not None)

    def check(self, model: LoadedModel, examples: Sequence[Example]) -> CheckedInputs:
        """Return features and settings of the first input; every refusal is that of the model's predictor."""
        masked = [self.masked(example) for example in examples]
        settings = {name: value for name, value in masked[0].settings.items() if name != "truncated"}
        return CheckedInputs(masked[0].features, settings, sum(bool(one.settings.get("truncated")) for one in masked))

    def masked(self, example: Example, rng: Generator | None = None, *, crop: bool = False) -> MaskedText:
        """Return an input, never cropped; with ``rng`` its features are of one of the kinds."""
        kind = draw_kind(self._features, self._further_features, rng)
        known = self._known.get((example.sha256, kind))
        if known is not None:
            return known
        if not isinstance(example.data, str):
            raise InputError(f"{self._model.id} classifies texts, and {example.id} is an image. Give texts")
        with about(example):
            made = self._model.predictor(
                example.data, features=kind, baseline=self._baseline, truncate=self._truncate
            ).masked_input
        if not isinstance(made, MaskedText):
            raise ModelError(f"{self._model.id} does not read {example.id} as a text. Give another model")
        self._known[example.sha256, kind] = made
        return made

    def rows_at_once(self, examples: Sequence[Example]) -> int | None:
        """Return how many rows to train on at a time where memory is not checked by the device; otherwise None."""
        tokens = _TOKENS.get(self._model.device.type)
        return None if tokens is None else max(1, tokens // max(self.masked(each).n_tokens_kept for each in examples))

    def logits(self, module: torch.nn.Module, rows: Sequence[tuple[MaskedText, Masks]]) -> torch.Tensor:
        """Return the logits of all masks of all texts, text by text, in the current mode of gradients."""
        single = [_row(masked, mask) for masked, masks in rows for mask in masks]
        order = sorted(range(len(single)), key=lambda i: len(single[i]["input_ids"]))
        batches = self._batches(order, [len(row["input_ids"]) for row in single])
        kept_only = all(masked.kept_only for masked, _ in rows)
        parts = [
            run(module, to_tensors(self._padded([single[i] for i in batch]), self._model.device), kept_only=kept_only)
            for batch in batches
        ]
        back = np.argsort(order, kind="stable")
        return torch.cat(parts)[torch.from_numpy(back).to(self._model.device)]

    def saliency(self, module: torch.nn.Module, inputs: Sequence[MaskedText]) -> list[NDArray[np.float64]]:
        """Return the importance of each feature for the original model's class, computed once for each text."""
        found = []
        for masked in inputs:
            key = (masked.text, masked.features.kind)
            if key not in self._scores:
                predictor = self._model.predictor(
                    masked.text, features=masked.features.kind, baseline=self._baseline, truncate=self._truncate
                )
                try:
                    self._scores[key] = explain(predictor, "saliency").scores
                except ModelError as error:
                    raise ModelError(
                        f"masks of attributions are not possible with {self._model.id}, because it gives no gradients "
                        "by word. Leave attribution out of mask_kinds"
                    ) from error
            found.append(self._scores[key])
        return found

    def _batches(self, order: list[int], lengths: list[int]) -> list[list[int]]:
        """Return rows of similar length together; of equal length where the network may read padding."""
        most = _ROWS.get(self._model.device.type, _ROWS_ELSEWHERE)
        batches: list[list[int]] = []
        for row in order:
            fits = bool(batches) and (
                lengths[batches[-1][0]] == lengths[row] or (self._network.removes_tokens and len(batches[-1]) < most)
            )
            if fits:
                batches[-1].append(row)
            else:
                batches.append([row])
        return batches

    def _padded(self, rows: Sequence[Arguments]) -> Arguments:
        width = max(len(row["input_ids"]) for row in rows)
        return {
            name: np.stack([_extended(row[name], width, self._filler if name == "input_ids" else 0) for row in rows])
            for name in rows[0]
        }


def _row(masked: MaskedText, mask: Mask) -> Arguments:
    inputs = masked.inputs(mask[None])
    length = int(inputs["attention_mask"].sum()) if masked.kept_only else None  # without padding
    return {name: values[0, :length] for name, values in inputs.items()}


def _extended(values: NDArray[np.int64], width: int, filler: int) -> NDArray[np.int64]:
    return np.concatenate([values, np.full(width - len(values), filler, dtype=np.int64)])
