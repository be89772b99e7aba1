"""The question that a soft certificate answers: all of its parameters, checked once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import InitVar, dataclass, field
from operator import index
from typing import Any, Literal, get_args

import numpy as np

from stabcert.core.masks import Additions
from stabcert.core.soft.certificate import Formulation, Interval
from stabcert.core.statistics.bounds import check_delta, hoeffding_sample_size
from stabcert.core.types import Mask
from stabcert.errors import ParameterError

DEFAULT_MAX_SAMPLES = 2000


@dataclass(frozen=True)
class SoftQuestion:
    """The parameters of `stabcert.core.soft.certify.certify_soft`; checked when made.

    A question does not depend on a mask. `stabcert.core.soft.certify.check_mask` refuses what a mask makes
    impossible, before anything is evaluated.

    Args:
        radius: number of features that may be added; several radii, or ``"all"``.

    Raises:
        ParameterError: a value out of its range, or values that exclude one another.
    """

    radius: InitVar[int | Iterable[int] | Literal["all"]]
    epsilon: float = 0.1
    delta: float = 0.1
    n_samples: int | None = None
    interval: Interval = "exact"
    formulation: Formulation = "up-to"
    simultaneous: bool = True
    min_rate: float | None = None
    max_samples: int | None = None
    sequential: bool = True
    largest_radius: bool = False
    radii: tuple[int, ...] | None = field(init=False)
    """The given radii in increasing order, each once; None for every radius that a mask has."""

    def __post_init__(self, radius: int | Iterable[int] | Literal["all"]) -> None:
        object.__setattr__(self, "radii", _as_radii(radius))
        check_delta(self.delta)
        if self.min_rate is None and (self.largest_radius or self.max_samples is not None):
            raise ParameterError(
                "min_rate must be given with largest_radius or max_samples, got None. For 90% use min_rate=0.9",
                "min_rate",
            )
        if self.min_rate is not None and not 0.0 < self.min_rate <= 1.0:
            raise ParameterError(
                f"min_rate must be above 0 and at most 1, got {self.min_rate:g}. For 90% use min_rate=0.9", "min_rate"
            )
        if self.n_samples is not None and self.n_samples < 1:
            raise ParameterError(f"n_samples must be 1 or more, got {self.n_samples}", "n_samples")
        if self.interval not in get_args(Interval):
            possible = " or ".join(get_args(Interval))
            raise ParameterError(f"interval must be {possible}, got {self.interval!r}", "interval")
        if self.fixed and (self.max_samples is not None or self.largest_radius):
            raise ParameterError(
                "epsilon and n_samples fix the number of samples. max_samples and largest_radius belong to a "
                "sequential test. Give parameters of one kind only",
                "epsilon",
            )
        if self.interval != "exact" and not self.fixed:
            raise ParameterError(
                f"interval must be exact for a sequential test, got {self.interval}. It needs a fixed "
                "number of samples: use for instance n_samples=1000",
                "interval",
            )
        if self.formulation not in ("up-to", "exactly", "worst"):
            raise ParameterError(
                f"formulation must be up-to, exactly or worst, got {self.formulation!r}", "formulation"
            )
        if self.fixed and self.n_samples is None:
            hoeffding_sample_size(self.epsilon, self.delta)

    @property
    def fixed(self) -> bool:
        """The number of samples is fixed before the first draw; otherwise a test ends when it has decided."""
        return self.min_rate is None or self.n_samples is not None or not self.sequential

    @property
    def joint(self) -> bool:
        """True if all bounds hold jointly, so that radii share delta. The largest radius needs no shares."""
        return self.simultaneous and not self.largest_radius

    @property
    def most_samples(self) -> int:
        """The most draws of a sequential test."""
        return DEFAULT_MAX_SAMPLES if self.max_samples is None else self.max_samples

    def number_of_radii(self, n_free: int) -> int:
        """Return the number of radii where ``n_free`` features can be added, without listing them."""
        return n_free if self.radii is None else len(self.radii)

    def sets(self, mask: Mask) -> dict[int, list[Additions]]:
        """Return for each radius, in increasing order, the sets of additions whose smallest rate is bounded.

        Raises:
            ParameterError: a radius that does not exist for this mask.
        """
        n_free = int((~mask).sum())
        every = tuple(range(1, n_free + 1)) or (0,)
        radii = every if self.radii is None else self.radii
        for r in radii:
            Additions(mask, r)  # refuses a radius that does not exist
        if self.formulation != "worst":
            return {r: [Additions(mask, r, exactly=self.formulation == "exactly")] for r in radii}
        of_size = [Additions(mask, j, exactly=True) for j in range(max(radii) + 1)]
        return {r: of_size[1 : r + 1] or of_size[:1] for r in radii}

    def of_draws(self, n_free: int) -> dict[str, Any]:
        """Return the parameters that select the draws for a mask, as plain values.

        Questions with the same statement have the same draws, however their radii are written.

        The maximum number of samples is excluded. A larger maximum continues the same draws, which costs nothing
        because the bounds hold at every moment. New draws would be one more chance to be wrong.
        """
        everything = self.radii is None or self.radii == tuple(range(1, n_free + 1))
        several = self.number_of_radii(n_free) > 1
        return {
            "radius": "all" if everything else list(self.radii or ()),
            "epsilon": self.epsilon,
            "delta": self.delta,
            "n_samples": self.n_samples,
            "interval": self.interval,
            "formulation": self.formulation,
            "simultaneous": self.simultaneous or not several,
            "min_rate": self.min_rate,
            "sequential": self.sequential,
            "largest_radius": self.largest_radius and several,
        }


def _as_radii(radius: int | Iterable[int] | Literal["all"]) -> tuple[int, ...] | None:
    if isinstance(radius, str):
        if radius != "all":
            raise ParameterError(
                f"radius must be a number, several numbers, or 'all', got {radius!r}. Use for example radius=2",
                "radius",
            )
        return None
    try:
        radii = sorted({index(r) for r in ((radius,) if isinstance(radius, (int, np.integer)) else radius)})
    except TypeError as error:
        raise ParameterError(f"radius must be a whole number, several, or 'all', got {radius!r}", "radius") from error
    if not radii:
        raise ParameterError("radius must have at least one value, got none", "radius")
    return tuple(radii)
