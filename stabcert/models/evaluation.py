"""Evaluation of masks: in batches that fit into memory, with decisions that do not depend on batches."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from stabcert.core.decisions import top_two_margin
from stabcert.core.types import Masks, Probs
from stabcert.errors import ModelError
from stabcert.models.batches import BatchSizes
from stabcert.models.full_precision import full_precision
from stabcert.models.heads import Head
from stabcert.models.masked_input import MaskedInput
from stabcert.models.memory import is_out_of_memory, out_of_memory

# Two evaluations of one mask in different batches differ in the last bits of the arithmetic. Where
# the two largest log-probabilities are closer than this, the decision is made by evaluating the
# mask alone, and if that does not settle it, in float64. Measured drift in float32 is below 3e-5 of a logit.
DECISION_TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-10, torch.bfloat16: 0.1, torch.float16: 0.02}
# The drift grows with the logits; of a model whose logits are large it is this share of the largest one.
_RELATIVE_TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-13, torch.bfloat16: 0.02, torch.float16: 2e-3}
# Rounding in float64, of logits up to a million.
_EXACT_TOLERANCE = 1e-9
# The same as a share of the largest output. Outputs that are numbers may be of any size.
_EXACT_SHARE = 1e-13
_STEP_OF_NUMBERS = 16.0
_EXACT_ROWS = 16


class Evaluation:
    """A masked input as a function of ``(k, n_features)`` masks to ``(k, n_classes)`` probabilities, float64.

    Rows of equal cost share batches, a batch that does not fit into memory is halved, and rows whose two best
    classes are close are evaluated alone; see `stabcert.models.base.ModelPredictor`, which remembers results.

    Args:
        masked_input: the input and the network.
        n_classes: number of logits that the network returns.
        dtype: type of the arithmetic.
        autocast: compute in this precision with weights in float32.
        count: called with the number of rows that went through the network.
        head: function from the outputs of the network to the logits of the classes; None where they are the same.
    """

    def __init__(
        self,
        masked_input: MaskedInput,
        n_classes: int,
        *,
        device: torch.device,
        dtype: torch.dtype,
        batches: BatchSizes,
        autocast: torch.dtype | None,
        count: Callable[[int], None],
        head: Head | None = None,
    ) -> None:
        self._head = head
        self._masked_input = masked_input
        self._n_classes = n_classes
        self._device = device
        self._dtype = dtype
        self._batches = batches
        self._autocast = autocast
        self._count = count
        self.drift_tolerance = DECISION_TOLERANCE[dtype]
        """Two evaluations of one mask, in two batches, move its log-probabilities relative to one another by less."""
        has_float64 = dtype == torch.float32 and device.type in ("cpu", "cuda")
        self._exact = masked_input.in_float64() if has_float64 else None
        self.decision_tolerance = self.drift_tolerance if self._exact is None else _EXACT_TOLERANCE
        """Two best classes closer than this, in logits, cannot be told apart. It grows when the
        network cannot compute in float64, before the first result that would have needed that is returned."""
        self.rechecked = 0
        """Masks so close to a tie that they were evaluated again in float64."""
        self.drift = 0.0
        """Largest difference seen so far between the margins of one mask in a batch and alone, in logits."""

    def __call__(self, masks: Masks, /) -> Probs:
        """Evaluate in batches of equal cost, the cheap ones first; evaluate near ties again."""
        probs, tolerances = np.empty((len(masks), self._n_classes)), np.empty(len(masks))
        for cost, rows in self._groups(masks):
            self._evaluate_group(masks, rows, cost, probs, tolerances)
        # Wider than the tolerance: whether a mask is a near tie is then decided by the mask alone, too.
        close = np.flatnonzero(top_two_margin(probs) < 3 * tolerances)
        try:
            self._settle(masks, close, probs)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            raise out_of_memory(self._device) from error
        return probs

    def _groups(self, masks: Masks) -> Iterator[tuple[int, NDArray[np.intp]]]:
        """Yield rows of one cost, the cheap ones first; or of several costs that fit into one block."""
        costs = self._masked_input.cost(masks)
        gathered, dearest = np.empty(0, dtype=np.intp), 0
        for cost in (int(value) for value in np.unique(costs)):
            rows = np.flatnonzero(costs == cost)
            if len(gathered) and not (
                self._masked_input.pads and len(gathered) + len(rows) <= self._batches.block(cost)
            ):
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
        """Evaluate rows of one cost. An asynchronous device gets the next batch before the last one is fetched."""
        queued: list[tuple[NDArray[np.intp], torch.Tensor]] = []
        start = 0
        while start < len(rows) or queued:
            began = time.perf_counter()
            left = len(rows) - start
            part = rows[start : start + self._batches.rows(cost, left)] if left else rows[:0]
            ahead = self._device.type == "cuda" and left > 0 and not self._batches.is_timing
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
                first = self._batches.timed(len(part), cost, time.perf_counter() - began)
                if first and not self._same_bits(masks, part, cost, probs):
                    self._batches.refuse()
                    start -= len(part)
                    self._count(-len(part))  # they are evaluated again

    def _same_bits(self, masks: Masks, rows: NDArray[np.intp], cost: int, probs: Probs) -> bool:
        """Return whether the first block of a batch has the same bits alone as in the batch."""
        block = rows[: self._batches.block(cost)]
        again, _ = self._read(self._logits(masks[block]), len(block))  # not requested, so not counted
        return bool(np.array_equal(again, probs[block]))

    def _settle(self, masks: Masks, rows: NDArray[np.intp], probs: Probs) -> None:
        """Decide masks close to a tie: alone, and where that does not settle it in float64."""
        undecided = []
        for row in rows:
            alone, tolerance = self._fetch(self._logits(masks[row : row + 1]), 1)
            self.observe(probs[row], alone[0], float(tolerance[0]))
            probs[row] = alone[0]
            if top_two_margin(alone)[0] < tolerance[0]:
                undecided.append(row)
        if self._exact is None:
            return
        for start in range(0, len(undecided), _EXACT_ROWS):
            part = undecided[start : start + _EXACT_ROWS]
            try:
                with torch.inference_mode():
                    logits = self._exact.logits(masks[part])
            except ModelError:  # mixtures of experts, for example, multiply matrices that cannot be of float64
                self._exact, self.decision_tolerance = None, self.drift_tolerance
                return
            probs[part], _ = self._fetch(logits, len(part), exact=True)
            self.rechecked += len(part)

    def observe(self, in_batch: NDArray[np.float64], alone: NDArray[np.float64], tolerance: float = 0.0) -> None:
        """Record how far the margin between the two best classes moved; refuse a model that depends on its batches."""
        best = np.argsort(alone)[-2:]
        if min(in_batch[best].min(), alone[best].min()) <= 0.0:
            return
        moved = np.log(in_batch[best]) - np.log(alone[best])
        drift = abs(float(moved[1] - moved[0]))
        self.drift = max(self.drift, drift)
        if drift > max(tolerance, self.drift_tolerance):
            raise ModelError(
                f"the prediction for one masked input changes by {drift:.2g} (in logits) with the rest of its batch, "
                f"and rounding explains only {max(tolerance, self.drift_tolerance):.2g}. Use batch_size=1"
            )

    def _halve(self, rows: int, cost: int, error: BaseException) -> None:
        if rows == 1:
            raise out_of_memory(self._device) from error
        self._batches.halve(rows, cost)
        if self._device.type == "cuda":
            torch.cuda.empty_cache()

    def _logits(self, masks: Masks) -> torch.Tensor:
        autocast = torch.autocast(self._device.type, self._autocast, self._autocast is not None)
        with torch.inference_mode(), full_precision(self._device), autocast:
            return self._masked_input.logits(masks)

    def outputs(self, masks: Masks) -> NDArray[np.float64]:
        """Return the outputs of the network for each mask, evaluated alone: ``(k, n_outputs)``, before the head."""
        rows = []
        for row in range(len(masks)):
            rows.append(self._checked(self._logits(masks[row : row + 1]), 1).numpy())
            self._count(1)
        return np.concatenate(rows)

    def _fetch(self, logits: torch.Tensor, rows: int, *, exact: bool = False) -> tuple[Probs, NDArray[np.float64]]:
        """Return the probabilities of a batch and the tolerance of each row, and count the rows."""
        read = self._read(logits, rows, exact=exact)
        self._count(rows)
        return read

    def _read(self, logits: torch.Tensor, rows: int, *, exact: bool = False) -> tuple[Probs, NDArray[np.float64]]:
        values = self._checked(logits, rows)
        largest = values.abs().amax(dim=-1).numpy()
        if self._head is not None:
            values = self._head.logits(values)
            if self._head.of_numbers:
                self._widen(float(largest.max(initial=0.0)), exact=exact)
        probs: Probs = torch.softmax(values, dim=-1).numpy()
        return probs, np.maximum(self.drift_tolerance, _RELATIVE_TOLERANCE[self._dtype] * largest)

    def _checked(self, logits: torch.Tensor, rows: int) -> torch.Tensor:
        """Return the outputs of the network in float64 on the CPU."""
        # float64 before the softmax: rounding after it could merge the two best classes.
        # MPS has no float64, hence the CPU first.
        values = logits.cpu().double()
        expected = self._n_classes if self._head is None else self._head.n_outputs
        if values.shape != (rows, expected):
            raise ModelError(f"the model returned shape {tuple(values.shape)} for {rows} inputs and {expected} labels")
        if not bool(torch.isfinite(values).all()):
            raise ModelError("the model returned numbers that are not finite (NaN or infinity)")
        return values

    def _widen(self, largest: float, *, exact: bool) -> None:
        """Raise the tolerances to what rounding does to outputs as large as these, before any of them is returned."""
        # In large steps, so that runs with other masks have the same tolerances nearly always.
        largest = _STEP_OF_NUMBERS ** math.ceil(math.log(max(1.0, largest), _STEP_OF_NUMBERS))
        if exact:
            self.decision_tolerance = max(self.decision_tolerance, _EXACT_SHARE * largest)
            return
        self.drift_tolerance = max(self.drift_tolerance, _RELATIVE_TOLERANCE[self._dtype] * largest)
        if self._exact is None:
            self.decision_tolerance = max(self.decision_tolerance, self.drift_tolerance)
