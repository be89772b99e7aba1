"""What ``certify-hard`` does with one input: the certificate, the model itself beside it, counterexamples."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from numpy.random import Generator

from stabcert.cli.explanation import by_file
from stabcert.cli.options import exact_share
from stabcert.cli.session import Case, Outcome
from stabcert.core.decisions import predict
from stabcert.core.hard.attack import find_flip
from stabcert.core.hard.bernoulli import certify_hard_bernoulli
from stabcert.core.hard.certificate import EnumeratedRadius, HardCertificate
from stabcert.core.hard.certify import certify_hard, check_addition
from stabcert.core.hard.exhaustive import enumerate_hard_radius
from stabcert.core.noise import grid_count, quantized_keep_masks, tie_free_counts
from stabcert.core.smoothing import SmoothedPredictor
from stabcert.core.statistics.bounds import check_delta
from stabcert.errors import ParameterError
from stabcert.report.hard.finding import Attack, Broken, Check, HardFinding, Smoothed, agrees, keeps_prediction
from stabcert.report.hard.record import hard_result
from stabcert.report.record import Prediction, Status
from stabcert.report.terminal import counted

if TYPE_CHECKING:
    from stabcert.cli.commands.certify_hard import HardOptions
    from stabcert.core.types import Mask, MaskedPredictor, Masks

_NOISE = 65  # stream of the frozen noise, apart from that of certify-soft --smooth
_DRAWS, _ATTACK = 3, 4  # streams apart from those of explain and certify-soft
_QUANTIZATION = 64
_REFINE = 1000  # what an attribution costs


class HardWork:
    """The options of one call of ``certify-hard``, and what they ask for.

    Raises:
        ParameterError: options that do not fit together, or a lambda that is not possible.
    """

    def __init__(self, options: HardOptions, *, seed: int) -> None:
        _check_together(options)
        self._options = options
        if options.delta is not None:
            check_delta(options.delta)
        self._seed = seed
        self._bernoulli = options.noise.value == "bernoulli"
        self._quantization = options.quantization or _QUANTIZATION
        self._n_samples = 1000 if options.n_samples is None else options.n_samples
        self._refine = options.refine or 0
        if options.refine is None and not options.sweep and options.direction.value != "decremental":
            self._refine = _REFINE
        # Without ties at radius 2: 15 of 64 noise masks.
        default = Fraction(max(1, (self._quantization - 1) // 4), self._quantization)
        text = options.keep_probability
        self._keep_probability = default if text is None else parse_keep_probability(text)
        self._keep = 0 if self._bernoulli else grid_count(self._keep_probability, self._quantization)
        # Of the smoothed model's half, one noise mask after another for the explanation and for one addition.
        least = 2 if self._bernoulli else 4 * self._quantization
        if options.attack is not None and options.attack < least:
            raise ParameterError(f"--attack {options.attack} is too few for a search; use --attack {least} or more")

    def work(self, case: Case) -> Outcome:
        """Everything that is asked of one input."""
        predictor, mask, options = case.predictor, case.choice.mask, self._options
        free = int((~mask).sum())
        if options.min_radius is not None and options.min_radius > free:
            some = counted(free, predictor.features.kind)
            raise ParameterError(
                f"--min-radius {options.min_radius} cannot be reached: {some} can be added; "
                + (f"use 1 to {free}" if free else "keep fewer features with --top-k")
            )
        enumerate_calls = self._enumerate_calls(free)
        plain, plain_masked = (
            Prediction.of(row, case.class_names)
            for row in predictor.alone(np.stack([np.ones(len(mask), dtype=np.bool_), mask]))
        )
        function: SmoothedPredictor | None = None
        sweep: list[tuple[Smoothed, SmoothedPredictor]] = []
        if self._bernoulli:
            smoothed = self._independent(case)
        else:
            sweep = self._frozen(case, plain)
            smoothed, function = sweep[0]
        enumerated = None
        if enumerate_calls:
            enumerated = _enumerated(enumerate_hard_radius(predictor, mask, max_evaluations=enumerate_calls), mask)
        finding = HardFinding(
            smoothed=smoothed,
            direction=options.direction.value,
            quantization=None if self._bernoulli else self._quantization,
            noise_seed=None if self._bernoulli else (self._seed, _NOISE),
            plain=plain,
            plain_masked=plain_masked,
            threshold=options.min_radius,
            enumerated=enumerated,
            attack=self._attack(case, function, smoothed.certificate, enumerated),
            check=None if function is None else self._check(case, function),
            sweep=tuple(one for one, _ in sweep) if options.sweep else (),
        )
        status: Status = "reported" if finding.met is None else "certified" if finding.met else "not-certified"
        return Outcome(status, hard_result(finding, case.class_names), function, finding)

    def _frozen(self, case: Case, plain: Prediction) -> list[tuple[Smoothed, SmoothedPredictor]]:
        """One lambda, or every one of the sweep: best first."""
        mask, options = case.choice.mask, self._options
        counts: tuple[int, ...] = (self._keep,)
        if options.sweep:
            counts = tie_free_counts(self._quantization, max(1, int((~mask).sum()))) or (self._keep,)
        functions = [self._smoothed(case.predictor, keep) for keep in counts]
        # All noise masks of the masked and of the full input at once, so that batches are full; the rest is remembered.
        noise = np.concatenate([function.keep_masks for function in functions])
        predict(case.predictor, np.concatenate([noise & mask, noise]))
        found = []
        for function in functions:
            certificate = certify_hard(
                function,
                mask,
                refine=self._refine,
                decremental=options.direction.value != "incremental",
            )
            masked, full = (
                Prediction.of(row, case.class_names)
                for row in predict(function, np.stack([mask, np.ones(len(mask), dtype=np.bool_)]))
            )
            found.append((Smoothed(certificate, masked, full), function))
        return sorted(found, key=lambda one: self._rank(one[0], plain))

    def _rank(self, one: Smoothed, plain: Prediction) -> tuple[bool, bool, int, Fraction]:
        """Those that keep the prediction first; of these the largest radius, then the least noise."""
        certificate = one.certificate
        radius: int | None = certificate.radius_incremental
        if self._options.direction.value == "decremental":
            radius = certificate.radius_decremental
        if certificate.stable_for_all_supersets:
            radius = certificate.n_free
        ratio = certificate.keep_probability or Fraction(0)
        keeps, agreeing = keeps_prediction(one, plain), agrees(one, plain) is not False
        return (not keeps, not agreeing, 1 if radius is None else -radius, -ratio)

    def _smoothed(self, predictor: MaskedPredictor, keep: int) -> SmoothedPredictor:
        # The noise is part of the function, so it must not depend on the input or on the mask.
        rng = np.random.default_rng([self._seed, _NOISE])
        masks: Masks = quantized_keep_masks(predictor.n_features, keep=keep, quantization=self._quantization, rng=rng)
        return SmoothedPredictor(predictor, masks, scores=self._options.scores.value)

    def _independent(self, case: Case) -> Smoothed:
        """The certificate for independent noise; shares of its draws stand for the smoothed model's probabilities."""
        options = self._options
        certificate = certify_hard_bernoulli(
            case.predictor,
            case.choice.mask,
            keep_probability=self._keep_probability,
            delta=0.1 if options.delta is None else options.delta,
            n_samples=self._n_samples,
            decremental=options.direction.value != "incremental",
            rng=self._generator(case.input_sha256, _DRAWS),
        )
        votes, full_votes, names = certificate.votes, certificate.full_votes, case.class_names
        masked = Prediction(
            certificate.prediction,
            names[certificate.prediction],
            float(votes[certificate.prediction] / max(1, votes.sum())),
        )
        full = None if full_votes is None else Prediction.of(full_votes / max(1, full_votes.sum()), names)
        return Smoothed(certificate, masked, full)

    def _enumerate_calls(self, free: int) -> int:
        """Model evaluations for trying every addition; 0: none."""
        calls = self._options.enumerate_calls
        if calls is None:
            # No more than smoothing costs, and only where at least single additions fit in.
            affordable = self._n_samples if self._bernoulli else 2 * self._quantization
            return affordable if free + 1 <= affordable else 0
        if 0 < calls < free + 1:
            raise ParameterError(
                f"--enumerate {calls} is too few: trying every single addition takes {free + 1} evaluations; "
                f"use --enumerate {free + 1} or more, or 0 to leave it out"
            )
        return calls

    def _attack(
        self,
        case: Case,
        function: SmoothedPredictor | None,
        certificate: HardCertificate,
        enumerated: EnumeratedRadius | None,
    ) -> Attack | None:
        """Half of the evaluations for the smoothed model, half for the model itself."""
        calls = self._options.attack
        if calls is None:
            return None
        broken = None
        if function is not None and not certificate.stable_for_all_supersets:
            rows = calls // 2 // len(function.keep_masks)  # each costs one evaluation for every noise mask
            broken = self._search(case, function, rows, certificate.radius_incremental)
        if enumerated is not None and enumerated.exact:
            # Nothing smaller exists: the flip that was met when every addition was tried.
            model = None if enumerated.flip is None else _broken(case, case.predictor, enumerated.flip)
        else:
            known = 0 if enumerated is None else enumerated.radius
            model = self._search(case, case.predictor, calls if function is None else calls // 2, known)
        return Attack(calls, broken, model)

    def _search(self, case: Case, function: MaskedPredictor, rows: int, known_stable: int) -> Broken | None:
        rng = self._generator(case.input_sha256, _ATTACK)
        flip = find_flip(function, case.choice.mask, max_evaluations=rows, rng=rng, known_stable=known_stable)
        return None if flip is None else _broken(case, function, flip)

    def _check(self, case: Case, function: SmoothedPredictor) -> Check | None:
        path = self._options.check
        if path is None:
            return None
        mask = case.choice.mask
        given = by_file(path, len(mask))
        # The features that are added, whether or not the file repeats those of the explanation.
        added = given.mask & ~mask
        found = check_addition(function, mask, mask | added)
        prediction = Prediction.of(predict(function, (mask | added)[None])[0], case.class_names)
        return Check(given.settings["file"], given.settings["sha256"], added, found, prediction)

    def _generator(self, input_sha256: str, stream: int) -> Generator:
        # From the seed and the input alone: neither order nor other inputs change the draws.
        return np.random.default_rng([self._seed, int(input_sha256[:16], 16), stream])


def parse_keep_probability(text: str) -> Fraction:
    """``"15/64"`` or ``"0.234375"``, exactly.

    Raises:
        ParameterError: anything else, or not between 0 and 1.
    """
    ratio = exact_share(text)
    if ratio is None:
        raise ParameterError(f"--lambda {text!r} is not a fraction or a decimal; write 15/64 or 0.25")
    if not 0 < ratio <= 1:
        raise ParameterError(f"--lambda {text} is not possible; it is a share above 0 and at most 1, such as 15/64")
    return ratio


def _check_together(options: HardOptions) -> None:
    """Refuse options that do not fit together."""
    if options.noise.value == "bernoulli":
        for name, given in (
            ("--quantization", options.quantization is not None),
            ("--scores probability", options.scores.value == "probability"),
            ("--refine", bool(options.refine)),
            ("--check", options.check is not None),
            ("--sweep", options.sweep),
        ):
            if given:
                raise ParameterError(
                    f"leave out {name}: it is about frozen noise masks, which --noise bernoulli does not have"
                )
    else:
        for name, given in (("--delta", options.delta is not None), ("--n-samples", options.n_samples is not None)):
            if given:
                raise ParameterError(
                    f"leave out {name}: a certificate of quantized noise cannot be wrong and draws nothing; "
                    "or add --noise bernoulli"
                )
    if options.sweep and options.keep_probability is not None:
        raise ParameterError("leave out --lambda: --sweep tries every lambda itself")
    if options.sweep and options.check is not None:
        raise ParameterError("leave out --sweep: --check is about one smoothed model; name it with --lambda")
    if options.direction.value == "decremental":
        for name, given in (("--refine", bool(options.refine)), ("--check", options.check is not None)):
            if given:
                raise ParameterError(f"leave out {name}: it is about added features; or use --direction both")


def _enumerated(found: EnumeratedRadius, mask: Mask) -> EnumeratedRadius:
    """With the added features alone as its flip."""
    return found if found.flip is None else replace(found, flip=found.flip & ~mask)


def _broken(case: Case, function: MaskedPredictor, flip: Mask) -> Broken:
    mask = case.choice.mask
    row = predict(function, (mask | flip)[None])[0]
    return Broken(flip & ~mask, Prediction.of(row, case.class_names))
