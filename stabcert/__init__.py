"""stabcert: certificates that a feature attribution can be trusted.

A classifier looks at an image or a sentence, an attribution scores its patches or words, and the k best of them
form an explanation: a mask. Does the prediction on that mask survive when more features are revealed? stabcert
bounds how often it does (`certify_soft`) and proves up to how many features it always does (`certify_hard`). It
needs only the predictions of the classifier. Every certificate states the probability with which it may be wrong.

A predictor is any callable with an attribute ``n_features`` that maps ``(k, n_features)`` boolean masks, True = kept,
to ``(k, n_classes)`` probabilities. Its result depends only on the mask. This example is a function of twelve
features with two classes:

>>> import numpy as np
>>> import stabcert
>>> weights = np.array([3, -2, 2, 1, -1, 1, -1, 1, -1, 1, -1, 1])
>>> def predictor(masks):
...     positive = 1 / (1 + np.exp(-(masks @ weights)))
...     return np.stack([1 - positive, positive], axis=1)
>>> predictor.n_features = 12

An attribution and the mask of its two best features, on which class 1 is predicted:

>>> scores = stabcert.explain(predictor, "occlusion").scores
>>> mask = stabcert.top_k_mask(scores, 2)
>>> np.flatnonzero(mask)
array([0, 2])

How often does that prediction survive when up to three, or up to eight more features are revealed? If there are few
additions, all are tested, and the rate is exact. If there are many, a sample is drawn. With probability at least 90%
both rates lie within their bounds.

>>> rng = np.random.default_rng(0)
>>> for rate in stabcert.certify_soft(predictor, mask, radius=[3, 8], n_samples=200, rng=rng).rates:
...     print(rate.radius, rate.enumerated, round(rate.lower, 3), round(rate.upper, 3))
3 True 1.0 1.0
8 False 0.958 0.992

Up to how many does it always survive? For this predictor the answer comes from testing all additions. For the one that
votes over 64 frozen noise masks it comes from a proof:

>>> stabcert.enumerate_hard_radius(predictor, mask, max_evaluations=1000).radius
3
>>> noise = stabcert.quantized_keep_masks(12, keep=48, quantization=64, rng=rng)
>>> smoothed = stabcert.SmoothedPredictor(predictor, noise)
>>> stabcert.certify_hard(smoothed, mask, refine=1000).radius_incremental
3

With a model, ``predictor = stabcert.load_predictor("demo:image", "photo.jpg")`` replaces the function. For a model in
memory use `from_module` (a network and a tensor), `from_pipeline` (transformers), `from_estimator` (a table) or
`from_function`.
The command ``stabcert`` does all of this for files. ``stabcert --help`` lists its subcommands.

Names by theme, each documented in its own docstring:

Predictors and masks
    MaskedPredictor, SmoothedPredictor, top_k_mask, count_additions, sample_additions, bernoulli_keep_masks,
    quantized_keep_masks, choose_smoothing, LambdaChoice
Attributions
    explain, explain_all, compare, Attribution, Agreement
How often: soft stability
    certify_soft, SoftCertificate, StabilityRate, Interrupted
Always: hard stability
    certify_hard, certify_hard_bernoulli, check_addition, enumerate_hard_radius, find_flip, HardCertificate,
    CheckedAddition, EnumeratedRadius
Smallest masks
    smallest_stable_mask, StableMask, SearchInterrupted, greedy_minimal_mask, MinimalMask
Boolean spectrum
    degree_weights, Spectrum, stability_bounds, StabilityBounds
Over a data set
    evaluate_smoothing, SmoothedInput, summarise, smoothing_curve, SmoothingCurve
Models and their inputs
    from_module, from_pipeline, from_estimator, from_function, PythonModel, load_model, load_predictor, Feature,
    Features, keep_freed_memory
Records, screens, pages and figures
    present, Shown, read_records
Errors
    StabcertError, InputError, ModelError, ParameterError

Names are loaded when they are first used: ``import stabcert`` imports neither numpy nor torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stabcert.core.choice import LambdaChoice, choose_smoothing
    from stabcert.core.comparison import Agreement, compare
    from stabcert.core.curve.evaluate import evaluate_smoothing, smoothing_curve
    from stabcert.core.curve.result import SmoothedInput, SmoothingCurve
    from stabcert.core.curve.summary import summarise
    from stabcert.core.hard.attack import find_flip
    from stabcert.core.hard.bernoulli import certify_hard_bernoulli
    from stabcert.core.hard.certificate import CheckedAddition, EnumeratedRadius, HardCertificate
    from stabcert.core.hard.certify import certify_hard, check_addition
    from stabcert.core.hard.exhaustive import enumerate_hard_radius
    from stabcert.core.masks import bernoulli_keep_masks, count_additions, sample_additions, top_k_mask
    from stabcert.core.noise import quantized_keep_masks
    from stabcert.core.smoothing import SmoothedPredictor
    from stabcert.core.soft.certificate import SoftCertificate, StabilityRate
    from stabcert.core.soft.certify import Interrupted, certify_soft
    from stabcert.core.soft.minimal import MinimalMask, greedy_minimal_mask, smallest_stable_mask
    from stabcert.core.soft.stable_mask import SearchInterrupted, StableMask
    from stabcert.core.spectrum.analyse import degree_weights
    from stabcert.core.spectrum.result import Spectrum, StabilityBounds
    from stabcert.core.spectrum.stability_bounds import stability_bounds
    from stabcert.core.types import Attribution, Feature, Features, MaskedPredictor
    from stabcert.errors import InputError, ModelError, ParameterError, StabcertError
    from stabcert.explainers import explain, explain_all
    from stabcert.models.doors.estimator import from_estimator
    from stabcert.models.doors.function import from_function
    from stabcert.models.doors.module import from_module
    from stabcert.models.doors.pipeline import from_pipeline
    from stabcert.models.doors.python_model import PythonModel
    from stabcert.models.hub import load_model
    from stabcert.models.memory import keep_freed_memory
    from stabcert.models.predictors import load_predictor
    from stabcert.presentation.present import present
    from stabcert.presentation.shown import Shown
    from stabcert.records.frame import read_records

__version__ = "0.1.0"

__all__ = [
    "Agreement",
    "Attribution",
    "CheckedAddition",
    "EnumeratedRadius",
    "Feature",
    "Features",
    "HardCertificate",
    "InputError",
    "Interrupted",
    "LambdaChoice",
    "MaskedPredictor",
    "MinimalMask",
    "ModelError",
    "ParameterError",
    "PythonModel",
    "SearchInterrupted",
    "Shown",
    "SmoothedInput",
    "SmoothedPredictor",
    "SmoothingCurve",
    "SoftCertificate",
    "Spectrum",
    "StabcertError",
    "StabilityBounds",
    "StabilityRate",
    "StableMask",
    "__version__",
    "bernoulli_keep_masks",
    "certify_hard",
    "certify_hard_bernoulli",
    "certify_soft",
    "check_addition",
    "choose_smoothing",
    "compare",
    "count_additions",
    "degree_weights",
    "enumerate_hard_radius",
    "evaluate_smoothing",
    "explain",
    "explain_all",
    "find_flip",
    "from_estimator",
    "from_function",
    "from_module",
    "from_pipeline",
    "greedy_minimal_mask",
    "keep_freed_memory",
    "load_model",
    "load_predictor",
    "present",
    "quantized_keep_masks",
    "read_records",
    "sample_additions",
    "smallest_stable_mask",
    "smoothing_curve",
    "stability_bounds",
    "summarise",
    "top_k_mask",
]

# Loaded when first used, so that the command answers --help without numpy, scipy or torch.
_MODULES = {
    "stabcert.core.hard.attack": ("find_flip",),
    "stabcert.core.hard.bernoulli": ("certify_hard_bernoulli",),
    "stabcert.core.choice": ("LambdaChoice", "choose_smoothing"),
    "stabcert.core.comparison": ("Agreement", "compare"),
    "stabcert.core.curve.evaluate": ("evaluate_smoothing", "smoothing_curve"),
    "stabcert.core.curve.result": ("SmoothedInput", "SmoothingCurve"),
    "stabcert.core.curve.summary": ("summarise",),
    "stabcert.core.hard.exhaustive": ("enumerate_hard_radius",),
    "stabcert.core.hard.certify": ("certify_hard", "check_addition"),
    "stabcert.core.hard.certificate": ("CheckedAddition", "EnumeratedRadius", "HardCertificate"),
    "stabcert.core.masks": ("bernoulli_keep_masks", "count_additions", "sample_additions", "top_k_mask"),
    "stabcert.core.soft.minimal": ("MinimalMask", "greedy_minimal_mask", "smallest_stable_mask"),
    "stabcert.core.soft.stable_mask": ("SearchInterrupted", "StableMask"),
    "stabcert.core.noise": ("quantized_keep_masks",),
    "stabcert.core.smoothing": ("SmoothedPredictor",),
    "stabcert.core.soft.certify": ("Interrupted", "certify_soft"),
    "stabcert.core.soft.certificate": ("SoftCertificate", "StabilityRate"),
    "stabcert.core.spectrum.analyse": ("degree_weights",),
    "stabcert.core.spectrum.result": ("Spectrum", "StabilityBounds"),
    "stabcert.core.spectrum.stability_bounds": ("stability_bounds",),
    "stabcert.core.types": ("Attribution", "Feature", "Features", "MaskedPredictor"),
    "stabcert.errors": ("InputError", "ModelError", "ParameterError", "StabcertError"),
    "stabcert.explainers": ("explain", "explain_all"),
    "stabcert.models.doors.estimator": ("from_estimator",),
    "stabcert.models.doors.function": ("from_function",),
    "stabcert.models.doors.module": ("from_module",),
    "stabcert.models.doors.pipeline": ("from_pipeline",),
    "stabcert.models.doors.python_model": ("PythonModel",),
    "stabcert.models.hub": ("load_model",),
    "stabcert.models.memory": ("keep_freed_memory",),
    "stabcert.records.frame": ("read_records",),
    "stabcert.models.predictors": ("load_predictor",),
    "stabcert.presentation.present": ("present",),
    "stabcert.presentation.shown": ("Shown",),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in _MODULE_OF:
        value = globals()[name] = getattr(import_module(_MODULE_OF[name]), name)
        return value
    raise AttributeError(f"module 'stabcert' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
