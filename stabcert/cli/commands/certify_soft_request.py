"""The request of ``certify-soft``, from options or from a record."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from stabcert.cli.commands.recorded import as_recorded
from stabcert.cli.parsing import parse_radii
from stabcert.core.choice import ChoiceQuestion, LambdaChoice, Rule
from stabcert.core.same_noise import simplest_keep_probability
from stabcert.core.soft.certificate import Formulation, Interval
from stabcert.core.soft.certify import check_mask
from stabcert.core.soft.question import DEFAULT_MAX_SAMPLES, SoftQuestion
from stabcert.core.statistics.bounds import check_delta
from stabcert.core.streams import SMOOTHED_STREAM_RULE, STREAM_RULE
from stabcert.core.types import Mask
from stabcert.errors import ParameterError

if TYPE_CHECKING:
    from stabcert.cli.allowing import AllowOptions
    from stabcert.cli.commands.certify_soft_options import SoftOptions

_EPSILON = 0.1
_SMOOTH_DRAWS = 64
_RULE: Rule = "smallest-lambda"


@dataclass(frozen=True)
class SoftRequest:
    """All settings, including defaults, that determine the result of ``certify-soft`` for one mask and one model.

    The record contains it as ``result.request``, so that anybody can reproduce the result.
    """

    seed: int
    dtype: str
    radius: str | None
    """The radius as it is typed, or None for the default, which depends on the input."""
    formulation: Formulation
    interval: Interval
    delta: float
    simultaneous: bool
    epsilon: float | None
    n_samples: int | None
    min_rate: float | None
    sequential: bool
    max_samples: int | None
    largest_radius: bool
    smooth: float
    """lambda; 1 before it is chosen by `choice`."""
    smooth_draws: int | None
    family: int = 1
    """The number of certificates among which one may choose afterwards. Each has ``delta / family``."""
    stream_rule: int = STREAM_RULE
    allow_inconsistent: bool | None = None
    """True if an inconsistent mask is certified. None, in older records, allows it (also for `allow_vacuous`)."""
    allow_vacuous: bool | None = None
    choice: ChoiceQuestion | None = None
    """Lambdas to choose from for each input; None for a lambda that is named."""

    @classmethod
    def of(cls, options: SoftOptions, allowing: AllowOptions, *, seed: int, dtype: str) -> SoftRequest:
        """Return the request of the given options.

        Raises:
            ParameterError: the options contradict one another, or a value is impossible for every input.
        """
        if options.epsilon is not None and options.n_samples is not None:
            raise ParameterError("--epsilon and --n-samples both set the number of samples. Give one of them")
        if options.smooth_draws is not None and options.smooth == 1.0:
            raise ParameterError("--smooth-draws needs --smooth LAMBDA with a LAMBDA below 1")
        draws = options.smooth_draws or _SMOOTH_DRAWS
        choice = ChoiceQuestion(options.smooth, draws) if isinstance(options.smooth, tuple) else None
        smooth = 1.0 if isinstance(options.smooth, tuple) else options.smooth
        allowing.check("--min-rate RATE", given=options.min_rate is not None)
        if options.radius is not None:
            parse_radii(options.radius)
        check_delta(options.delta / options.family)  # one error, not a failure of each input
        for name, given in (("--largest-radius", options.largest_radius), ("--max-samples", options.max_samples)):
            if given and options.min_rate is None:
                raise ParameterError(f"{name} needs a rate to reach. Add --min-rate RATE, such as --min-rate 0.9")
        sequential = options.min_rate is not None and options.epsilon is None and options.n_samples is None
        fixed_by_epsilon = not sequential and options.n_samples is None
        request = cls(
            seed=seed,
            dtype=dtype,
            radius=options.radius,
            formulation=options.formulation.value,
            interval=options.interval.value,
            delta=options.delta,
            simultaneous=not options.per_radius,
            epsilon=_EPSILON if options.epsilon is None and fixed_by_epsilon else options.epsilon,
            n_samples=options.n_samples,
            min_rate=options.min_rate,
            sequential=sequential,
            max_samples=DEFAULT_MAX_SAMPLES if options.max_samples is None and sequential else options.max_samples,
            largest_radius=options.largest_radius,
            smooth=smooth,
            smooth_draws=draws if smooth < 1.0 else None,
            family=options.family,
            stream_rule=STREAM_RULE if choice is None and smooth == 1.0 else SMOOTHED_STREAM_RULE,
            allow_inconsistent=allowing.allow_inconsistent,
            allow_vacuous=allowing.allow_vacuous,
            choice=choice,
        )
        request.question()  # impossible for every input
        return request

    def check_mask(self, mask: Mask) -> None:
        """Check a mask as `certify_soft` does before its first evaluation.

        Raises:
            ParameterError: a radius does not exist, or no outcome of the draws can certify the rate.
        """
        check_mask(self.for_mask(mask).question(), mask)

    def for_mask(self, mask: Mask) -> SoftRequest:
        """Return the request with the radius for a mask. The default is 0 if no feature is left to add."""
        if self.radius is not None:
            return self
        return replace(self, radius="0" if mask.all() else "all" if self.largest_radius else "1")

    def with_choice(self, chosen: LambdaChoice) -> SoftRequest:
        """Return the request with the lambda that was chosen for an input."""
        if chosen.smoothed is None:
            return replace(self, smooth=1.0, smooth_draws=None, stream_rule=min(self.stream_rule, STREAM_RULE))
        return replace(self, smooth=chosen.chosen, smooth_draws=chosen.question.draws)

    @classmethod
    def from_record(cls, request: dict[str, Any]) -> SoftRequest:
        """Return the request of a record that is valid against the schema.

        Raises:
            ParameterError: no options of the command give this request.
        """
        choice = request.get("choice")
        if choice is not None:
            choice = ChoiceQuestion(tuple(choice["lambdas"]), choice["draws"], choice["lead"])
        asked = cls(**{"stream_rule": 1, **request, "choice": choice})
        fixed_by_epsilon = not asked.sequential and asked.n_samples is None
        for name, contradicts in (
            ("sequential", asked.sequential and (asked.min_rate is None or asked.n_samples is not None)),
            ("epsilon", (asked.epsilon is not None) != fixed_by_epsilon),
            ("max_samples", (asked.max_samples is not None) != asked.sequential),
            ("smooth_draws", (asked.smooth_draws is not None) != (asked.smooth < 1.0)),
            ("radius", asked.radius is None),
            ("stream_rule", asked.stream_rule == SMOOTHED_STREAM_RULE and asked.smooth == 1.0),
        ):
            if contradicts:
                raise ParameterError(f"{name} {getattr(asked, name)} contradicts the rest of the request")
        parse_radii(request["radius"])
        return asked

    def record(self) -> dict[str, Any]:
        choice = self.choice
        asked = None
        if choice is not None:
            asked = {"rule": _RULE, "lambdas": list(choice.lambdas), "draws": choice.draws, "lead": choice.lead}
        return as_recorded({**asdict(self), "choice": asked})

    def of_draws(self, mask: Mask) -> dict[str, Any]:
        """Return the settings that identify a draw, as plain values: the question and the certified function.

        How lambda was found is excluded. A statement has the same draws whether its lambda was chosen or named, so that
        naming the lambda of a choice is not a second chance. Neither is another lambda with the same noise masks.
        """
        smooth, draws = self.smooth, self.smooth_draws
        if self.stream_rule == SMOOTHED_STREAM_RULE and draws is not None:
            simplest = simplest_keep_probability(smooth, len(mask), draws=draws, seed=self.seed)
            # Noise that drops nothing, or everything, is the same for any number of noise masks.
            smooth, draws = float(simplest), draws if 0 < simplest < 1 else None
        return {**self.question().of_draws(int((~mask).sum())), "smooth": smooth, "smooth_draws": draws}

    def question(self) -> SoftQuestion:
        """Return the question for one mask.

        Raises:
            ParameterError: the request is impossible for every mask.
        """
        return SoftQuestion(
            parse_radii(self.radius or ("all" if self.largest_radius else "1")),
            epsilon=_EPSILON if self.epsilon is None else self.epsilon,
            delta=self.delta / self.family,
            n_samples=self.n_samples,
            interval=self.interval,
            formulation=self.formulation,
            simultaneous=self.simultaneous,
            min_rate=self.min_rate,
            max_samples=self.max_samples,
            sequential=self.sequential,
            largest_radius=self.largest_radius,
        )
