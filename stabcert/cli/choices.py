"""Values of options: enumerations that typer checks, and suggestions for the completion of a shell."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from stabcert.models.text_features import TEXT_FEATURES


class Dtype(StrEnum):
    float32 = "float32"
    bfloat16 = "bfloat16"
    float16 = "float16"


class ExplainSide(StrEnum):
    both = "both"
    first = "first"
    second = "second"


class NoiseChoice(StrEnum):
    quantized = "quantized"
    bernoulli = "bernoulli"


class AdaptMethod(StrEnum):
    full = "full"
    lora = "lora"
    norm = "norm"


class OutputFormat(StrEnum):
    text = "text"
    json = "json"
    github = "github"
    markdown = "markdown"


# Repeated here because the tables that define them import numpy, which would delay the completion.
METHODS = (
    *("lime", "shap", "kernelshap", "occlusion", "intgrad", "saliency"),
    *("inputxgrad", "smoothgrad", "clime", "mfaba", "random"),
)
FEATURES = ("patch", "grid:7", "slic:50", "quickshift", *TEXT_FEATURES, r"regex:\w+")
BASELINES = ("zero", "black", "mean", "blur", "drop", "remove", "mask", "pad", "unk")
MODELS = ("demo:image", "demo:image-masked", "demo:text")
DEVICES = ("auto", "cpu", "cuda", "mps")


def offers(values: tuple[str, ...]) -> Callable[[str], list[str]]:
    """Return a function that completes one of ``values`` in a shell, also after a comma."""

    def complete(incomplete: str) -> list[str]:
        before, comma, begun = incomplete.rpartition(",")
        return [before + comma + value for value in values if value.startswith(begun)]

    return complete
