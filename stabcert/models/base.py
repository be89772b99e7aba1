"""One input and one network, as a function on masks: batches, memory, duplicates, precision."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from stabcert.core.decisions import top_two_margin
from stabcert.core.types import Features, Masks, Probs, as_masks
from stabcert.errors import ModelError
from stabcert.models.batches import IMAGE_COST, BatchSize, BatchSizes
from stabcert.models.memory import is_out_of_memory, out_of_memory
from stabcert.models.threads import one_thread

# Two evaluations of one mask in different batches differ in the last bits of the arithmetic. Where
# the two largest log-probabilities are closer than this, the decision is made by evaluating the
# mask alone, and if that does not settle it, in float64. Measured drift in float32 is below 3e-5 of a logit.
DECISION_TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-10, torch.bfloat16: 0.1, torch.float16: 0.02}
# The drift grows with the logits; of a model whose logits are large it is this share of the largest one.
_RELATIVE_TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-13, torch.bfloat16: 0.02, torch.float16: 2e-3}
# Rounding in float64, of logits up to a million.
_EXACT_TOLERANCE = 1e-9
_EXACT_ROWS = 16

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
        """``(k,)``, 1 or more: the work for each row, in tokens; rows of equal cost are evaluated together."""
        ...

    @property
    def pads(self) -> bool:
        """Whether rows of different cost can share a batch, at the cost of the dearest."""
        ...

    def logits(self, masks: Masks) -> torch.Tensor:
        """``(k, n_features)`` bool to ``(k, n_classes)`` logits on the device."""
        ...

    def in_float64(self) -> MaskedInput | None:
        """The same input and weights in float64 arithmetic; None where that is not to be had.

        Cheap: the copy of the weights is made when it is first used.
        """
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

    Decisions do not depend on batches: a mask whose two best classes are closer than three times the
    tolerance of the arithmetic (in logits) is evaluated again alone, and if they still are closer than the
    tolerance, by a copy of the network in float64 where there is one. That result is returned.
    ``decision_tolerance`` is what then remains: masks closer to a tie than this cannot be decided.

    Args:
        masked_input: the input and the network.
        class_names: one for each logit.
        batch_size: rows at a time, or ``auto``; see `stabcert.models.batches.BatchSizes`.
        batches: sizes that were found before, in the place of ``batch_size``: what one input taught serves the next.
        autocast: compute in this precision with weights in float32.

    Raises:
        ParameterError: a batch size below 1.
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
        self.drift_tolerance = DECISION_TOLERANCE[dtype]
        """Two evaluations of one mask, in two batches, move its log-probabilities relative to one another by less."""
        has_float64 = dtype == torch.float32 and device.type in ("cpu", "cuda")
        self._exact = masked_input.in_float64() if has_float64 else None
        self.evaluations = 0
        """Rows that went through the network so far."""
        self.rechecked = 0
        """Masks so close to a tie that they were evaluated again in float64."""
        self.drift = 0.0
        """Largest difference seen so far between the margins of one mask in a batch and alone, in logits."""
        self.on_progress: Callable[[int], None] | None = None
        """Called with the number of rows after each batch."""
        self._cache: OrderedDict[bytes, NDArray[np.float64]] = OrderedDict()

    @property
    def batch_size(self) -> int:
        """Rows at a time of an ordinary image; the same in every run."""
        return self.batches.block(IMAGE_COST)

    @property
    def decision_tolerance(self) -> float:
        """Two best classes closer than this, in logits, cannot be told apart; see `stabcert.core.decisions`."""
        return self.drift_tolerance if self._exact is None else _EXACT_TOLERANCE

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
        keys = [row.tobytes() for row in np.packbits(masks, axis=1)]
        for key, row in zip(keys, probs, strict=True):
            if key in self._cache:
                self._observe(self._cache[key], row)
        self._remember(keys, probs)
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
        """In batches of equal cost, the cheap ones first; near ties again."""
        probs, tolerances = np.empty((len(masks), self.n_classes)), np.empty(len(masks))
        for cost, rows in self._groups(masks):
            self._evaluate_group(masks, rows, cost, probs, tolerances)
        # Wider than the tolerance: whether a mask is a near tie is then decided by the mask alone, too.
        close = np.flatnonzero(top_two_margin(probs) < 3 * tolerances)
        try:
            self._settle(masks, close, probs)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            raise out_of_memory(self.device) from error
        return probs

    def _groups(self, masks: Masks) -> Iterator[tuple[int, NDArray[np.intp]]]:
        """Rows of one cost, the cheap ones first; or of several, where all of them are no more than one block."""
        costs = self.masked_input.cost(masks)
        gathered, dearest = np.empty(0, dtype=np.intp), 0
        for cost in (int(value) for value in np.unique(costs)):
            rows = np.flatnonzero(costs == cost)
            if len(gathered) and not (self.masked_input.pads and len(gathered) + len(rows) <= self.batches.block(cost)):
                yield dearest, gathered
                gathered = gathered[:0]
            gathered, dearest = np.concatenate([gathered, rows]), cost
        if len(gathered):
            yield dearest, gathered

    def _evaluate_group(
        self,
        masks: Masks,
        rows: NDArray[np.intp],
        cost: int,
        probs: Probs,
        tolerances: NDArray[np.float64],
    ) -> None:
        """Rows of one cost. A device that works on its own is given the next batch before the last one is fetched."""
        queued: list[tuple[NDArray[np.intp], torch.Tensor]] = []
        start = 0
        while start < len(rows) or queued:
            began = time.perf_counter()
            left = len(rows) - start
            part = rows[start : start + self.batches.rows(cost, left)] if left else rows[:0]
            ahead = self.device.type == "cuda" and left > 0 and not self.batches.is_timing
            try:
                if left:
                    queued.append((part, self._logits(masks[part])))
                    start += len(part)
                while len(queued) > ahead:
                    fetched, logits = queued[0]
                    probs[fetched], tolerances[fetched] = self._fetch(logits, len(fetched))
                    queued.pop(0)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                start -= sum(len(waiting) for waiting, _ in queued)  # what was not fetched is done again
                self._halve(max([len(part), *(len(waiting) for waiting, _ in queued)]), cost, error)
                queued.clear()
                continue
            if left:
                first = self.batches.timed(len(part), cost, time.perf_counter() - began)
                if first and not self._same_bits(masks, part, cost, probs):
                    self.batches.refuse()
                    start -= len(part)

    def _same_bits(self, masks: Masks, rows: NDArray[np.intp], cost: int, probs: Probs) -> bool:
        """Whether the first block of a batch gives by itself what it gave in the batch."""
        block = rows[: self.batches.block(cost)]
        again, _ = self._read(self._logits(masks[block]), len(block))  # nobody asked for it: not counted
        return bool(np.array_equal(again, probs[block]))

    def _settle(self, masks: Masks, rows: NDArray[np.intp], probs: Probs) -> None:
        """Decide what is close to a tie: alone, and where that does not settle it in float64."""
        undecided = []
        for row in rows:
            alone, tolerance = self._fetch(self._logits(masks[row : row + 1]), 1)
            self._observe(probs[row], alone[0], float(tolerance[0]))
            probs[row] = alone[0]
            if top_two_margin(alone)[0] < tolerance[0]:
                undecided.append(row)
        if self._exact is None:
            return
        self.rechecked += len(undecided)
        for start in range(0, len(undecided), _EXACT_ROWS):
            part = undecided[start : start + _EXACT_ROWS]
            with torch.inference_mode():
                logits = self._exact.logits(masks[part])
            probs[part], _ = self._fetch(logits, len(part))

    def _observe(self, in_batch: NDArray[np.float64], alone: NDArray[np.float64], tolerance: float = 0.0) -> None:
        """Note how far the margin between the two best classes moved; refuse a model whose batches matter too much."""
        best = np.argsort(alone)[-2:]
        if min(in_batch[best].min(), alone[best].min()) <= 0.0:
            return
        moved = np.log(in_batch[best]) - np.log(alone[best])
        drift = abs(float(moved[1] - moved[0]))
        self.drift = max(self.drift, drift)
        if drift > max(tolerance, self.drift_tolerance):
            raise ModelError(
                f"what this model says of one masked input changes by {drift:.2g} (in logits) with the others it is "
                f"evaluated with, and rounding explains only {max(tolerance, self.drift_tolerance):.2g}; "
                "use --batch-size 1"
            )

    def _halve(self, rows: int, cost: int, error: BaseException) -> None:
        if rows == 1:
            raise out_of_memory(self.device) from error
        self.batches.halve(rows, cost)
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def _logits(self, masks: Masks) -> torch.Tensor:
        with torch.inference_mode(), torch.autocast(self.device.type, self.autocast, self.autocast is not None):
            return self.masked_input.logits(masks)

    def _fetch(self, logits: torch.Tensor, rows: int) -> tuple[Probs, NDArray[np.float64]]:
        """Probabilities of a batch, and the tolerance of each row; counted."""
        read = self._read(logits, rows)
        self._count(rows)
        return read

    def _read(self, logits: torch.Tensor, rows: int) -> tuple[Probs, NDArray[np.float64]]:
        # float64 before the softmax: rounding after it could merge the two best classes.
        # MPS has no float64, hence the CPU first.
        values = logits.cpu().double()
        if values.shape != (rows, self.n_classes):
            raise ModelError(
                f"the model returned shape {tuple(values.shape)} for {rows} inputs and {self.n_classes} labels"
            )
        if not bool(torch.isfinite(values).all()):
            raise ModelError("the model returned numbers that are not finite (NaN or infinity)")
        probs: Probs = torch.softmax(values, dim=-1).numpy()
        largest = values.abs().amax(dim=-1).numpy()
        return probs, np.maximum(self.drift_tolerance, _RELATIVE_TOLERANCE[self.dtype] * largest)
