"""Options on models, which several commands share; see `stabcert.cli.options`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from stabcert.cli.choices import DEVICES, MODELS, Dtype, offers
from stabcert.cli.declared import option
from stabcert.cli.options import MODEL
from stabcert.models.wording import parse_classes


@dataclass
class ModelOptions:
    panel: ClassVar[str] = MODEL
    model: Annotated[
        str | None,
        option(
            "--model",
            "-m",
            affects="keyed",
            metavar="NAME",
            envvar="STABCERT_MODEL",
            show_default="the demo model",
            offers=offers(MODELS),
            help="Hub name, directory, timm:NAME, python:MODULE:NAME, demo:image, demo:image-masked, demo:text.",
            reads="model folder",
        ),
    ] = None
    revision: Annotated[
        str | None,
        option("--revision", affects="keyed", metavar="REV", help="Branch, tag or commit of a hub model."),
    ] = None
    classes: Annotated[
        tuple[str, ...] | None,
        option(
            "--classes",
            affects="result",
            metavar="A,B",
            help="The words that a language model answers with, or the texts that CLIP compares an image with: yes,no.",
            read=parse_classes,
            only_given=True,
        ),
    ] = None
    prompt: Annotated[
        Path | None,
        option(
            "--prompt",
            affects="result",
            metavar="FILE",
            help="The text around the input of a language model, with {input} in its place.",
            only_given=True,
        ),
    ] = None
    chat: Annotated[
        bool,
        option(
            "--chat",
            affects="result",
            help="Give the prompt as a message in the model's chat template.",
            only_given=True,
        ),
    ] = False
    trust_remote_code: Annotated[
        bool,
        option(
            "--trust-remote-code", affects="result", help="Allow code that comes with a model to run.", with_verify=True
        ),
    ] = False
    allow_pickle: Annotated[
        bool, option("--allow-pickle", affects="circumstance", help="Allow weights in pickle files.", with_verify=True)
    ] = False
    allow_random_head: Annotated[
        bool,
        option(
            "--allow-random-head",
            affects="result",
            help="Allow a model without trained classification head.",
            with_verify=True,
        ),
    ] = False
    offline: Annotated[
        bool, option("--offline", affects="circumstance", help="Never use the network.", with_verify=True)
    ] = False
    device: Annotated[
        str,
        option(
            "--device",
            affects="circumstance",
            metavar="DEVICE",
            envvar="STABCERT_DEVICE",
            offers=offers(DEVICES),
            help="auto, cpu, cuda, cuda:N or mps.",
            with_verify=True,
        ),
    ] = "auto"
    dtype: Annotated[
        Dtype, option("--dtype", affects="result", metavar="TYPE", help="float32, bfloat16 or float16.")
    ] = Dtype.float32
    compile: Annotated[
        bool,
        option(
            "--compile",
            affects="circumstance",
            help="Compile the model: slow to start, for many inputs.",
            with_verify=True,
        ),
    ] = False
    batch_size: Annotated[
        str,
        option(
            "--batch-size",
            "-b",
            affects="circumstance",
            metavar="auto|N",
            envvar="STABCERT_BATCH_SIZE",
            help="Masked inputs at a time; halved when memory runs out.",
            with_verify=True,
        ),
    ] = "auto"
