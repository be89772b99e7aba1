"""Attributions that only look at predictions on masked inputs."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from stabcert.core.decisions import predict
from stabcert.core.types import Attribution, Features, Masks
from stabcert.explainers.task import Task

_LIME_SAMPLES = 1000
# Both of lime's explainers use this kernel on cosine distances (the one for texts as 25 on 100 times them).
_LIME_KERNEL_WIDTH = 0.25


def lime(task: Task) -> Attribution:
    """Return LIME scores (Ribeiro et al. 2016): a ridge regression of the class probability on random masks.

    Kernel, sampling law and regression are those of the lime package; the fit is the package's own.
    Features of images are kept with probability 1/2 each; of texts a number of features, uniform
    between 1 and all, is dropped. The first sample is the full input.

    With no more samples than features the fit follows its penalty more than the model; ``notes`` says so.
    """
    from lime.lime_base import LimeBase
    from sklearn.metrics import pairwise_distances
    from threadpoolctl import threadpool_limits

    predictor = task.predictor
    n_samples = task.count("n_samples") or _LIME_SAMPLES
    rng = np.random.default_rng(task.seed)
    features: Features | None = getattr(predictor, "features", None)
    is_text = features is not None and features.of_text
    masks = (_text_neighbourhood if is_text else _image_neighbourhood)(n_samples, predictor.n_features, rng)
    data = masks.astype(np.float64)
    probs = predict(predictor, masks)
    distances = pairwise_distances(data, data[:1], metric="cosine").ravel()
    # The fit draws nothing; without a state of its own it would hold on to numpy's global one.
    base = LimeBase(_lime_kernel, random_state=np.random.RandomState(0))
    with threadpool_limits(limits=1):  # the last digits of a fit depend on how many threads share its sums
        _, weights, _, _ = base.explain_instance_with_data(
            data, probs, distances, task.target, num_features=predictor.n_features, feature_selection="none"
        )
    scores = np.zeros(predictor.n_features)
    for feature, weight in weights:
        scores[feature] = weight
    n, notes = predictor.n_features, tuple[str, ...]()
    if n_samples <= n:
        notes = (
            f"lime evaluated {n_samples} sample{'' if n_samples == 1 else 's'} for {n} features, too few to tell them "
            f"apart. Use explain with n_samples={2 * (n + 1)} or more, or coarser ones with "
            "features='SPEC'",
        )
    settings = {"n_samples": n_samples, "seed": task.seed}
    return Attribution(scores, task.target, "lime", settings, notes=notes)


def occlusion(task: Task) -> Attribution:
    """Return the loss of class probability when one feature is dropped: p(full) - p(full without it).

    ``n_features + 1`` evaluations of masks; no random draws.
    """
    n = task.predictor.n_features
    masks = np.concatenate([np.ones((1, n), dtype=np.bool_), ~np.eye(n, dtype=np.bool_)])
    values = predict(task.predictor, masks)[:, task.target]
    return Attribution(values[0] - values[1:], task.target, "occlusion", {"output": "probability"})


def random_scores(task: Task) -> Attribution:
    """Return scores that do not depend on the model: the baseline that every method should beat."""
    scores = np.random.default_rng(task.seed).standard_normal(task.predictor.n_features)
    return Attribution(scores, task.target, "random", {"seed": task.seed})


def _lime_kernel(distances: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.sqrt(np.exp(-(distances**2) / _LIME_KERNEL_WIDTH**2))


def _image_neighbourhood(n_samples: int, n_features: int, rng: Generator) -> Masks:
    masks = rng.random((n_samples, n_features)) < 0.5
    masks[0] = True
    return masks


def _text_neighbourhood(n_samples: int, n_features: int, rng: Generator) -> Masks:
    dropped = rng.integers(1, n_features, size=(n_samples, 1), endpoint=True)
    masks = np.broadcast_to(np.arange(n_features), (n_samples, n_features)) >= dropped
    masks = rng.permuted(masks, axis=1)
    masks[0] = True
    return masks
