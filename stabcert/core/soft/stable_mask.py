"""What a search for a stable mask found."""

from __future__ import annotations

from dataclasses import dataclass

from stabcert.core.soft.certificate import SoftCertificate, StabilityRate, Verdict
from stabcert.core.types import Mask


@dataclass(frozen=True)
class TriedSize:
    """What was found of the mask of the k best features."""

    k: int
    consistent: bool
    """The mask certainly gives the prediction of the full input; without that nothing more is tried."""
    rate: StabilityRate | None = None
    """What the test of its stability rate found; None if there was none, for want of consistency or of draws."""
    delta: float | None = None
    """Share of the failure probability that the test took; 0 if it was decided by trying every addition."""

    @property
    def verdict(self) -> Verdict | None:
        return None if self.rate is None else self.rate.verdict

    @property
    def samples(self) -> int:
        return 0 if self.rate is None else self.rate.samples


@dataclass(frozen=True)
class StableMask:
    """The outcome of `smallest_stable_mask`."""

    k: int | None
    """Features of the mask; None if no size that was tried is certified."""
    mask: Mask | None
    """``(n_features,)``, the mask of the ``k`` best features."""
    certificate: SoftCertificate | None
    """Of ``mask``, with the failure probability of the whole search."""
    tested: tuple[TriedSize, ...]
    """Every size that was looked at, in the order 1, 2, ...; the last one is ``k`` if there is one."""
    evaluations: int
    """Masks that were given to the predictor."""
    vacuous: bool | None = None
    """The empty input already has the class of the full one, and so of every consistent mask; None if one of the two
    is too close to call. No size was tested then, unless it was allowed."""


class SearchInterrupted(KeyboardInterrupt):
    """Ctrl-C during `smallest_stable_mask`; ``found`` has no mask yet, but bounds that are valid at every moment."""

    def __init__(self, found: StableMask) -> None:
        super().__init__("interrupted; the bounds so far are valid")
        self.found = found
