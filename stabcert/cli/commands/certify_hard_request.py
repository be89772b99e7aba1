"""The request of ``certify-hard``, from options or from a record."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stabcert.cli.commands.recorded import as_recorded
from stabcert.cli.explanation import read_mask
from stabcert.cli.parsing import parse_keep_probability
from stabcert.core.hard.certificate import Noise, ScoreKind
from stabcert.core.hard.finding import Direction
from stabcert.core.hard.question import BernoulliQuestion, HardQuestion
from stabcert.core.hard.sweep import Choice
from stabcert.core.noise import grid_count
from stabcert.core.statistics.bounds import check_delta
from stabcert.core.streams import STREAM_RULE
from stabcert.core.types import Mask
from stabcert.errors import ParameterError

if TYPE_CHECKING:
    from stabcert.cli.allowing import AllowOptions
    from stabcert.cli.commands.certify_hard_options import HardOptions

_QUANTIZATION = 64
_REFINE = 1000  # the usual cost of an attribution
_DELTA, _N_SAMPLES = 0.1, 1000
_AUTO = "auto"


@dataclass(frozen=True)
class RecordedAddition:
    """The addition of ``--check`` from a record. Its file need not exist any more."""

    file: str
    sha256: str
    added: tuple[int, ...]


@dataclass(frozen=True)
class HardRequest:
    """All settings, including defaults, that determine the result of ``certify-hard`` for one mask and one model.

    The record contains it as ``result.request``, so that anybody can reproduce the result.
    """

    seed: int
    dtype: str
    noise: Noise
    keep_probability: Fraction
    """lambda. A sweep or a choice uses it only if every lambda has ties."""
    quantization: int
    """The number of noise masks, or 1 for Bernoulli noise, which does not have a grid."""
    delta: float | None
    """The failure probability, or None for quantized noise, whose certificates cannot be wrong."""
    n_samples: int | None
    scores: ScoreKind
    direction: Direction
    refine: int
    enumerate_calls: int | None
    """The evaluations for testing every addition. 0 is off, None is on for inputs where the test is cheap."""
    attack: int | None
    sweep: bool
    min_radius: int | None
    check: Path | RecordedAddition | None = None
    family: int = 1
    """The number of certificates among which one may choose afterwards. Each has ``delta / family``."""
    stream_rule: int = STREAM_RULE
    allow_inconsistent: bool | None = None
    """True if an inconsistent mask is certified. None, in older records, allows it (also for `allow_vacuous`)."""
    allow_vacuous: bool | None = None
    choice: Choice | None = None
    """Rule that chooses lambda among those of a sweep; None for a lambda that is named, and for a sweep."""

    @property
    def bernoulli(self) -> bool:
        return self.noise == "bernoulli"

    @property
    def several(self) -> bool:
        """Every lambda of a sweep is tested."""
        return self.sweep or self.choice is not None

    @property
    def keep(self) -> int:
        """Number of frozen noise masks that keep a feature; a ParameterError where lambda is not on the grid."""
        return grid_count(self.keep_probability, self.quantization)

    def question(self) -> HardQuestion | BernoulliQuestion:
        """Return the question about one mask: of frozen noise about any smoothed model, of Bernoulli noise about one.

        Raises:
            ParameterError: a number that no mask makes possible.
        """
        decremental = self.direction != "incremental"
        if not self.bernoulli:
            return HardQuestion(self.refine, decremental=decremental)
        if self.delta is None or self.n_samples is None:
            raise TypeError("a request for Bernoulli noise has delta and n_samples")
        return BernoulliQuestion(
            self.keep_probability, self.delta, self.n_samples, decremental=decremental, family=self.family
        )

    @classmethod
    def of(cls, options: HardOptions, allowing: AllowOptions, *, seed: int, dtype: str) -> HardRequest:
        """Return the request of the given options.

        Raises:
            ParameterError: the options contradict one another, or lambda is impossible.
        """
        _check_together(options)
        allowing.check("--min-radius R", given=options.min_radius is not None)
        if options.delta is not None:
            check_delta(options.delta / (options.family or 1))
        bernoulli = options.noise.value == "bernoulli"
        quantization = options.quantization or _QUANTIZATION
        refine = options.refine or 0
        if options.refine is None and not options.sweep and options.direction.value != "decremental" and not bernoulli:
            refine = _REFINE
        # 15 of 64 noise masks, which has no ties at radius 2.
        default = Fraction(max(1, (quantization - 1) // 4), quantization)
        auto = options.keep_probability is not None and options.keep_probability.strip() == _AUTO
        text = None if auto else options.keep_probability
        request = cls(
            seed=seed,
            dtype=dtype,
            noise=options.noise.value,
            keep_probability=default if text is None else parse_keep_probability(text),
            quantization=1 if bernoulli else quantization,
            delta=(_DELTA if options.delta is None else options.delta) if bernoulli else None,
            n_samples=(options.n_samples or _N_SAMPLES) if bernoulli else None,
            scores=options.scores.value,
            direction=options.direction.value,
            refine=refine,
            enumerate_calls=options.enumerate_calls,
            attack=options.attack,
            sweep=options.sweep,
            min_radius=options.min_radius,
            check=options.check,
            family=options.family or 1,
            allow_inconsistent=allowing.allow_inconsistent,
            allow_vacuous=allowing.allow_vacuous,
            choice="largest-radius" if auto else None,
        )
        if bernoulli and request.direction == "incremental" and request.min_radius and not request.allow_inconsistent:
            raise ParameterError(
                "--direction incremental with --noise bernoulli draws nothing on the full input, so that consistency "
                "is unknown. Leave out --direction incremental, or add --allow-inconsistent"
            )
        request.question()  # refused before anything is loaded
        if not bernoulli:
            grid_count(request.keep_probability, quantization)
        if options.check is not None:
            read_mask(options.check)
        # Half of the calls are for the smoothed model, which needs all noise masks for the mask and for one addition.
        least = 2 if bernoulli else 4 * quantization
        if options.attack is not None and options.attack < least:
            raise ParameterError(f"--attack {options.attack} is too few for a search. Use --attack {least} or more")
        return request

    def check_mask(self, mask: Mask) -> None:
        """Check that the request is possible with this mask, see `check_free`."""
        self.check_free(int((~mask).sum()))

    def check_free(self, free: int) -> None:
        """Check the requested radius and the evaluations for testing every addition.

        Args:
            free: the number of features that can be added.

        Raises:
            ParameterError: the radius cannot be reached, or the evaluations do not suffice for all single additions.
        """
        if self.min_radius is not None and self.min_radius > free:
            raise ParameterError(
                f"--min-radius must be at most {free}, the number of features that can be added, got "
                f"{self.min_radius}. " + (f"Use 1 to {free}" if free else "Keep fewer features with --top-k")
            )
        calls = self.enumerate_calls
        if calls is not None and 0 < calls < free + 1:
            raise ParameterError(
                f"--enumerate {calls} is too few: testing every single addition takes {free + 1} evaluations. "
                f"Use --enumerate {free + 1} or more, or 0 to leave it out"
            )

    @classmethod
    def from_record(cls, request: dict[str, Any], check: dict[str, Any] | None) -> HardRequest:
        """Return the request of a record that is valid against the schema.

        Raises:
            ParameterError: lambda is impossible, or no options give this choice of lambda.
        """
        if request.get("choice") is not None and (request["sweep"] or request["noise"] == "bernoulli"):
            raise ParameterError(f"choice {request['choice']} contradicts the rest of the request")
        values = {name: value for name, value in request.items() if name not in ("lambda", "enumerate", "quantization")}
        return cls(
            **{"stream_rule": 1, **values},
            keep_probability=parse_keep_probability(request["lambda"]),
            quantization=1 if request["quantization"] is None else request["quantization"],
            enumerate_calls=request["enumerate"],
            check=None if check is None else RecordedAddition(check["file"], check["sha256"], tuple(check["added"])),
        )

    def record(self) -> dict[str, Any]:
        """Return the request as a record contains it, without ``check``, which is in ``result.check``."""
        values = {
            "seed": self.seed,
            "dtype": self.dtype,
            "noise": self.noise,
            "lambda": str(self.keep_probability) if self.bernoulli else f"{self.keep}/{self.quantization}",
            "quantization": None if self.bernoulli else self.quantization,
            "delta": self.delta,
            "n_samples": self.n_samples,
            "scores": self.scores,
            "direction": self.direction,
            "refine": self.refine,
            "enumerate": self.enumerate_calls,
            "attack": self.attack,
            "sweep": self.sweep,
            "min_radius": self.min_radius,
            "family": self.family,
            "stream_rule": self.stream_rule,
            "allow_inconsistent": self.allow_inconsistent,
            "allow_vacuous": self.allow_vacuous,
            "choice": self.choice,
        }
        return as_recorded(values)

    def of_draws(self, question: BernoulliQuestion) -> dict[str, Any]:
        """Return what another draw belongs to, as plain values: the question, and what is reported of its answer."""
        return {**question.of_draws(), "direction": self.direction, "min_radius": self.min_radius}


def _check_together(options: HardOptions) -> None:
    """Check that the options do not contradict one another."""
    if options.noise.value == "bernoulli":
        if (options.keep_probability or "").strip() == _AUTO:
            raise ParameterError(
                f"leave out --lambda {_AUTO}: draws of --noise bernoulli that choose lambda cannot also bound its "
                "radius. Write --lambda 1/8, or leave out --noise bernoulli"
            )
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
        for name, given in (
            ("--delta", options.delta is not None),
            ("--family", options.family is not None),
            ("--n-samples", options.n_samples is not None),
        ):
            if given:
                raise ParameterError(
                    f"leave out {name}: a certificate of quantized noise cannot be wrong and draws nothing. "
                    "Or add --noise bernoulli"
                )
    if options.sweep and options.keep_probability is not None:
        raise ParameterError("leave out --lambda: --sweep tests every lambda")
    if options.sweep and options.check is not None:
        raise ParameterError("leave out --sweep: --check is about one smoothed model. Name it with --lambda")
    if options.direction.value == "decremental":
        for name, given in (("--refine", bool(options.refine)), ("--check", options.check is not None)):
            if given:
                raise ParameterError(f"leave out {name}: it is about added features. Or use --direction both")
