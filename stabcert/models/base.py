"""One input and one network, as a function on masks: batches, memory, duplicates, precision."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from stabcert.core.decisions import top_two_margin
from stabcert.core.types import Features, Masks, Probs, as_masks
from stabcert.errors import ModelError, ParameterError
from stabcert.models.threads import one_thread

BatchSize: TypeAlias = int | Literal["auto"]
AUTO_BATCH_SIZE = {"cpu": 32}
"""By type of device; 64 on any other. A batch that is too large is halved when memory runs out."""

# Two evaluations of one mask in different batches differ in the last bits of the arithmetic. Where
# the two largest log-probabilities are closer than this, the decision is made by evaluating the
# mask alone. Measured drift in float32 is below 2e-5 of a logit (padding, batch composition).
DECISION_TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-10, torch.bfloat16: 0.1, torch.float16: 0.02}

_CACHE_BYTES = 64 * 2**20


class MaskedInput(Protocol):
    """One fixed input of one network; what `ModelPredictor` needs to know about a modality."""

    @property
    def features(self) -> Features: ...

    @property
    def settings(self) -> dict[str, Any]:
        """JSON-ready: how features are dropped (baseline and what else defines the function)."""
        ...

    def cost(self, masks: Masks) -> NDArray[np.int64]:
        """Relative cost of each row; rows of equal cost are best evaluated together."""
        ...

    def logits(self, masks: Masks) -> torch.Tensor:
        """``(k, n_features)`` bool to ``(k, n_classes)`` logits on the device."""
        ...

    def relaxed_logits(self, weights: torch.Tensor) -> torch.Tensor:
        """``(k, n_features)`` weights to logits, differentiable in the weights.

        Equal to the full input at all ones; what it is elsewhere is said in `relaxation`. Weights
        outside [0, 1] extrapolate.
        """
        ...

    @property
    def relaxation(self) -> str: ...

    @property
    def point(self) -> torch.Tensor:
        """``(1, ...)``: what the network reads for the full input, as numbers: pixels or embeddings."""
        ...

    def logits_at(self, points: torch.Tensor) -> torch.Tensor:
        """``(k, ...)`` points like `point` to logits, differentiable in the points."""
        ...

    def per_feature(self, values: torch.Tensor) -> torch.Tensor:
        """``(k, ...)`` values, one for each number of `point`, summed over each feature: ``(k, n_features)``.

        Numbers that belong to no feature (embeddings of special tokens) are left out.
        """
        ...


class ModelPredictor:
    """A network's prediction on one masked input, as a `stabcert.core.types.MaskedPredictor`.

    Calling it with ``(k, n_features)`` masks returns ``(k, n_classes)`` float64 probabilities. A
    mask is evaluated once however often it is asked for (while its result is remembered); masks
    are evaluated in batches, and a batch that does not fit into memory is halved.

    Decisions do not depend on batches: a mask whose two best classes are closer than three times
    ``decision_tolerance`` (in logits) is evaluated again alone, and that result is returned.
    """

    def __init__(
        self,
        masked_input: MaskedInput,
        class_names: tuple[str, ...],
        *,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
        batch_size: BatchSize = "auto",
    ) -> None:
        if batch_size != "auto" and batch_size < 1:
            raise ParameterError(f"batch size {batch_size} is not possible; use 1 or more, or auto")
        self.masked_input = masked_input
        self.class_names = class_names
        self.device = device
        self.dtype = dtype
        self.decision_tolerance = DECISION_TOLERANCE[dtype]
        self.batch_size = AUTO_BATCH_SIZE.get(device.type, 64) if batch_size == "auto" else batch_size
        self.evaluations = 0
        """Rows that went through the network so far."""
        self.on_progress: Callable[[int], None] | None = None
        """Called with the number of rows after each batch."""
        self._cache: OrderedDict[bytes, NDArray[np.float64]] = OrderedDict()

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
        """Like a call, but every mask by itself, by one thread: equal to the last bit whatever the batch size.

        For the few probabilities that are shown to people; decisions are the same either way.
        """
        masks = as_masks(masks, self.n_features)
        with one_thread():
            parts = [self._evaluate(masks[i : i + 1]) for i in range(len(masks))]
        probs = np.concatenate([np.empty((0, self.n_classes)), *parts])
        self._remember([row.tobytes() for row in np.packbits(masks, axis=1)], probs)
        return probs

    def relaxed(self, weights: torch.Tensor) -> torch.Tensor:
        """Differentiable logits for feature weights; see `MaskedInput.relaxed_logits`."""
        logits = self.masked_input.relaxed_logits(weights)
        self._count(len(weights))
        return logits

    def logits_at(self, points: torch.Tensor) -> torch.Tensor:
        """Differentiable logits for changed inputs; see `MaskedInput.logits_at`."""
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

    def _evaluate(self, masks: Masks) -> Probs:
        order = np.argsort(self.masked_input.cost(masks), kind="stable")
        probs = np.empty((len(masks), self.n_classes))
        start = 0
        while start < len(masks):
            rows = order[start : start + self.batch_size]
            try:
                probs[rows] = self._probabilities(masks[rows])
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                self._halve(error)
                continue
            start += len(rows)
        # A wider band than the tolerance: whether a mask is a near tie is then decided by the mask alone, too.
        for row in np.flatnonzero(top_two_margin(probs) < 3 * self.decision_tolerance):
            try:
                probs[row] = self._probabilities(masks[row : row + 1])[0]
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                raise out_of_memory(self.device) from error
        return probs

    def _halve(self, error: BaseException) -> None:
        if self.batch_size == 1:
            raise out_of_memory(self.device) from error
        self.batch_size //= 2
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def _probabilities(self, masks: Masks) -> Probs:
        with torch.inference_mode():
            logits = self.masked_input.logits(masks)
            # float64 before the softmax: rounding after it could merge the two best classes.
            # MPS has no float64, hence the CPU first.
            values = logits.cpu().double()
            probs = torch.softmax(values, dim=-1).numpy()
        if probs.shape != (len(masks), self.n_classes):
            raise ModelError(
                f"the model returned shape {tuple(probs.shape)} for {len(masks)} inputs and {self.n_classes} labels"
            )
        if not bool(torch.isfinite(values).all()):
            raise ModelError("the model returned numbers that are not finite (NaN or infinity)")
        self._count(len(masks))
        result: Probs = probs
        return result


def out_of_memory(device: torch.device) -> ModelError:
    """The error for a device on which not even one input fits."""
    return ModelError(
        f"out of memory on {device} even with one input at a time; "
        "use a smaller model, --dtype bfloat16, or --device cpu"
    )


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception of torch means that memory, on whatever device, was too small."""
    if isinstance(error, (MemoryError, torch.cuda.OutOfMemoryError)):
        return True
    # The CPU and MPS allocators have no exception class of their own.
    text = str(error)
    return "out of memory" in text or "can't allocate memory" in text or "not enough memory" in text
