"""Models that compare an image with texts (CLIP, SigLIP): classifiers of images whose classes a user words."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch

from stabcert.errors import ModelError, ParameterError
from stabcert.models.attempts import attempt
from stabcert.models.checkpoint import Checkpoint
from stabcert.models.image_checks import check_image_network
from stabcert.models.images_from_transformers import image_network
from stabcert.models.networks import Loaded, quiet_transformers
from stabcert.models.pretrained import load_module, tokenizer_of
from stabcert.models.threads import one_thread
from stabcert.models.wording import Wording
from stabcert.models.zero_shot_kind import ARCHITECTURES, image_text_network

_SIGMOIDS = (
    "the probabilities of {name} are those of one class given that it is one of the {n} classes: a softmax of its "
    "logits. Its own probabilities are sigmoids, one for each text, and need not add up to 1"
)
_NO_PROMPT = "{part} is for language models, and {name} compares images with texts. Write each class as a whole text"


class ZeroShotNetwork(torch.nn.Module):
    """The half of the model that reads images, and the embeddings of the classes.

    Logits are ``exp(scale) * cosine + bias``, as in the model's own ``logits_per_image``; CLIP has no bias.

    Args:
        model: ``CLIPModel``, ``MetaClip2Model`` or ``SiglipModel``.
        texts: ``(classes, width)`` embeddings of length 1.
    """

    def __init__(self, model: Any, texts: torch.Tensor) -> None:
        super().__init__()
        self.config = model.config
        self.vision_model = model.vision_model
        self.visual_projection = getattr(model, "visual_projection", None)
        self.texts = torch.nn.Parameter(texts, requires_grad=False)
        self.logit_scale = model.logit_scale
        self.logit_bias = getattr(model, "logit_bias", None)

    @property
    def base_model(self) -> torch.nn.Module:
        """The network itself, as networks of transformers have it."""
        return self

    def forward(self, pixel_values: torch.Tensor) -> Any:
        from transformers.modeling_outputs import ImageClassifierOutput

        image = self.vision_model(pixel_values=pixel_values).pooler_output
        if self.visual_projection is not None:
            image = self.visual_projection(image)
        logits = _unit(image) @ self.texts.T * self.logit_scale.exp()
        return ImageClassifierOutput(logits=logits if self.logit_bias is None else logits + self.logit_bias)


def load_zero_shot(
    checkpoint: Checkpoint, wording: Wording, *, trust_remote_code: bool, device: torch.device, dtype: torch.dtype
) -> Loaded:
    """Load a checked directory of CLIP, MetaCLIP 2 or SigLIP as a classifier into the classes of ``wording``.

    The embedding of a class does not depend on the other classes: each text is read alone, on one thread. It is padded
    as transformers pads it for this task: not for CLIP, and to the longest text that the model reads for SigLIP.

    Raises:
        ModelError: the weights, the tokenizer or the image processor are missing or cannot be used.
        ParameterError: classes are missing, one is longer than the model reads, or there is a prompt.
    """
    from transformers import AutoModelForZeroShotImageClassification

    name = checkpoint.name
    check_wording(name, checkpoint.config, wording)
    with quiet_transformers():
        model, notes = load_module(
            checkpoint,
            AutoModelForZeroShotImageClassification,
            trust_remote_code=trust_remote_code,
            allow_random_head=False,
            dtype=dtype,
        )
        texts = _embeddings(checkpoint, model.eval(), wording.classes, trust_remote_code)
        network = ZeroShotNetwork(model, texts)
        image = image_network(checkpoint, network, trust_remote_code, device, dtype)
        check_image_network(name, image, len(wording.classes), device, dtype)
    settings: dict[str, Any] = {"classes": list(wording.classes), "probabilities": "softmax"}
    if network.logit_bias is not None:
        notes = (*notes, _SIGMOIDS.format(name=name, n=len(wording.classes)))
    return Loaded(image, wording.classes, (*notes, *image.notes), settings=settings)


def check_wording(name: str, config: dict[str, Any], wording: Wording) -> None:
    """Refuse a model that compares images with texts unless it is given classes, and classes only.

    Raises:
        ModelError: it is not one of `ARCHITECTURES`.
        ParameterError: classes are missing, or there is a prompt.
    """
    network = image_text_network(config)
    if network not in ARCHITECTURES:
        raise ModelError(
            f"{name} is {network}, which compares images with texts in a way that stabcert cannot evaluate. Use CLIP, "
            "MetaCLIP 2 or SigLIP; SigLIP 2 only as a model for one size of image, whose model_type is siglip"
        )
    if not wording.given:
        raise ParameterError(
            f"classes must be given for {name}, because it is {network}, which compares images with "
            "texts. Use classes='a photo of a cat,a photo of a dog'",
            "classes",
        )
    if wording.prompt is not None or wording.chat:
        part = "chat" if wording.prompt is None else "prompt"
        raise ParameterError(_NO_PROMPT.format(part=part, name=name), part)


def _embeddings(checkpoint: Checkpoint, model: Any, classes: tuple[str, ...], trust_remote_code: bool) -> torch.Tensor:
    """Return ``(classes, width)`` embeddings of length 1."""
    tokenizer = tokenizer_of(checkpoint.name, checkpoint.directory, trust_remote_code)
    rows: dict[tuple[int, ...], torch.Tensor] = {}
    for text in classes:
        failure = f"cannot read the class {text[:40]!r}"
        encoded = _encoded(checkpoint.name, tokenizer, model, text, failure)
        ids = tuple(encoded["input_ids"][0].tolist())
        if ids in rows:
            raise ParameterError(
                f"classes must differ for {checkpoint.name}, whose tokenizer reads {text[:40]!r} as it reads another "
                "class. Use other words",
                "classes",
            )
        features = partial(model.get_text_features, **encoded)
        with torch.no_grad(), one_thread():
            rows[ids] = attempt(checkpoint.name, failure, features).pooler_output
    return _unit(torch.cat(list(rows.values())))


def _encoded(name: str, tokenizer: Any, model: Any, text: str, failure: str) -> Any:
    """Return one text as the network reads it."""
    config = model.config.text_config
    longest = int(config.max_position_embeddings)
    encoded = attempt(name, failure, partial(tokenizer, text, return_tensors="pt"))
    length = encoded["input_ids"].shape[1]
    if length > longest:
        raise ParameterError(
            f"classes must be texts of at most {longest} tokens for {name}, got one of {length}: {text[:40]!r}. "
            "Write a shorter one",
            "classes",
        )
    if hasattr(model, "logit_bias"):  # SigLIP reads the last position, padding or not, and was trained so
        padded = partial(tokenizer, text, return_tensors="pt", padding="max_length", max_length=longest)
        return attempt(name, failure, padded)
    if config.eos_token_id != 2 and not bool((encoded["input_ids"] == config.eos_token_id).any()):
        raise ModelError(
            f"{name} has a tokenizer that does not end texts with the token {config.eos_token_id}, at which the "
            "network reads them. Save its own tokenizer into it with save_pretrained"
        )
    return encoded


def _unit(vectors: torch.Tensor) -> torch.Tensor:
    length: torch.Tensor = torch.linalg.vector_norm(vectors, dim=-1, keepdim=True)
    return vectors / length
