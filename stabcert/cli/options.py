"""Every option that several commands share, once: dataclasses that `stabcert.cli.flatten` turns into typer options.

One list and nothing else, so that it is read like the help that it makes; what is typed is read in
`stabcert.cli.parsing`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stabcert.cli.choices import BASELINES, DEVICES, FEATURES, METHODS, MODELS, Dtype, OutputFormat, offers
from stabcert.cli.config import use_config
from stabcert.cli.parsing import DEFAULT_METHOD
from stabcert.errors import ParameterError

if TYPE_CHECKING:
    from stabcert.sweep.journal import Existing

INPUT, MODEL, EXPLANATION = "Input", "Model", "Explanation"
CERTIFICATE, VERIFICATION, OUTPUT, RUNNING = "Certificate", "Verification", "Output", "Running"


DEFAULT_SEED = 0
"""Another one may have been chosen for its result: records and screens mark it."""


def delta_option(what: str, **settings: Any) -> Any:
    """``--delta`` of a command: the probability that ``what`` is wrong."""
    wrong = f"Probability that {what} is wrong."
    return typer.Option("--delta", metavar="D", help=wrong, rich_help_panel=CERTIFICATE, **settings)


def family_option(**settings: Any) -> Any:
    """``--family`` of a command: how many certificates share the failure probability."""
    meaning = "Certificates you choose among (masks, methods, k, seeds): each gets delta / N."
    return typer.Option("--family", metavar="N", min=1, help=meaning, rich_help_panel=CERTIFICATE, **settings)


@dataclass
class InputOptions:
    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="INPUT", help="Image files, .txt files (one text each), directories, or - for standard input."
        ),
    ] = None
    text: Annotated[
        list[str] | None,
        typer.Option(
            "--text", "-t", metavar="TEXT", help="A sentence, as it stands; repeatable.", rich_help_panel=INPUT
        ),
    ] = None
    inputs_file: Annotated[
        Path | None,
        typer.Option(
            "--inputs",
            metavar="FILE",
            help=".txt (a path or sentence a line), .jsonl, .json, .csv or .tsv (id, text or path).",
            rich_help_panel=INPUT,
        ),
    ] = None
    limit: Annotated[
        int | None,
        typer.Option("--limit", metavar="N", min=1, help="Only the first N inputs.", rich_help_panel=INPUT),
    ] = None
    features: Annotated[
        str | None,
        typer.Option(
            "--features",
            metavar="SPEC",
            show_default="a ViT's patches, else grid:7 | word",
            autocompletion=offers(FEATURES),
            help="patch, grid:N, slic:N, quickshift, FILE | word, token, sentence.",
            rich_help_panel=INPUT,
        ),
    ] = None
    baseline: Annotated[
        str | None,
        typer.Option(
            "--baseline",
            metavar="SPEC",
            show_default="zero | remove",
            autocompletion=offers(BASELINES),
            help="A dropped feature becomes: zero, black, mean, blur, drop | remove, mask, pad, unk.",
            rich_help_panel=INPUT,
        ),
    ] = None
    truncate: Annotated[
        bool,
        typer.Option(
            "--truncate", help="Cut texts that are too long (otherwise they are refused).", rich_help_panel=INPUT
        ),
    ] = False


@dataclass
class ModelOptions:
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            metavar="NAME",
            envvar="STABCERT_MODEL",
            show_default="the demo model",
            autocompletion=offers(MODELS),
            help="Hub name, directory, timm:NAME, demo:image, demo:text.",
            rich_help_panel=MODEL,
        ),
    ] = None
    revision: Annotated[
        str | None,
        typer.Option("--revision", metavar="REV", help="Branch, tag or commit of a hub model.", rich_help_panel=MODEL),
    ] = None
    trust_remote_code: Annotated[
        bool,
        typer.Option("--trust-remote-code", help="Allow code that comes with a model to run.", rich_help_panel=MODEL),
    ] = False
    allow_pickle: Annotated[
        bool, typer.Option("--allow-pickle", help="Allow weights in pickle files.", rich_help_panel=MODEL)
    ] = False
    allow_random_head: Annotated[
        bool,
        typer.Option(
            "--allow-random-head", help="Allow a model without trained classification head.", rich_help_panel=MODEL
        ),
    ] = False
    offline: Annotated[bool, typer.Option("--offline", help="Never use the network.", rich_help_panel=MODEL)] = False
    device: Annotated[
        str,
        typer.Option(
            "--device",
            metavar="DEVICE",
            envvar="STABCERT_DEVICE",
            autocompletion=offers(DEVICES),
            help="auto, cpu, cuda, cuda:N or mps.",
            rich_help_panel=MODEL,
        ),
    ] = "auto"
    dtype: Annotated[
        Dtype, typer.Option("--dtype", metavar="TYPE", help="float32, bfloat16 or float16.", rich_help_panel=MODEL)
    ] = Dtype.float32
    compile: Annotated[
        bool,
        typer.Option("--compile", help="Compile the model: slow to start, for many inputs.", rich_help_panel=MODEL),
    ] = False
    batch_size: Annotated[
        str,
        typer.Option(
            "--batch-size",
            "-b",
            metavar="auto|N",
            envvar="STABCERT_BATCH_SIZE",
            help="Masked inputs at a time; halved when memory runs out.",
            rich_help_panel=MODEL,
        ),
    ] = "auto"


@dataclass
class ExplanationOptions:
    method: Annotated[
        str | None,
        typer.Option(
            "--method",
            metavar="NAME",
            show_default=DEFAULT_METHOD,
            autocompletion=offers(METHODS),
            help="lime, shap, kernelshap, occlusion, intgrad, saliency, inputxgrad, smoothgrad, clime, mfaba or "
            "random; explain and smooth-eval take several: A,B.",
            rich_help_panel=EXPLANATION,
        ),
    ] = None
    top_k: Annotated[
        str | None,
        typer.Option(
            "--top-k",
            "-k",
            metavar="K",
            show_default="25%, at least 1",
            help="Features to keep: a count (12) or a share (25%).",
            rich_help_panel=EXPLANATION,
        ),
    ] = None
    target: Annotated[
        str | None,
        typer.Option(
            "--target",
            metavar="LABEL|ID",
            show_default="the predicted one",
            help="Class that is explained: a name or number; name:1 or id:1 where it may be either.",
            rich_help_panel=EXPLANATION,
        ),
    ] = None


@dataclass
class MaskOptions:
    mask_file: Annotated[
        Path | None,
        typer.Option(
            "--mask", metavar="FILE", help="A mask of your own: 0/1 array, .npy or .json.", rich_help_panel=EXPLANATION
        ),
    ] = None
    from_file: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="FILE|-",
            help="Inputs, model, features and masks of `stabcert explain --json`.",
            rich_help_panel=EXPLANATION,
        ),
    ] = None


@dataclass
class VerifyOptions:
    verify: Annotated[
        str | None,
        typer.Option(
            "--verify",
            metavar="FILE|-",
            help="Check records instead: make each again and compare.",
            rich_help_panel=VERIFICATION,
        ),
    ] = None
    fast: Annotated[
        bool,
        typer.Option(
            "--fast",
            help="With --verify: only the arithmetic; no model, no input.",
            rich_help_panel=VERIFICATION,
        ),
    ] = False


@dataclass
class OutputOptions:
    json: Annotated[
        bool, typer.Option("--json", help="One JSON object for each input and line.", rich_help_panel=OUTPUT)
    ] = False
    format: Annotated[
        OutputFormat | None,
        typer.Option(
            "--format",
            show_default="text",
            help="json is --json; github: annotations of GitHub Actions; markdown: for comments.",
            rich_help_panel=OUTPUT,
        ),
    ] = None
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write the same objects to FILE. If it holds records: --resume, --append or --overwrite.",
            rich_help_panel=OUTPUT,
        ),
    ] = None
    append: Annotated[
        bool, typer.Option("--append", help="Add to the records in the --output file.", rich_help_panel=OUTPUT)
    ] = False
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite", help="Replace them, as soon as the first new record is there.", rich_help_panel=OUTPUT
        ),
    ] = False
    plot: Annotated[
        Path | None,
        typer.Option("--plot", metavar="FILE", help="Draw a figure: .png, .svg or .pdf.", rich_help_panel=OUTPUT),
    ] = None
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write one self-contained page.", rich_help_panel=OUTPUT),
    ] = None
    junit: Annotated[
        Path | None,
        typer.Option("--junit", metavar="FILE", help="Write JUnit XML, a test for each input.", rich_help_panel=OUTPUT),
    ] = None
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            is_eager=True,
            callback=use_config,
            help="Options from a TOML file: min-rate = 0.9 under \\[certify-soft]. Its paths are relative to it.",
            rich_help_panel=RUNNING,
        ),
    ] = None
    seed: Annotated[
        int,
        typer.Option(
            "--seed",
            metavar="N",
            min=0,
            help="Of all random draws; choose it before you see a result.",
            rich_help_panel=RUNNING,
        ),
    ] = DEFAULT_SEED
    keep_going: Annotated[
        bool, typer.Option("--keep-going", help="Go on after an input that failed.", rich_help_panel=RUNNING)
    ] = False
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Skip inputs whose record is in the --output file.", rich_help_panel=RUNNING),
    ] = False
    shard: Annotated[
        str | None,
        typer.Option("--shard", metavar="I/N", help="Only part I of N of the inputs.", rich_help_panel=RUNNING),
    ] = None
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            metavar="N",
            min=1,
            show_default="none",
            help="N Ray workers, each with a model (extra: ray).",
            rich_help_panel=RUNNING,
        ),
    ] = None
    ray_address: Annotated[
        str | None,
        typer.Option(
            "--ray-address",
            metavar="ADDRESS",
            show_default="this machine",
            help="Of a Ray cluster for the workers.",
            rich_help_panel=RUNNING,
        ),
    ] = None
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Results only: no notes, no progress.", rich_help_panel=RUNNING)
    ] = False
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show what the libraries have to say.", rich_help_panel=RUNNING)
    ] = False
    asked: dict[str, Any] = field(init=False, repr=False, compare=False)
    """Every option of the call by name, those of other groups too: `flatten` puts it here, for the keys of records."""
    flags: dict[str, str] = field(init=False, repr=False, compare=False, default_factory=dict)
    """The option of each parameter (`stabcert.cli.spelling`); `flatten` puts it here, for what is told of one input."""

    def __post_init__(self) -> None:
        if self.json and self.format not in (None, OutputFormat.json):
            raise ParameterError(f"--json is --format json; leave it out for --format {self.format}")
        self.json = self.json or self.format is OutputFormat.json

    def check_output(self) -> None:
        """Refuse options on what to do with old records that contradict one another, or have no file.

        Raises:
            ParameterError: names the options.
        """
        given = [f"--{name}" for name in ("resume", "append", "overwrite") if getattr(self, name)]
        if len(given) > 1:
            raise ParameterError(f"{' and '.join(given)} exclude one another; each tells what to do with old records")
        if given and self.output is None:
            what = "go on with" if self.resume else "add to" if self.append else "replace"
            raise ParameterError(f"{given[0]} needs the file to {what}; name it with --output FILE")

    @property
    def existing(self) -> Existing:
        """What to do with records that are in the --output file."""
        return "resume" if self.resume else "append" if self.append else "overwrite" if self.overwrite else "refuse"
