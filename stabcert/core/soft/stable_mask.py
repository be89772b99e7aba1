"""The result of a search for a stable mask."""

from __future__ import annotations

from dataclasses import dataclass

from stabcert.core.soft.certificate import SoftCertificate, StabilityRate, Verdict
from stabcert.core.types import Mask


@dataclass(frozen=True)
class TriedSize:
    """The result for the mask of the k best features."""

    k: int
    consistent: bool
    """True if the mask certainly gives the prediction of the full input; otherwise its rate is not tested."""
    rate: StabilityRate | None = None
    """Result of the test of its stability rate; None without a test, because of inconsistency or a lack of draws."""
    delta: float | None = None
    """Share of the failure probability that the test took; 0 if testing every addition decided it."""

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
    """Features of the mask; None if no tested size is certified."""
    mask: Mask | None
    """``(n_features,)``, the mask of the ``k`` best features."""
    certificate: SoftCertificate | None
    """Certificate of ``mask``, with the failure probability of the whole search."""
    tested: tuple[TriedSize, ...]
    """Every examined size, in the order 1, 2, ...; the last one is ``k`` if a size is certified."""
    evaluations: int
    """Masks that the predictor evaluated."""
    vacuous: bool | None = None
    """True if the empty input already has the class of the full one, and so of every consistent mask; None if one of
    the two is too close to call. Unless it is False, sizes were tested only if that was allowed."""


class SearchInterrupted(KeyboardInterrupt):
    """Ctrl-C during `smallest_stable_mask`; ``found`` has bounds that are valid at every moment, but not a mask."""

    def __init__(self, found: StableMask) -> None:
        super().__init__("interrupted; the bounds so far are valid")
        self.found = found
