"""One input and one network, as a function on masks that remembers its results."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from stabcert.core.types import Features, Masks, Probs, as_masks
from stabcert.models.batches import BatchSize, BatchSizes
from stabcert.models.evaluation import Evaluation
from stabcert.models.masked_input import MaskedInput
from stabcert.models.threads import one_thread

_CACHE_BYTES = 64 * 2**20
_ORDINARY_COST = 32


class ModelPredictor:
    """A network's prediction on one masked input, as a `stabcert.core.types.MaskedPredictor`.

    Calling it with ``(k, n_features)`` masks returns ``(k, n_classes)`` float64 probabilities. A
    mask that is requested several times is evaluated once (while its result is remembered). Masks
    are evaluated in batches, and a batch that does not fit into memory is halved.

    Decisions do not depend on batches: a mask whose two best classes are closer than three times the
    tolerance of the arithmetic (in logits) is evaluated again alone, and if they still are closer than the
    tolerance, by a copy of the network in float64 where there is one. That result is returned.
    ``decision_tolerance`` is what then remains: masks closer to a tie than this cannot be decided.

    Args:
        masked_input: the input and the network.
        class_names: one for each logit.
        batch_size: rows at a time, or ``auto``; see `stabcert.models.batches.BatchSizes`.
        batches: sizes found for an earlier input, used instead of ``batch_size``.
        autocast: compute in this precision with weights in float32.

    Raises:
        ParameterError: ``batch_size`` is below 1.
    """

    def __init__(
        self,
        masked_input: MaskedInput,
        class_names: tuple[str, ...],
        *,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
        batch_size: BatchSize = "auto",
        batches: BatchSizes | None = None,
        autocast: torch.dtype | None = None,
    ) -> None:
        self.masked_input = masked_input
        self.class_names = class_names
        self.device = device
        self.dtype = dtype
        self.batches = BatchSizes(batch_size, device) if batches is None else batches
        self.autocast = autocast
        self._evaluate = Evaluation(
            masked_input,
            len(class_names),
            device=device,
            dtype=dtype,
            batches=self.batches,
            autocast=autocast,
            count=self._count,
        )
        self.evaluations = 0
        """Rows that went through the network so far."""
        self.on_progress: Callable[[int], None] | None = None
        """Called with the number of rows after each batch."""
        self._cache: OrderedDict[bytes, NDArray[np.float64]] = OrderedDict()

    @property
    def batch_size(self) -> int:
        """Rows at a time where nothing is timed, as for gradients: the same in every run."""
        return self.batches.block(_ORDINARY_COST)

    @property
    def decision_tolerance(self) -> float:
        """Two best classes closer than this, in logits, cannot be told apart; see `stabcert.core.decisions`."""
        return self._evaluate.decision_tolerance

    @property
    def drift_tolerance(self) -> float:
        """Two evaluations of one mask, in two batches, move its log-probabilities relative to one another by less."""
        return self._evaluate.drift_tolerance

    @property
    def rechecked(self) -> int:
        """Masks so far that were so close to a tie that they were evaluated again in float64."""
        return self._evaluate.rechecked

    @property
    def drift(self) -> float:
        """Largest difference seen so far between the margins of one mask in a batch and alone, in logits."""
        return self._evaluate.drift

    @property
    def features(self) -> Features:
        return self.masked_input.features

    @property
    def n_features(self) -> int:
        return len(self.masked_input.features)

    @property
    def n_classes(self) -> int:
        return len(self.class_names)

    def __call__(self, masks: Masks, /) -> Probs:
        masks = as_masks(masks, self.n_features)
        keys = [row.tobytes() for row in np.packbits(masks, axis=1)]
        first = {key: i for i, key in reversed(list(enumerate(keys)))}
        found = {key: self._cache[key] for key in first if key in self._cache}
        missing = [key for key in first if key not in found]
        if missing:
            fresh = self._evaluate(masks[[first[key] for key in missing]])
            found.update(zip(missing, fresh, strict=True))
            self._remember(missing, fresh)
        if not keys:
            return np.empty((0, self.n_classes))
        return np.stack([found[key] for key in keys])

    def alone(self, masks: Masks) -> Probs:
        """Evaluate each mask individually, on one thread: equal to the last bit whatever the batch size.

        Meant for the few probabilities that are shown to people. Decisions are the same as those of a call.
        """
        masks = as_masks(masks, self.n_features)
        with one_thread():
            parts = [self._evaluate(masks[i : i + 1]) for i in range(len(masks))]
        probs = np.concatenate([np.empty((0, self.n_classes)), *parts])
        keys = [row.tobytes() for row in np.packbits(masks, axis=1)]
        for key, row in zip(keys, probs, strict=True):
            if key in self._cache:
                self._evaluate.observe(self._cache[key], row)
        self._remember(keys, probs)
        return probs

    def relaxed(self, weights: torch.Tensor) -> torch.Tensor:
        """Return differentiable logits for feature weights; see `MaskedInput.relaxed_logits`."""
        logits = self.masked_input.relaxed_logits(weights)
        self._count(len(weights))
        return logits

    def logits_at(self, points: torch.Tensor) -> torch.Tensor:
        """Return differentiable logits for changed inputs; see `MaskedInput.logits_at`."""
        logits = self.masked_input.logits_at(points)
        self._count(len(points))
        return logits

    def _count(self, rows: int) -> None:
        self.evaluations += rows
        if self.on_progress is not None:
            self.on_progress(rows)

    def _remember(self, keys: list[bytes], rows: Probs) -> None:
        for key, row in zip(keys, rows, strict=True):
            self._cache[key] = row.copy()  # a view would keep its whole array, and share it with the caller
        while len(self._cache) * self.n_classes * 8 > _CACHE_BYTES:
            self._cache.popitem(last=False)
