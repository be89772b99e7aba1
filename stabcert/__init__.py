"""stabcert: certificates that a feature attribution can be trusted.

A classifier looks at an image or a sentence, an attribution says which patches or words mattered,
and the top-k of them form a mask. stabcert bounds how often, and tells whether always, the
prediction on the masked input survives when more features are revealed.

>>> from stabcert import load_predictor, explain, top_k_mask, certify_soft
>>> predictor = load_predictor("demo:image", "cat.jpg")
>>> attribution = explain(predictor, "lime")
>>> mask = top_k_mask(attribution.scores, 12)
>>> certify_soft(predictor, mask, radius=4, rng=numpy.random.default_rng(0)).rates

Every function works on any object with ``n_features`` that maps ``(k, n_features)`` boolean masks,
True = kept, to ``(k, n_classes)`` probabilities. Names are loaded when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
    from stabcert.models.hub import load_model, load_predictor

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
    "MaskedPredictor",
    "MinimalMask",
    "ModelError",
    "ParameterError",
    "SearchInterrupted",
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
    "compare",
    "count_additions",
    "degree_weights",
    "enumerate_hard_radius",
    "evaluate_smoothing",
    "explain",
    "explain_all",
    "find_flip",
    "greedy_minimal_mask",
    "load_model",
    "load_predictor",
    "quantized_keep_masks",
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
    "stabcert.models.hub": ("load_model", "load_predictor"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in _MODULE_OF:
        value = globals()[name] = getattr(import_module(_MODULE_OF[name]), name)
        return value
    raise AttributeError(f"module 'stabcert' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
