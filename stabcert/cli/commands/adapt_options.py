"""Options of ``stabcert adapt`` on labels and on the training."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from stabcert.adapt.settings import AdaptSettings
from stabcert.cli.choices import AdaptMethod
from stabcert.cli.declared import option
from stabcert.cli.options import INPUT, LabelsFile, VerifyOptions
from stabcert.cli.typed_numbers import adapt_method, number, whole_number

ADAPTATION = "Adaptation"
_DEFAULT = AdaptSettings()


@dataclass
class AdaptLabelOptions:
    panel: ClassVar[str] = INPUT
    labels_file: LabelsFile = None
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
        option(
            "--method",
            affects="result",
            metavar="full|lora|norm",
            read=adapt_method,
            help="All weights, low-rank changes, or normalization layers only.",
        ),
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
        int,
        option(
            "--epochs",
            affects="result",
            metavar="N",
            read=whole_number("--epochs", least=1, example=8),
            help="Passes over the training inputs.",
        ),
    ] = _DEFAULT.epochs
    learning_rate: Annotated[
        float | None,
        option(
            "--learning-rate",
            affects="result",
            metavar="R",
            read=number("--learning-rate", example=1e-4),
            show_default="by method and kind of network",
            help="Largest learning rate.",
        ),
    ] = None
    train_batch_size: Annotated[
        int,
        option(
            "--train-batch-size",
            affects="result",
            metavar="N",
            read=whole_number("--train-batch-size", least=1, example=16),
            help="Inputs of one step of the training.",
        ),
    ] = _DEFAULT.batch_size
    copies: Annotated[
        int,
        option(
            "--copies",
            affects="result",
            metavar="N",
            read=whole_number("--copies", least=1, example=2),
            help="Masked copies of each input in a step.",
        ),
    ] = _DEFAULT.copies
    clean_weight: Annotated[
        float,
        option(
            "--clean-weight",
            affects="result",
            metavar="W",
            read=number("--clean-weight", example=0.35),
            help="Share of the loss on full inputs, 0 to 1: larger, and the model stays nearer to the original one.",
        ),
    ] = _DEFAULT.clean_weight
    temperature: Annotated[
        float | None,
        option(
            "--temperature",
            affects="result",
            metavar="T",
            read=number("--temperature", example=1),
            show_default="8 for images, 1 for texts",
            help="Divisor of target and predicted logits in the loss: above 1, unlikely classes count more.",
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
            read=number("--label-weight", example=0.5),
            help="Share of the labels in the target; the rest is the prediction of the original model.",
        ),
    ] = _DEFAULT.label_weight
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
        int,
        option(
            "--rank",
            affects="result",
            metavar="N",
            read=whole_number("--rank", least=1, example=8),
            help="Rank of the changes of lora.",
        ),
    ] = _DEFAULT.rank
    clean_loss: Annotated[
        float,
        option(
            "--clean-loss",
            affects="result",
            metavar="L",
            read=number("--clean-loss", example=0.02),
            help="Largest accepted loss of accuracy (without labels: of agreement) on full inputs. It is enforced on "
            "the inputs that choose the epoch alone; on others it is reported.",
        ),
    ] = _DEFAULT.clean_loss
    held_out: Annotated[
        float,
        option(
            "--held-out",
            affects="result",
            metavar="S",
            read=number("--held-out", example=0.2),
            help="Share of the inputs that chooses the epoch and is not trained on.",
        ),
    ] = _DEFAULT.held_out
    interpolations: Annotated[
        str | None,
        option(
            "--interpolations",
            affects="result",
            metavar="LIST",
            show_default="0.1,0.2,...,1",
            only_given=True,
            help="Points between the original weights (0) and the trained ones (1) to choose from; 1: the latter.",
        ),
    ] = None
    no_augment: Annotated[
        bool,
        option(
            "--no-augment",
            affects="result",
            only_given=True,
            help="Train on whole images instead of random crops, which are mirrored half of the time.",
        ),
    ] = False


@dataclass
class AdaptVerifyOptions(VerifyOptions):
    """Verification of a training, which is not reproduced."""

    verify: Annotated[
        str | None,
        option(
            "--verify",
            affects="result",
            metavar="FILE|-",
            help="Check records instead: their arithmetic, and the weights if DIR is there. Nothing is trained again.",
            reads="records",
            with_verify=True,
        ),
    ] = None
    fast: Annotated[
        bool,
        option("--fast", affects="result", help="No effect: only the arithmetic can be checked.", with_verify=True),
    ] = False
