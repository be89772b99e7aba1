"""Options of ``stabcert adapt`` beside those that commands share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from stabcert.adapt.settings import AdaptSettings
from stabcert.cli.choices import METHODS, AdaptMethod, NoiseChoice, offers
from stabcert.cli.config import use_config
from stabcert.cli.declared import option
from stabcert.cli.options import DEFAULT_SEED, INPUT, RUNNING, delta_option

ADAPTATION, REPORT = "Adaptation", "Report"
_DEFAULT = AdaptSettings()


@dataclass
class AdaptLabelOptions:
    panel: ClassVar[str] = INPUT
    labels_file: Annotated[
        Path | None,
        option(
            "--labels",
            affects="keyed",
            metavar="FILE",
            help="A table such as .csv or .jsonl (path or id, label), or .txt (a label a line).",
        ),
    ] = None
    report_on: Annotated[
        list[str] | None,
        option(
            "--report-on",
            affects="keyed",
            metavar="PATH",
            show_default="a share of the inputs",
            help="Inputs to report on: a folder, a file or a list; repeatable. They are not trained on.",
        ),
    ] = None


@dataclass
class AdaptOptions:
    panel: ClassVar[str] = ADAPTATION
    out: Annotated[
        Path | None,
        option(
            "--out",
            affects="writes",
            metavar="DIR",
            show_default="required",
            help="New directory for the adapted model, which loads like any other model.",
        ),
    ] = None
    method: Annotated[
        AdaptMethod,
        option("--method", affects="result", help="All weights, low-rank changes, or normalization layers only."),
    ] = AdaptMethod.full
    train_head: Annotated[
        bool,
        option(
            "--train-head",
            affects="result",
            help="Train the last layer too; without it, classes that no input has keep their weights.",
        ),
    ] = False
    further_features: Annotated[
        str | None,
        option(
            "--further-features",
            affects="result",
            metavar="LIST",
            show_default="none",
            help="Kinds of features that half of the training inputs are divided into instead: grid:14.",
        ),
    ] = None
    epochs: Annotated[
        int, option("--epochs", affects="result", metavar="N", least=1, help="Passes over the training inputs.")
    ] = _DEFAULT.epochs
    learning_rate: Annotated[
        float | None,
        option(
            "--learning-rate",
            affects="result",
            metavar="R",
            show_default="by method and kind of network",
            help="Largest learning rate.",
        ),
    ] = None
    train_batch_size: Annotated[
        int,
        option(
            "--train-batch-size", affects="result", metavar="N", least=1, help="Inputs of one step of the training."
        ),
    ] = _DEFAULT.batch_size
    copies: Annotated[
        int,
        option("--copies", affects="result", metavar="N", least=1, help="Masked copies of each input in a step."),
    ] = _DEFAULT.copies
    clean_weight: Annotated[
        float,
        option(
            "--clean-weight",
            affects="result",
            metavar="W",
            help="Share of the loss on full inputs, which holds the model to the original one.",
        ),
    ] = _DEFAULT.clean_weight
    temperature: Annotated[
        float | None,
        option(
            "--temperature",
            affects="result",
            metavar="T",
            show_default="8 for images, 1 for texts",
            help="Temperature of the target and of the predictions in the loss.",
        ),
    ] = None
    freeze: Annotated[
        list[str] | None,
        option(
            "--freeze",
            affects="result",
            metavar="NAME",
            show_default="none",
            help="Part or pattern of parameters that is not trained: blocks.0, *.conv_dw.*; repeatable.",
        ),
    ] = None
    label_weight: Annotated[
        float,
        option(
            "--label-weight",
            affects="result",
            metavar="W",
            help="Share of the labels in the target; the rest is the prediction of the original model.",
        ),
    ] = _DEFAULT.label_weight
    agreement_weight: Annotated[
        float,
        option(
            "--agreement-weight",
            affects="result",
            metavar="W",
            help="Weight of different predictions for a mask and an addition to it.",
        ),
    ] = _DEFAULT.agreement_weight
    lambdas: Annotated[
        str,
        option(
            "--lambdas",
            affects="result",
            metavar="LIST",
            help="Keep probabilities to smooth with, for training and report; 1: none.",
        ),
    ] = ",".join(map(str, _DEFAULT.lambdas))
    rank: Annotated[
        int, option("--rank", affects="result", metavar="N", least=1, help="Rank of the changes of lora.")
    ] = _DEFAULT.rank
    clean_loss: Annotated[
        float,
        option(
            "--clean-loss",
            affects="result",
            metavar="L",
            help="Largest accepted loss of accuracy on full inputs; without labels of agreement.",
        ),
    ] = _DEFAULT.clean_loss
    held_out: Annotated[
        float,
        option(
            "--held-out",
            affects="result",
            metavar="S",
            help="Share of the inputs that chooses the epoch and is not trained on.",
        ),
    ] = _DEFAULT.held_out


@dataclass
class AdaptReportOptions:
    panel: ClassVar[str] = REPORT
    report_share: Annotated[
        float,
        option(
            "--report-share",
            affects="result",
            metavar="S",
            help="Share of the inputs that is reported on, and neither trains nor chooses.",
        ),
    ] = 0.2
    attribution: Annotated[
        str,
        option(
            "--attribution",
            affects="result",
            metavar="NAME",
            offers=offers(METHODS),
            help="Attribution of the original model that makes the explanations.",
        ),
    ] = "occlusion"
    top_k: Annotated[
        str,
        option(
            "--top-k",
            "-k",
            affects="result",
            metavar="K",
            help="Features that an explanation keeps: a count (12) or a share (25%).",
        ),
    ] = "25%"
    masks: Annotated[
        int,
        option("--masks", affects="result", metavar="N", least=1, help="Random masks of 3/4, 1/2 and 1/4 each."),
    ] = 4
    radii: Annotated[
        str,
        option(
            "--radii", affects="result", metavar="LIST", help="Features that may be added or removed: 4, 1,2,5 or 1:10."
        ),
    ] = "1,4"
    n_samples: Annotated[
        int,
        option(
            "--n-samples", affects="result", metavar="N", least=1, help="Additions to test for each input and radius."
        ),
    ] = 10
    draws: Annotated[
        int,
        option("--draws", affects="result", metavar="K", least=1, help="Frozen noise masks of each smoothed model."),
    ] = 64
    noise: Annotated[
        NoiseChoice,
        option("--noise", affects="result", help="quantized: lambda times K must be whole."),
    ] = NoiseChoice.quantized
    mean_delta: Annotated[float, delta_option("an interval")] = 0.1
    min_gain: Annotated[
        float | None,
        option(
            "--min-gain",
            affects="result",
            metavar="G",
            least=0.0,
            most=1.0,
            help="Exit 1 unless the lower bound of the gain in masked agreement reaches G.",
        ),
    ] = None


@dataclass
class AdaptRunningOptions:
    panel: ClassVar[str] = RUNNING
    config: Annotated[
        Path | None,
        option(
            "--config",
            affects="circumstance",
            metavar="FILE",
            callback=use_config,
            help="A TOML file: epochs = 4 under \\[adapt]. Its paths are relative to it.",
        ),
    ] = None
    seed: Annotated[
        int,
        option(
            "--seed",
            affects="result",
            metavar="N",
            least=0,
            help="Seed of all random draws; choose it before you see a result.",
        ),
    ] = DEFAULT_SEED
    resume: Annotated[
        bool,
        option("--resume", affects="circumstance", help="Continue an interrupted run from DIR.checkpoint."),
    ] = False
    quiet: Annotated[
        bool,
        option("--quiet", "-q", affects="circumstance", help="Results only: no notes, no progress.", with_verify=True),
    ] = False
    verbose: Annotated[
        bool,
        option("--verbose", "-v", affects="circumstance", help="Show the messages of the libraries.", with_verify=True),
    ] = False
