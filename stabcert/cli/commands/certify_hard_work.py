"""The work of ``certify-hard`` on one input: the certificate, the unsmoothed model, and counterexamples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from stabcert.cli.command import Beside, Checked, Command, Found
from stabcert.cli.commands.certify_hard_request import HardRequest, RecordedAddition
from stabcert.cli.explanation import by_file
from stabcert.cli.opening import Case
from stabcert.cli.reporting import report_of
from stabcert.cli.verify.again import compared
from stabcert.core.decisions import decide, predict
from stabcert.core.hard.attack import find_flip
from stabcert.core.hard.bernoulli import answer_bernoulli
from stabcert.core.hard.certificate import EnumeratedRadius, HardCertificate
from stabcert.core.hard.certify import answer_hard, check_addition
from stabcert.core.hard.exhaustive import enumerate_hard_radius
from stabcert.core.hard.finding import (
    Attack,
    Broken,
    Check,
    HardFinding,
    Smoothed,
    agrees,
    keeps_prediction,
    reported,
)
from stabcert.core.hard.question import BernoulliQuestion, HardQuestion
from stabcert.core.hard.sweep import Rank, rank_of, swept_counts
from stabcert.core.mask_flags import MaskFlags, certain_classes, compare_classes
from stabcert.core.noise import quantized_keep_masks
from stabcert.core.prediction import Prediction
from stabcert.core.smoothing import SmoothedPredictor
from stabcert.core.streams import NOISE_STREAM, Stream, noise_generator
from stabcert.models.predictions import predictions_alone, predictions_by
from stabcert.records.findings import Status
from stabcert.records.hard import HardResult
from stabcert.records.refusal import allowed_of
from stabcert.report.record import Report

if TYPE_CHECKING:
    from stabcert.core.types import Mask, MaskedPredictor, Masks
    from stabcert.report.canvas import Exhibit
    from stabcert.report.document import Document


@dataclass(frozen=True)
class HardFound(Found):
    """The certificate, the radius of the unsmoothed model, and counterexamples."""

    request: dict[str, Any] = field(default_factory=dict)
    """The recorded request, with the evaluations used for testing every addition."""


@dataclass(frozen=True)
class CertifyHard(Command[HardFound]):
    """``certify-hard`` with its request."""

    name: ClassVar[str] = "certify-hard"
    request: HardRequest

    def check_mask(self, mask: Mask) -> None:
        self.request.check_mask(mask)

    def record(self, case: Case, found: HardFound, beside: Beside) -> Report:
        if not isinstance(found.certificate, HardFinding):
            raise TypeError("certify-hard finds a certificate")
        result = HardResult.of(found.certificate, case.class_names, request=found.request).to_dict()
        return report_of(self.name, case, found, beside, result)

    def document(self, exhibit: Exhibit) -> Document:
        from stabcert.report.says.hard import hard_document

        return hard_document(exhibit)

    @classmethod
    def verify(cls, record: dict[str, Any], opened: Callable[[], Case] | None) -> Checked:
        if opened is None:
            from stabcert.verify.hard import hard_checks

            return Checked(*hard_checks(record, lambda: _request_of(record).question()))
        return compared(cls(_request_of(record)), record, opened)

    def certify(self, case: Case) -> HardFound:
        predictor, mask, request = case.predictor, case.choice.mask, self.request
        free = int((~mask).sum())
        request.check_free(free)
        enumerate_calls = self._enumerate_calls(free)
        (plain, plain_masked), _ = predictions_alone(predictor, np.stack([np.ones(len(mask), dtype=np.bool_), mask]))
        function: SmoothedPredictor | None = None
        rows: list[Smoothed] = []
        question = request.question()
        if isinstance(question, BernoulliQuestion):
            smoothed = self._independent(case, question)
        else:
            answers = self._frozen(case, question, plain)
            smoothed, function = answers[0]
            if request.several:
                rows = [one for one, _ in answers]
        enumerated = None
        if enumerate_calls:
            enumerated = _enumerated(enumerate_hard_radius(predictor, mask, max_evaluations=enumerate_calls), mask)
        finding = HardFinding(
            smoothed=smoothed,
            direction=request.direction,
            quantization=None if request.bernoulli else request.quantization,
            noise_seed=None if request.bernoulli else (request.seed, NOISE_STREAM),
            plain=plain,
            plain_masked=plain_masked,
            threshold=request.min_radius,
            enumerated=enumerated,
            attack=self._attack(case, function, smoothed.certificate, enumerated),
            check=None if function is None else self._check(case, function),
            sweep=tuple(rows),
            chosen=request.choice is not None,
        )
        status: Status = "reported" if finding.met is None else "certified" if finding.met else "not-certified"
        asked = replace(request, enumerate_calls=enumerate_calls).record()
        return HardFound(
            status, function, finding, flags=finding.smoothed.flags, allowed=allowed_of(asked), request=asked
        )

    def _frozen(
        self, case: Case, question: HardQuestion, plain: Prediction
    ) -> list[tuple[Smoothed, SmoothedPredictor]]:
        """Return one question answered for one lambda, or for every lambda of the sweep, best first.

        Where lambda is chosen, only those are refined that keep the prediction, because others are not chosen.
        """
        mask, request = case.choice.mask, self.request
        free = int((~mask).sum())
        counts = swept_counts(request.quantization, free, request.keep) if request.several else (request.keep,)
        asked = question if request.choice is None else replace(question, refine=0)
        functions = [self._smoothed(case.predictor, keep) for keep in counts]
        # All noise masks of the masked and of the full input in one call, so that batches are full. Results are cached.
        noise = np.concatenate([function.keep_masks for function in functions])
        predict(case.predictor, np.concatenate([noise & mask, noise]))
        found = [(self._answer(case, function, asked), function) for function in functions]
        found.sort(key=lambda one: self._rank(one[0], plain))
        if request.choice is not None and question.refine > 0:
            # Least noise first: if nothing that is added matters there, more noise is never better.
            keeping = [i for i, (one, _) in enumerate(found) if keeps_prediction(one, plain)] or [0]
            for i in sorted(keeping, key=lambda i: self._rank(found[i][0], plain).keep_probability):
                if not found[i][0].certificate.stable_for_all_supersets:
                    found[i] = (self._answer(case, found[i][1], question), found[i][1])
                if found[i][0].certificate.stable_for_all_supersets:
                    break
            found.sort(key=lambda one: self._rank(one[0], plain))
        return found

    def _answer(self, case: Case, function: SmoothedPredictor, question: HardQuestion) -> Smoothed:
        mask = case.choice.mask
        certificate = answer_hard(function, mask, question, judge_mask=False)
        masked, full = (
            Prediction.of(row, case.class_names)
            for row in predict(function, np.stack([mask, np.ones(len(mask), dtype=np.bool_)]))
        )
        return Smoothed(certificate, masked, full, _flags(function, mask))

    def _rank(self, one: Smoothed, plain: Prediction) -> Rank:
        """Return the sort key: the prediction is kept, then the largest radius, then the least noise."""
        certificate = one.certificate
        return rank_of(
            reported(certificate.proof, self.request.direction),
            certificate.keep_probability or Fraction(0),
            masked=one.masked.id,
            plain=plain.id,
            agrees=agrees(one, plain),
            n_free=certificate.n_free,
        )

    def _smoothed(self, predictor: MaskedPredictor, keep: int) -> SmoothedPredictor:
        rng = noise_generator(self.request.seed, NOISE_STREAM)
        masks: Masks = quantized_keep_masks(
            predictor.n_features, keep=keep, quantization=self.request.quantization, rng=rng
        )
        return SmoothedPredictor(predictor, masks, scores=self.request.scores)

    def _independent(self, case: Case, question: BernoulliQuestion) -> Smoothed:
        """Return the certificate for independent noise; shares of its draws estimate smoothed probabilities."""
        request = self.request
        rng = case.draws.generator(
            Stream.bernoulli, case.choice.mask, request.of_draws(question), rule=request.stream_rule
        )
        certificate = answer_bernoulli(case.predictor, case.choice.mask, question, judge_mask=False, rng=rng)
        votes, full_votes, names = certificate.votes, certificate.full_votes, case.class_names
        masked = Prediction(
            certificate.prediction,
            names[certificate.prediction],
            float(votes[certificate.prediction] / max(1, votes.sum())),
        )
        full = None if full_votes is None else Prediction.of(full_votes / max(1, full_votes.sum()), names)
        # Noise does not change the empty input, on which the smoothed model therefore equals the unsmoothed model.
        empty = np.zeros((1, len(case.choice.mask)), dtype=np.bool_)
        masked_class = certificate.prediction if certificate.gap > 0 else None
        flags = compare_classes(case.choice.mask, None, masked_class, certain_classes(decide(case.predictor, empty))[0])
        return Smoothed(certificate, masked, full, replace(flags, consistent=certificate.consistent))

    def _enumerate_calls(self, free: int) -> int:
        """Return the model evaluations for testing every addition, or 0 to omit the test."""
        request = self.request
        calls = request.enumerate_calls
        if calls is None:
            # At most the cost of smoothing, and only if it suffices for all single additions.
            affordable = 2 * request.quantization if request.n_samples is None else request.n_samples
            return affordable if free + 1 <= affordable else 0
        return calls

    def _attack(
        self,
        case: Case,
        function: SmoothedPredictor | None,
        certificate: HardCertificate,
        enumerated: EnumeratedRadius | None,
    ) -> Attack | None:
        """Search with half of the evaluations for the smoothed model, and half for the unsmoothed one."""
        calls = self.request.attack
        if calls is None:
            return None
        broken = None
        if function is not None and not certificate.stable_for_all_supersets:
            rows = calls // 2 // len(function.keep_masks)  # each row costs one evaluation for every noise mask
            broken = self._search(case, function, rows, certificate.radius_incremental)
        if enumerated is not None and enumerated.exact:
            # The test of every addition has found a smallest flip.
            model = None if enumerated.flip is None else _broken(case, case.predictor, enumerated.flip)
        else:
            known = 0 if enumerated is None else enumerated.radius
            model = self._search(case, case.predictor, calls if function is None else calls // 2, known)
        return Attack(calls, broken, model)

    def _search(self, case: Case, function: MaskedPredictor, rows: int, known_stable: int) -> Broken | None:
        rng = case.draws.apart(Stream.attack)
        flip = find_flip(function, case.choice.mask, max_evaluations=rows, rng=rng, known_stable=known_stable)
        return None if flip is None else _broken(case, function, flip)

    def _check(self, case: Case, function: SmoothedPredictor) -> Check | None:
        given = self.request.check
        if given is None:
            return None
        mask = case.choice.mask
        if isinstance(given, RecordedAddition):
            named = np.zeros(len(mask), dtype=np.bool_)
            named[[i for i in given.added if i < len(mask)]] = True
            file, sha256 = given.file, given.sha256
        else:
            chosen = by_file(given, len(mask))
            named, file, sha256 = chosen.mask, chosen.settings["file"], chosen.settings["sha256"]
        # Only the added features, because the file may repeat those of the explanation.
        added = named & ~mask
        found = check_addition(function, mask, mask | added)
        prediction = Prediction.of(predict(function, (mask | added)[None])[0], case.class_names)
        return Check(file, sha256, added, found, prediction)


def _request_of(record: dict[str, Any]) -> HardRequest:
    return HardRequest.from_record(record["result"]["request"], record["result"]["check"])


def _flags(function: SmoothedPredictor, mask: Mask) -> MaskFlags:
    """Return the flags of a mask. Their three inputs cost nothing more, because the record shows them anyway."""
    everything, nothing = np.ones_like(mask), np.zeros_like(mask)
    return compare_classes(mask, *certain_classes(decide(function, np.stack([everything, mask, nothing]))))


def _enumerated(found: EnumeratedRadius, mask: Mask) -> EnumeratedRadius:
    """Return the radius with a flip that contains only the added features."""
    return found if found.flip is None else replace(found, flip=found.flip & ~mask)


def _broken(case: Case, function: MaskedPredictor, flip: Mask) -> Broken:
    mask = case.choice.mask
    (prediction,) = predictions_by(function, (mask | flip)[None], case.class_names)
    return Broken(flip & ~mask, prediction)
