"""One input and one network, as a function on masks that remembers its results."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from stabcert.core.types import Features, Mask, Masks, Probs, as_mask, as_masks
from stabcert.models.batches import BatchSize, BatchSizes
from stabcert.models.evaluation import Evaluation
from stabcert.models.heads import Head, Question, Scored
from stabcert.models.masked_input import MaskedInput
from stabcert.models.threads import one_thread

_CACHE_BYTES = 64 * 2**20
_ORDINARY_COST = 32
_MASKS_OF_THE_SCALE = 32


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
        head: the question whose two answers are the classes, or another function from the outputs of the network to
            two logits; None where its outputs are the logits of the classes.

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
        head: Head | None = None,
    ) -> None:
        self.masked_input = masked_input
        self.head = head
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
            head=head,
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

    def __repr__(self) -> str:
        classes = ", ".join(self.class_names[:4]) + ", ..." * (len(self.class_names) > 4)
        return f"<{type(self).__name__} of {self.features.counted(self.n_features)}, classes: {classes}>"

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
        outputs = self.masked_input.relaxed_logits(weights)
        self._count(len(weights))
        return outputs if self.head is None else self.head.logits(outputs)

    def logits_at(self, points: torch.Tensor) -> torch.Tensor:
        """Return differentiable logits for changed inputs; see `MaskedInput.logits_at`."""
        outputs = self.masked_input.logits_at(points)
        self._count(len(points))
        return outputs if self.head is None else self.head.logits(outputs)

    @property
    def question(self) -> Question | None:
        """The question whose two answers are the classes; None if the model predicts one of several classes."""
        return self.head if isinstance(self.head, Question) else None

    def outputs(self, masks: Masks) -> NDArray[np.float64] | None:
        """Return the output that the question is about, ``(k,)``, each evaluated alone; None without a question.

        That is the probability of a label, or a number.
        """
        question = self.question
        if question is None:
            return None
        with one_thread():
            values = self._evaluate.outputs(as_masks(masks, self.n_features))[:, question.output]
        return np.array([question.shown(float(value)) for value in values])

    def around(self, mask: Mask | None = None) -> ModelPredictor:
        """Return this predictor with the output for ``mask`` as the reference of a question with a tolerance.

        Args:
            mask: the masked input whose output is the reference; None for the full input.

        Another question has no reference: the predictor itself is returned.
        """
        question = self.question
        if question is None or question.kind != "within":
            return self
        kept = np.ones(self.n_features, dtype=np.bool_) if mask is None else as_mask(mask, self.n_features)
        with one_thread():
            value = float(self._evaluate.outputs(kept[None])[0, question.output])
        return self.with_question(question.around(value, "full" if mask is None else "mask"))

    def with_question(self, question: Question) -> ModelPredictor:
        """Return the same input and network with another question; evaluations are counted on from here."""
        predictor = self._with_head(question, question.answers)
        predictor.evaluations, predictor.on_progress = self.evaluations, self.on_progress
        return predictor

    def scored(self) -> ModelPredictor:
        """Return the predictor that attribution methods explain; its evaluations are counted here.

        It is this one, except for a question about a number. There methods explain the number itself, in the direction
        of the affirmative answer: the logistic function of the difference from the full input, divided by the largest
        difference on the empty input and 32 fixed random masks. A tolerance has the direction from the empty input to
        the full one. The probabilities of numbers far from a threshold would all be 0 or 1, and all scores 0.
        """
        question = self.question
        if question is None or question.kind == "probability":
            return self
        n = self.n_features
        some = np.random.default_rng(0).random((_MASKS_OF_THE_SCALE, n)) < 0.5
        masks = np.concatenate([np.ones((1, n), dtype=np.bool_), np.zeros((1, n), dtype=np.bool_), some])
        values = self._evaluate.outputs(masks)[:, question.output]
        scale = float(np.abs(values - values[0]).max()) or 1.0
        if question.kind == "within" and values[1] > values[0]:
            scale = -scale
        scored = Scored(question.output, question.n_outputs, float(values[0]), scale)
        predictor = self._with_head(scored, self.class_names)
        predictor.on_progress = self._count
        return predictor

    @property
    def scored_settings(self) -> dict[str, float]:
        """Numbers that define the function of a predictor that `scored` returned; empty for others."""
        return self.head.settings() if isinstance(self.head, Scored) else {}

    def _with_head(self, head: Head, class_names: tuple[str, ...]) -> ModelPredictor:
        return ModelPredictor(
            self.masked_input,
            class_names,
            device=self.device,
            dtype=self.dtype,
            batches=self.batches,
            autocast=self.autocast,
            head=head,
        )

    def _count(self, rows: int) -> None:
        self.evaluations += rows
        if self.on_progress is not None:
            self.on_progress(rows)

    def _remember(self, keys: list[bytes], rows: Probs) -> None:
        for key, row in zip(keys, rows, strict=True):
            self._cache[key] = row.copy()  # a view would keep its whole array, and share it with the caller
        while len(self._cache) * self.n_classes * 8 > _CACHE_BYTES:
            self._cache.popitem(last=False)
