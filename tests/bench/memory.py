"""Peak memory of many samples: it must depend on neither their number nor their number times that of the classes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from stabcert.core.soft.certify import certify_soft
from stabcert.core.types import Masks, Probs

RADIUS = 20


class FewFeatures:
    """A cheap function of n features that looks at the first ten: class 1 if any of them is kept, else class 0."""

    def __init__(self, n_features: int, n_classes: int) -> None:
        self.n_features = n_features
        self.n_classes = n_classes

    def __call__(self, masks: Masks, /) -> Probs:
        probs = np.zeros((len(masks), self.n_classes))
        probs[np.arange(len(masks)), masks[:, :10].any(axis=1).astype(np.intp)] = 1.0
        return probs


def certify(n_samples: int, *, n_features: int, n_classes: int) -> None:
    """A soft certificate of that function, of a mask that keeps a quarter of the features."""
    mask = np.arange(n_features) % 4 == 3
    rng = np.random.default_rng(0)
    certify_soft(FewFeatures(n_features, n_classes), mask, radius=RADIUS, n_samples=n_samples, rng=rng)


def peak_megabytes(n_samples: int, *, n_features: int, n_classes: int) -> float:
    """Resident memory at its highest, MiB, of a process of its own that does nothing else."""
    code = (
        "from tests.bench.memory import certify, peak_here\n"
        f"certify({n_samples}, n_features={n_features}, n_classes={n_classes})\nprint(peak_here())"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    return float(printed)


def peak_here() -> float:
    """Resident memory of this process at its highest so far, MiB."""
    status = Path("/proc/self/status")
    if status.exists():  # on Linux ru_maxrss begins with the peak of the process that started this one
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 2**10
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
