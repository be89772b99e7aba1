"""Options of output and of running, and the call: all options that commands share."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from stabcert.cli.choices import OutputFormat
from stabcert.cli.config import use_config
from stabcert.cli.declared import option
from stabcert.cli.model_options import ModelOptions
from stabcert.cli.options import (
    DEFAULT_SEED,
    OUTPUT,
    RUNNING,
    ExplanationOptions,
    InputOptions,
    MaskOptions,
    Quiet,
    Verbose,
)
from stabcert.errors import ParameterError

if TYPE_CHECKING:
    from stabcert.sweep.journal import Existing


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
            help="Write the same objects to FILE, or to FILE.parquet. If it contains records, add --resume, "
            "--append or --overwrite.",
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
            help="Replace the records when the first new one is complete.",
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
            raise ParameterError(f"--json is --format json. Leave it out for --format {self.format}")
        self.json = self.json or self.format is OutputFormat.json

    def check(self, *, resume: bool) -> None:
        """Check the options for a file that already contains records.

        Raises:
            ParameterError: the options contradict one another, or no file is named.
        """
        known = {"resume": resume, "append": self.append, "overwrite": self.overwrite}
        given = [f"--{name}" for name, wanted in known.items() if wanted]
        if len(given) > 1:
            raise ParameterError(f"{' and '.join(given)} exclude one another. Give one of them")
        if given and self.output is None:
            what = "go on with" if resume else "add to" if self.append else "replace"
            raise ParameterError(f"{given[0]} needs the file to {what}. Name it with --output FILE")

    def existing(self, *, resume: bool) -> Existing:
        """Return what happens to existing records in the --output file."""
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
            help="Seed of all random draws. Choose it before you see a result.",
        ),
    ] = DEFAULT_SEED
    keep_going: Annotated[
        bool,
        option("--keep-going", affects="circumstance", help="Continue after an input that failed.", with_verify=True),
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
            help="Address of a Ray cluster for the workers.",
        ),
    ] = None
    quiet: Quiet = False
    verbose: Verbose = False


@dataclass(frozen=True)
class Call:
    """The options of a call that all commands share."""

    command: str
    inputs: InputOptions
    model: ModelOptions
    explanation: ExplanationOptions
    output: OutputOptions
    running: RunningOptions
    masks: MaskOptions = field(default_factory=MaskOptions)
