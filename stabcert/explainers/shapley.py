"""Shapley values of the class probability as a function of masks: by permutations (shap) and by regression."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import comb
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from stabcert.core.decisions import predict
from stabcert.core.types import Attribution, Mask, Masks, Scores
from stabcert.errors import ParameterError
from stabcert.explainers.task import Task

_SAMPLES = 1000
_MAX_ENUMERATED = 20
"""Largest number of features whose masks are listed; 2**20 of them are a million evaluations."""


def shap(task: Task) -> Attribution:
    """Return Shapley values estimated by shap's PermutationExplainer over stabcert's features.

    Each permutation is walked forward and backward (antithetic sampling): ``2 n_features + 1``
    masks, of which two are the full and the empty one; as many whole permutations are used as fit into
    ``n_samples`` (default 1000, or one permutation if that is more). The scores sum to
    p(full) - p(empty) exactly, and are the Shapley values exactly if features interact at most in
    pairs.

    Raises:
        ParameterError: fewer samples than one permutation needs.
    """
    n = task.predictor.n_features
    walk = 2 * n + 1
    n_samples = task.count("n_samples") or max(_SAMPLES, walk)
    if n_samples < walk:
        raise ParameterError(
            f"n_samples must be at least {walk} for shap, because one permutation of {n} features needs as many, "
            f"got {n_samples}. Use n_samples={walk} or more",
            "n_samples",
        )
    plan: list[Masks] = []

    def note(masks: Masks) -> NDArray[np.float64]:
        plan.append(masks.copy())
        return np.zeros(len(masks))

    # The permutations depend on the seed alone. So shap is run twice: once to learn all of its masks, which then
    # are evaluated together instead of in batches of one permutation, and once with the answers.
    _run_shap(note, n, n_samples, task.seed)
    masks = np.unique(np.concatenate(plan), axis=0)
    answers = predict(task.predictor, masks)[:, task.target]
    known = {row.tobytes(): answer for row, answer in zip(masks, answers, strict=True)}
    scores = _run_shap(lambda rows: np.array([known[row.tobytes()] for row in rows]), n, n_samples, task.seed)
    settings = {
        "n_samples": n_samples,
        "permutations": n_samples // walk,
        "explainer": "shap.PermutationExplainer",
        "output": "probability",
        "seed": task.seed,
    }
    return Attribution(scores, task.target, "shap", settings)


class _OurFeatures:
    """A masker of shap for one input whose features the predictor masks: the masks pass through."""

    immutable_outputs = True

    def __call__(self, mask: Mask, _: NDArray[np.float64]) -> Masks:
        return mask[None]


def _run_shap(function: Callable[[Masks], NDArray[np.float64]], n: int, n_samples: int, seed: int) -> Scores:
    from shap.explainers import PermutationExplainer

    with _numpy_state_put_back():
        # shap takes seeds below 2**32 only.
        of_numpy = int(np.random.default_rng(seed).integers(2**32))
        explainer: Any = PermutationExplainer(function, _OurFeatures(), seed=of_numpy)
        explanation = explainer(np.ones((1, n)), max_evals=n_samples, batch_size=n_samples, silent=True)
    scores: Scores = np.asarray(explanation.values[0], dtype=np.float64)
    return scores


@contextmanager
def _numpy_state_put_back() -> Iterator[None]:
    # shap seeds numpy's global generator and shuffles with it; that generator is the caller's.
    state = np.random.get_state()  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002


def kernelshap(task: Task) -> Attribution:
    """Return Kernel SHAP scores (Lundberg & Lee 2017): Shapley values as a weighted least squares fit.

    Minimises ``sum_z w(z) (p(z) - p(empty) - scores . z)**2`` over masks z that are neither full nor
    empty, with the Shapley kernel ``w = (n - 1) / (C(n, |z|) |z| (n - |z|))`` and the constraint
    ``sum(scores) = p(full) - p(empty)``, which holds exactly. If all ``2**n`` masks are no more than
    ``n_samples`` (default 1000, or ``4 n + 2`` if that is more), all are used and the scores *are*
    the Shapley values. Otherwise masks are drawn by the kernel, in pairs of a mask and its complement, and the
    standard errors are those of a regression with one cluster for each pair.

    The fit is not captum's, which evaluates one mask at a time, draws from torch's global generator
    and replaces the constraint by a weight of a million.

    Raises:
        ParameterError: too few samples to distinguish the features.
    """
    n = task.predictor.n_features
    n_samples = task.count("n_samples") or max(_SAMPLES, 4 * n + 2)
    settings: dict[str, Any] = {"n_samples": n_samples, "output": "probability", "seed": task.seed}
    ends = np.array([[False] * n, [True] * n])
    exact = n <= _MAX_ENUMERATED and 2**n <= n_samples
    if exact:
        masks, kernel = _all_masks(n)
    else:
        pairs = (n_samples - 2) // 2
        if pairs < n - 1:
            raise ParameterError(
                f"{n_samples} samples are too few for kernelshap to distinguish {n} features. "
                f"Use n_samples={4 * n + 2} or more"
            )
        masks = _drawn_pairs(pairs, n, np.random.default_rng(task.seed))
        kernel = np.ones(len(masks))
    values = predict(task.predictor, np.concatenate([ends, masks]))[:, task.target]
    gains, total = values[2:] - values[0], values[1] - values[0]
    # The last score is the total minus the others, so it is not an unknown of the fit.
    last = masks[:, -1].astype(np.float64)
    design, response = masks[:, :-1] - last[:, None], gains - last * total
    root = np.sqrt(kernel)[:, None]
    fit, _, rank, _ = np.linalg.lstsq(root * design, root[:, 0] * response, rcond=None)
    if rank < n - 1:
        raise ParameterError(
            f"the masks drawn with {n_samples} samples and seed {task.seed} do not distinguish {n} features. "
            f"Use n_samples={2 * n_samples} or more"
        )
    scores = np.append(fit, total - fit.sum())
    errors: Scores | None = np.zeros(n)
    if not exact:
        errors = _clustered_errors(design, response - design @ fit)
    settings["masks"] = "all" if exact else "drawn in pairs of complements"
    return Attribution(scores, task.target, "kernelshap", settings, errors)


def _all_masks(n: int) -> tuple[Masks, NDArray[np.float64]]:
    codes = np.arange(1, 2**n - 1)
    masks = (codes[:, None] >> np.arange(n) & 1).astype(np.bool_)
    kernel = np.array([0.0] + [(n - 1) / (comb(n, size) * size * (n - size)) for size in range(1, n)])
    return masks, kernel[masks.sum(axis=1)]


def _drawn_pairs(pairs: int, n: int, rng: Generator) -> Masks:
    """Return ``(2 pairs, n)`` masks: the first half is drawn by the kernel, the second half has the complements."""
    sizes = np.arange(1, n)
    by_size = 1.0 / (sizes * (n - sizes))
    drawn = rng.choice(sizes, size=(pairs, 1), p=by_size / by_size.sum())
    masks = rng.permuted(np.broadcast_to(np.arange(n), (pairs, n)) < drawn, axis=1)
    return np.concatenate([masks, ~masks])


def _clustered_errors(design: NDArray[np.float64], residuals: NDArray[np.float64]) -> Scores | None:
    """Return sandwich standard errors with one cluster per pair; None if no degree of freedom is left."""
    pairs, unknowns = len(design) // 2, design.shape[1]
    if pairs <= unknowns:
        return None
    weighted = design * residuals[:, None]
    scatter = weighted[:pairs] + weighted[pairs:]
    bread = np.linalg.inv(design.T @ design)
    covariance = bread @ (scatter.T @ scatter) @ bread * (pairs / (pairs - unknowns))
    errors: Scores = np.sqrt(np.append(np.diag(covariance), covariance.sum()))
    return errors
