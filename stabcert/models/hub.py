"""Models by name: a directory, the hub, timm or a demo model, ready to be evaluated on one input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import torch
from PIL import Image

from stabcert.core.given import not_a_name
from stabcert.errors import InputError, ParameterError
from stabcert.models.asking import ask
from stabcert.models.base import ModelPredictor
from stabcert.models.batches import BatchSize, BatchSizes
from stabcert.models.decode import DecodedImage, decode_image
from stabcert.models.devices import choose_device
from stabcert.models.doors.called_network import CalledTexts
from stabcert.models.full_precision import full_precision
from stabcert.models.heads import Outputs, Question
from stabcert.models.image import MaskedImage
from stabcert.models.masked_input import MaskedInput
from stabcert.models.names import PYTHON, check_decided_by_code
from stabcert.models.networks import ImageNetwork, TextNetwork
from stabcert.models.pairs import explained_places
from stabcert.models.precision import half_precision_note, weights_dtype
from stabcert.models.sources import LoadOptions, load_source
from stabcert.models.text import MaskedText
from stabcert.models.wording import Wording, own_classes
from stabcert.models.words import join_passages

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class LoadedModel:
    """A classifier on its device, and the data that identify it."""

    id: str
    """The name that the user gave."""
    kind: Literal["image", "text"]
    revision: str | None
    """Commit of a model of the hub, otherwise None."""
    sha256: str | None
    """Hash of the weights; see `stabcert.models.checkpoint.weights_sha256`."""
    config_sha256: str | None
    """Hash of all other files that define it; see `stabcert.models.checkpoint.config_sha256`. None for a demo model."""
    class_names: tuple[str, ...] = field(repr=False)
    """One distinct name for each logit. If there is a question, its two answers."""
    device: torch.device
    dtype: torch.dtype
    notes: tuple[str, ...]
    """Notes that the user should read before trusting the model."""
    network: ImageNetwork | TextNetwork = field(repr=False)
    settings: dict[str, Any] = field(default_factory=dict, repr=False)
    """JSON-ready: what defines its function beside its files; empty for a model with classes of its own."""
    directory: Path | None = field(default=None, repr=False, compare=False)
    """The directory it was read from; None for a demo model."""
    code_sha256: str | None = None
    """SHA-256 of the source file of a Python module that was imported for it; None without such code."""
    batches: dict[BatchSize, BatchSizes] = field(default_factory=dict, repr=False, compare=False)
    """The batch sizes found so far, for each requested size."""
    outputs: Outputs | None = field(default=None, repr=False)
    """The outputs of the network, if they are not the logits of classes of which one is predicted."""
    question: Question | None = None
    """The question about the outputs whose two answers are the classes."""

    def asking(
        self, *, target: int | str | None = None, threshold: float | None = None, tolerance: float | None = None
    ) -> LoadedModel:
        """Return this model with a question about its outputs; see `load_model` for arguments and errors."""
        outputs = self.outputs or Outputs("classes", self.class_names)
        question = ask(self.id, outputs, target=target, threshold=threshold, tolerance=tolerance)
        return self if question is None else self.with_question(question)

    def with_question(self, question: Question) -> LoadedModel:
        """Return this model with a question about its outputs."""
        return replace(self, question=question, class_names=question.answers)

    def predictor(
        self,
        source: str | list[str] | Path | bytes | Image.Image | DecodedImage,
        *,
        text_pair: str | list[str] | None = None,
        explain_side: str | None = None,
        features: str | None = None,
        baseline: str | None = None,
        truncate: bool = False,
        batch_size: BatchSize = "auto",
    ) -> ModelPredictor:
        """Return this model as a function on the masks of one input.

        With a tolerance, the reference is the output for the full input; `ModelPredictor.around` sets another one.

        Args:
            source: for an image model a path, the bytes of a file, or an image; for a text model the text, or a list
                of passages, which are joined by blank lines.
            text_pair: the second text, for a text model that classifies pairs (``source`` is the first one); a list is
                passages.
            explain_side: of a pair the texts whose words are features: ``both`` (also None), ``first`` or
                ``second``. The other text is always kept.
            features: kind of the features; None: the default of `MaskedImage` or `MaskedText`.
            baseline: replacement of a dropped feature; None: ``zero`` for images, ``remove`` for texts.
            truncate: if True, cut a text that is too long for the model, of a pair the longer one; otherwise refuse it.
            batch_size: number of masks in a batch.

        Raises:
            InputError: the input cannot be used, or is of the other kind.
            ParameterError: this model does not have these features or this baseline, or predicts labels or numbers
                and no question is asked, see `load_model`.
        """
        asked = self if self.outputs is None or self.question is not None else self.asking()
        # What is made here has gradients, even for callers who are inside of torch.inference_mode.
        with torch.inference_mode(False), full_precision():
            masked = self._masked(source, text_pair, explain_side, features, baseline, truncate)
            return asked._predictor(masked, batch_size)

    def _masked(
        self,
        source: str | list[str] | Path | bytes | Image.Image | DecodedImage,
        text_pair: str | list[str] | None,
        explain_side: str | None,
        features: str | None,
        baseline: str | None,
        truncate: bool,
    ) -> MaskedInput:
        explained_places(explain_side, pair=text_pair is not None)
        if text_pair is not None and not isinstance(self.network, TextNetwork):
            raise InputError(f"{self.id} does not classify pairs of texts. Leave out text_pair")
        if isinstance(text_pair, list):
            text_pair = join_passages(text_pair)
        if isinstance(self.network, TextNetwork):
            if isinstance(source, list):
                source = join_passages(source)
            if not isinstance(source, str):
                raise InputError(
                    f"{self.id} classifies texts, got {type(source).__name__}. "
                    "Give the text as a string, or a model that classifies images such as demo:image"
                )
            network = self.network
            if network.prompt is not None and text_pair is not None:
                raise InputError(
                    f"{self.id} is a language model, which reads one text. Leave out text_pair, and write the other "
                    "text into the prompt"
                )
            if isinstance(network, CalledTexts):
                return network.masked(source, text_pair, features, baseline)
            return MaskedText(
                self.network.module,
                self.network.tokenizer,
                source,
                prompt=network.prompt,
                text_pair=text_pair,
                explain_side=explain_side,
                features="word" if features is None else features,
                baseline="remove" if baseline is None else baseline,
                truncate=truncate,
                removes_tokens=self.network.removes_tokens,
                leftover=self.network.leftover,
                in_float64=lambda: network.module_in_float64,
                device=self.device,
                dtype=weights_dtype(self.dtype, self.device),
            )
        if isinstance(source, list):
            raise InputError(f"{self.id} classifies images, got a list. Give one image at a time")
        decoded = source if isinstance(source, DecodedImage) else decode_image(source)
        return MaskedImage(
            self.network.logits,
            decoded.image,
            self.network.preprocessing,
            features="default" if features is None else features,
            baseline="zero" if baseline is None else baseline,
            patch_size=self.network.patch_size,
            channels_last=self.network.channels_last,
            in_float64=self.network.logits_in_float64,
            stage=self.network.token_stage(),
            stage_in_float64=self.network.token_stage_in_float64(),
            device=self.device,
            dtype=weights_dtype(self.dtype, self.device),
        )

    def _predictor(self, masked_input: MaskedInput, batch_size: BatchSize) -> ModelPredictor:
        # Sizes found for one input are used for the next one.
        batches = self.batches.setdefault(batch_size, BatchSizes(batch_size, self.device))
        autocast = self.dtype if weights_dtype(self.dtype, self.device) != self.dtype else None
        return ModelPredictor(
            masked_input,
            self.class_names,
            device=self.device,
            dtype=self.dtype,
            batches=batches,
            autocast=autocast,
            head=self.question,
        ).around()


def load_model(
    name: str,
    *,
    revision: str | None = None,
    trust_remote_code: bool = False,
    allow_pickle: bool = False,
    allow_random_head: bool = False,
    offline: bool = False,
    device: str = "auto",
    dtype: str = "float32",
    compile: bool = False,
    classes: Sequence[str] | None = None,
    prompt: str | None = None,
    chat: bool = False,
    target: int | str | None = None,
    threshold: float | None = None,
    tolerance: float | None = None,
) -> LoadedModel:
    """Load a classifier.

    A network whose outputs are not the logits of several classes becomes a function with two classes by a question:
    whether the label ``target`` is on, whether a number is above ``threshold``, or whether it stays within
    ``tolerance`` of its value. See `stabcert.models.heads.Question` for the exact function.

    Guaranteed: an existing local path never touches the network, and neither does anything with
    ``offline`` (or ``HF_HUB_OFFLINE``); nothing is printed; the random state of the process stays
    as it was; code and pickles that come with a model run only with their option.

    Args:
        name: ``demo:image``, ``demo:image-masked``, ``demo:text``, ``timm:NAME``, a directory in the format of
            transformers or timm, a name of the Hugging Face hub, or ``python:package.module:name``, an object in a
            Python module, whose code is run (see `PythonModel`).
        revision: branch, tag or commit of a model of the hub.
        trust_remote_code: run Python code that comes with the model.
        allow_pickle: read pickled weights where other weights do not exist (tensors only).
        allow_random_head: accept a network whose head has no trained weights.
        offline: use only models in the cache.
        device: ``auto`` (cuda, then mps, then cpu) or a device of torch.
        dtype: ``float32``, ``bfloat16`` or ``float16``, whatever the weights are stored in. Half precision is
            another function; whether it is faster on this processor is measured and noted.
        compile: let torch compile the network when it is first used. That takes up to minutes and is worth it for
            many inputs alone; last digits may differ.
        classes: the words that a language model answers with, or the texts that CLIP, MetaCLIP 2 or SigLIP compares an
            image with. It is for a model without classes of its own.
        prompt: text around the input of a language model, with ``{input}`` in its place; None: the input alone.
        chat: give the prompt as the message of a user in the tokenizer's chat template.
        target: the label (``problem_type`` multi_label_classification) or the number (regression) that the question is
            about, by its index or its name. Not needed if the network has one output.
        threshold: of a label the probability above which it is on, by default 0.5; of a number the limit itself. One
            output without a ``problem_type`` is the logit of a label.
        tolerance: distance of a number from the reference, which is its value for the full input, or for a mask with
            `ModelPredictor.around`.

    Raises:
        ModelError: the model cannot be found, or must not or cannot be loaded.
        ParameterError: ``dtype`` is unknown, or a revision is given for a model without revisions. Or ``classes``
            and ``prompt`` are not possible, or given for a model with classes of its own. Or the outputs do not allow
            the question.
    """
    wording = Wording.of(classes, prompt, chat)
    if not isinstance(name, str):
        raise InputError(not_a_name(name))
    if dtype not in DTYPES:
        raise ParameterError(f"dtype must be one of {', '.join(DTYPES)}, got {dtype!r}. Use dtype='float32'", "dtype")
    if name.startswith(PYTHON):
        check_decided_by_code(name, device, dtype, compile)
    place = choose_device(device)
    asked, kept = DTYPES[dtype], weights_dtype(DTYPES[dtype], place)
    options = LoadOptions(place, kept, trust_remote_code, allow_pickle, allow_random_head, offline, wording)
    with torch.inference_mode(False), full_precision():  # weights of inference mode have no gradients
        loaded = load_source(name, revision, options)
    if wording.given and Wording.of_settings(loaded.settings) != wording:
        raise own_classes(name, loaded.class_names)
    place, asked = loaded.place or (place, asked)
    notes = loaded.notes
    if loaded.place is None and asked != torch.float32 and place.type == "cpu":
        notes = (*notes, half_precision_note(loaded.network, asked))
    network = loaded.network
    if compile:
        network.module.compile()
        if isinstance(network, ImageNetwork):  # hooks do not reach into a compiled network
            network = replace(network, stage=None, fold=False)
    model = LoadedModel(
        id=name,
        kind="text" if isinstance(loaded.network, TextNetwork) else "image",
        revision=loaded.revision,
        sha256=loaded.sha256,
        config_sha256=loaded.config_sha256,
        class_names=loaded.class_names,
        device=place,
        dtype=asked,
        notes=notes,
        network=network,
        settings=loaded.settings,
        code_sha256=loaded.code_sha256,
        directory=loaded.directory,
        outputs=None if loaded.meaning == "classes" else Outputs(loaded.meaning, loaded.class_names),
    )
    if target is None and threshold is None and tolerance is None:
        return model  # a question that is missing is reported by its predictor
    return model.asking(target=target, threshold=threshold, tolerance=tolerance)
