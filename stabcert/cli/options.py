"""Options that several commands share: dataclasses that `stabcert.cli.flatten` converts to typer options.

The module contains only declarations, in the order of the help screens. `stabcert.cli.parsing` parses the values.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from stabcert.cli.choices import BASELINES, FEATURES, METHODS, ExplainSide, offers
from stabcert.cli.data_options import Column, DataSet, LabelColumn, Split
from stabcert.cli.declared import Affects, Declared, argument, option
from stabcert.cli.parsing import DEFAULT_METHOD
from stabcert.cli.question_options import Threshold, Tolerance

INPUT, MODEL, EXPLANATION = "Input", "Model", "Explanation"
CERTIFICATE, VERIFICATION, OUTPUT, RUNNING = "Certificate", "Verification", "Output", "Running"


DEFAULT_SEED = 0
"""The seed without ``--seed``. Records and screens mark any other seed, which may have been chosen for its result."""


def delta_option(what: str, *, affects: Affects = "result", show_default: str | None = None) -> Declared:
    """Return ``--delta`` of a command, the probability that ``what`` is wrong."""
    wrong = f"Probability that {what} is wrong."
    return option("--delta", affects=affects, metavar="D", help=wrong, show_default=show_default)


def family_option(*, show_default: str | None = None) -> Declared:
    """Return ``--family`` of a command, the number of certificates that share the failure probability."""
    meaning = "Certificates you choose among (masks, methods, k, seeds): each gets delta / N."
    return option("--family", affects="result", metavar="N", least=1, help=meaning, show_default=show_default)


Quiet = Annotated[
    bool,
    option("--quiet", "-q", affects="circumstance", help="Results only: no notes, no progress.", with_verify=True),
]
Verbose = Annotated[
    bool,
    option("--verbose", "-v", affects="circumstance", help="Show the messages of the libraries.", with_verify=True),
]
LabelsFile = Annotated[
    Path | None,
    option(
        "--labels",
        affects="keyed",
        metavar="FILE",
        help="A table such as .csv or .jsonl (path or id, label), or .txt (a label a line).",
    ),
]


@dataclass
class InputOptions:
    panel: ClassVar[str] = INPUT
    inputs: Annotated[
        list[str] | None,
        argument(
            affects="keyed",
            metavar="INPUT",
            help="Image files, .txt files (one text each), directories, or - for standard input.",
        ),
    ] = None
    text: Annotated[
        list[str] | None,
        option("--text", "-t", affects="keyed", metavar="TEXT", help="A sentence; repeatable."),
    ] = None
    text_pair: Annotated[
        list[str] | None,
        option(
            "--text-pair",
            affects="keyed",
            metavar="TEXT",
            help="The second text of each --text, for a model of pairs (premise and hypothesis).",
        ),
    ] = None
    inputs_file: Annotated[
        Path | None,
        option(
            "--inputs",
            affects="keyed",
            metavar="FILE",
            help=".txt (path or sentence a line), .jsonl, .json, .csv, .tsv, .parquet, .arrow or .feather (id, text or "
            "path, text_pair).",
        ),
    ] = None
    dataset: DataSet = None
    split: Split = None
    column: Column = None
    label_column: LabelColumn = None
    limit: Annotated[
        int | None,
        option(
            "--limit", affects="circumstance", metavar="N", least=1, help="Only the first N inputs.", with_verify=True
        ),
    ] = None
    features: Annotated[
        str | None,
        option(
            "--features",
            affects="result",
            metavar="SPEC",
            show_default="a ViT's patches, else grid:7 | word",
            offers=offers(FEATURES),
            help="patch, grid:N, slic:N, quickshift, FILE | word, token, sentence, passage, regex:PATTERN.",
            reads="feature file",
        ),
    ] = None
    baseline: Annotated[
        str | None,
        option(
            "--baseline",
            affects="result",
            metavar="SPEC",
            show_default="zero | remove",
            offers=offers(BASELINES),
            help="A dropped feature becomes: zero, black, mean, blur, drop | remove, mask, pad, unk.",
        ),
    ] = None
    explain_side: Annotated[
        ExplainSide,
        option(
            "--explain-side",
            affects="result",
            metavar="SIDE",
            help="Of a pair: both, first or second. The other text is always kept.",
            only_given=True,
        ),
    ] = ExplainSide.both
    truncate: Annotated[
        bool,
        option("--truncate", affects="result", help="Cut texts that are too long (otherwise they are refused)."),
    ] = False


@dataclass
class ExplanationOptions:
    panel: ClassVar[str] = EXPLANATION
    method: Annotated[
        str | None,
        option(
            "--method",
            affects="result",
            metavar="NAME",
            show_default=DEFAULT_METHOD,
            offers=offers(METHODS),
            help="lime, shap, kernelshap, occlusion, intgrad, saliency, inputxgrad, smoothgrad, clime, mfaba or "
            "random. For explain and smooth-eval also several: A,B.",
        ),
    ] = None
    top_k: Annotated[
        str | None,
        option(
            "--top-k",
            "-k",
            affects="result",
            metavar="K",
            show_default="25%, at least 1",
            help="Features to keep: a count (12) or a share (25%).",
        ),
    ] = None
    target: Annotated[
        str | None,
        option(
            "--target",
            affects="result",
            metavar="LABEL|ID",
            show_default="the predicted one",
            help="Class to explain: a name or a number. If it may be either, write name:1 or id:1.",
        ),
    ] = None
    threshold: Threshold = None
    tolerance: Tolerance = None


@dataclass
class MaskOptions:
    panel: ClassVar[str] = EXPLANATION
    mask_file: Annotated[
        Path | None,
        option("--mask", affects="result", metavar="FILE", help="A mask of your own: 0/1 array, .npy or .json."),
    ] = None
    from_file: Annotated[
        str | None,
        option(
            "--from",
            affects="keyed",
            metavar="FILE|-",
            help="Inputs, model, features and masks of `stabcert explain --json`.",
            reads="records",
        ),
    ] = None


@dataclass
class VerifyOptions:
    panel: ClassVar[str] = VERIFICATION
    # Part of every key so that old keys stay valid, although a call with --verify does not write such records.
    verify: Annotated[
        str | None,
        option(
            "--verify",
            affects="result",
            metavar="FILE|-",
            help="Check records instead: reproduce each and compare.",
            reads="records",
            with_verify=True,
        ),
    ] = None
    fast: Annotated[
        bool,
        option(
            "--fast", affects="result", help="With --verify: only the arithmetic; no model, no input.", with_verify=True
        ),
    ] = False
