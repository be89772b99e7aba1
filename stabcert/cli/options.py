"""Every option that several commands share, once: dataclasses that `stabcert.cli.flatten` turns into typer options.

One list and nothing else, so that it is read like the help that it makes; what is typed is read in
`stabcert.cli.parsing`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from stabcert.cli.choices import BASELINES, DEVICES, FEATURES, METHODS, MODELS, Dtype, OutputFormat, offers
from stabcert.cli.config import use_config
from stabcert.cli.declared import Affects, Declared, argument, option
from stabcert.cli.parsing import DEFAULT_METHOD
from stabcert.errors import ParameterError

if TYPE_CHECKING:
    from stabcert.sweep.journal import Existing

INPUT, MODEL, EXPLANATION = "Input", "Model", "Explanation"
CERTIFICATE, VERIFICATION, OUTPUT, RUNNING = "Certificate", "Verification", "Output", "Running"


DEFAULT_SEED = 0
"""Another one may have been chosen for its result: records and screens mark it."""


def delta_option(what: str, *, affects: Affects = "result", show_default: str | None = None) -> Declared:
    """Return ``--delta`` of a command: the probability that ``what`` is wrong."""
    wrong = f"Probability that {what} is wrong."
    return option("--delta", affects=affects, metavar="D", help=wrong, show_default=show_default)


def family_option(*, show_default: str | None = None) -> Declared:
    """Return ``--family`` of a command: how many certificates share the failure probability."""
    meaning = "Certificates you choose among (masks, methods, k, seeds): each gets delta / N."
    return option("--family", affects="result", metavar="N", least=1, help=meaning, show_default=show_default)


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
        option("--text", "-t", affects="keyed", metavar="TEXT", help="A sentence, as it stands; repeatable."),
    ] = None
    inputs_file: Annotated[
        Path | None,
        option(
            "--inputs",
            affects="keyed",
            metavar="FILE",
            help=".txt (a path or sentence a line), .jsonl, .json, .csv or .tsv (id, text or path).",
        ),
    ] = None
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
            help="patch, grid:N, slic:N, quickshift, FILE | word, token, sentence.",
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
    truncate: Annotated[
        bool,
        option("--truncate", affects="result", help="Cut texts that are too long (otherwise they are refused)."),
    ] = False


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
            help="Hub name, directory, timm:NAME, demo:image, demo:text.",
            reads="model folder",
        ),
    ] = None
    revision: Annotated[
        str | None,
        option("--revision", affects="keyed", metavar="REV", help="Branch, tag or commit of a hub model."),
    ] = None
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
            "random; explain and smooth-eval take several: A,B.",
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
            help="Class that is explained: a name or number; name:1 or id:1 where it may be either.",
        ),
    ] = None


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
    # Part of every key, although a call with --verify makes no such record: old keys stay as they are.
    verify: Annotated[
        str | None,
        option(
            "--verify",
            affects="result",
            metavar="FILE|-",
            help="Check records instead: make each again and compare.",
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


@dataclass
class OutputOptions:
    panel: ClassVar[str] = OUTPUT
    json: Annotated[
        bool, option("--json", affects="writes", help="One JSON object for each input and line.", with_verify=True)
    ] = False
    format: Annotated[
        OutputFormat | None,
        option(
            "--format",
            affects="writes",
            show_default="text",
            help="json is --json; github: annotations of GitHub Actions; markdown: for comments.",
            with_verify=True,
        ),
    ] = None
    output: Annotated[
        Path | None,
        option(
            "--output",
            "-o",
            affects="writes",
            metavar="FILE",
            help="Write the same objects to FILE. If it holds records: --resume, --append or --overwrite.",
            with_verify=True,
        ),
    ] = None
    append: Annotated[
        bool, option("--append", affects="writes", help="Add to the records in the --output file.", with_verify=True)
    ] = False
    overwrite: Annotated[
        bool,
        option(
            "--overwrite",
            affects="writes",
            help="Replace them, as soon as the first new record is there.",
            with_verify=True,
        ),
    ] = False
    plot: Annotated[
        Path | None,
        option("--plot", affects="writes", metavar="FILE", help="Draw a figure: .png, .svg or .pdf."),
    ] = None
    html: Annotated[
        Path | None,
        option("--html", affects="writes", metavar="FILE", help="Write one self-contained page."),
    ] = None
    junit: Annotated[
        Path | None,
        option("--junit", affects="writes", metavar="FILE", help="Write JUnit XML, a test for each input."),
    ] = None

    def __post_init__(self) -> None:
        if self.json and self.format not in (None, OutputFormat.json):
            raise ParameterError(f"--json is --format json; leave it out for --format {self.format}")
        self.json = self.json or self.format is OutputFormat.json

    def check(self, *, resume: bool) -> None:
        """Refuse options on what to do with old records that contradict one another, or have no file.

        Raises:
            ParameterError: names the options.
        """
        known = {"resume": resume, "append": self.append, "overwrite": self.overwrite}
        given = [f"--{name}" for name, wanted in known.items() if wanted]
        if len(given) > 1:
            raise ParameterError(f"{' and '.join(given)} exclude one another; each tells what to do with old records")
        if given and self.output is None:
            what = "go on with" if resume else "add to" if self.append else "replace"
            raise ParameterError(f"{given[0]} needs the file to {what}; name it with --output FILE")

    def existing(self, *, resume: bool) -> Existing:
        """Return what to do with records that are in the --output file."""
        return "resume" if resume else "append" if self.append else "overwrite" if self.overwrite else "refuse"


@dataclass
class RunningOptions:
    panel: ClassVar[str] = RUNNING
    config: Annotated[
        Path | None,
        option(
            "--config",
            affects="circumstance",
            metavar="FILE",
            callback=use_config,
            help="Options from a TOML file: min-rate = 0.9 under \\[certify-soft]. Its paths are relative to it.",
        ),
    ] = None
    seed: Annotated[
        int,
        option(
            "--seed",
            affects="result",
            metavar="N",
            least=0,
            help="Of all random draws; choose it before you see a result.",
        ),
    ] = DEFAULT_SEED
    keep_going: Annotated[
        bool, option("--keep-going", affects="circumstance", help="Go on after an input that failed.", with_verify=True)
    ] = False
    resume: Annotated[
        bool,
        option("--resume", affects="circumstance", help="Skip inputs whose record is in the --output file."),
    ] = False
    shard: Annotated[
        str | None,
        option("--shard", affects="circumstance", metavar="I/N", help="Only part I of N of the inputs."),
    ] = None
    workers: Annotated[
        int | None,
        option(
            "--workers",
            affects="circumstance",
            metavar="N",
            least=1,
            show_default="none",
            help="N Ray workers, each with a model (extra: ray).",
        ),
    ] = None
    ray_address: Annotated[
        str | None,
        option(
            "--ray-address",
            affects="circumstance",
            metavar="ADDRESS",
            show_default="this machine",
            help="Of a Ray cluster for the workers.",
        ),
    ] = None
    quiet: Annotated[
        bool,
        option("--quiet", "-q", affects="circumstance", help="Results only: no notes, no progress.", with_verify=True),
    ] = False
    verbose: Annotated[
        bool,
        option(
            "--verbose", "-v", affects="circumstance", help="Show what the libraries have to say.", with_verify=True
        ),
    ] = False


@dataclass(frozen=True)
class Call:
    """What was typed, as far as it is the same for every command."""

    command: str
    inputs: InputOptions
    model: ModelOptions
    explanation: ExplanationOptions
    output: OutputOptions
    running: RunningOptions
    masks: MaskOptions = field(default_factory=MaskOptions)
