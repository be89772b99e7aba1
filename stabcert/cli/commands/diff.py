"""The command ``stabcert diff``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from stabcert.cli.choices import OutputFormat
from stabcert.cli.config import use_config
from stabcert.cli.declared import Asked, Declared, option
from stabcert.cli.flatten import flatten
from stabcert.cli.options import CERTIFICATE, INPUT, OUTPUT, RUNNING, delta_option
from stabcert.errors import ParameterError

HELP = """What was certified before and is not now: two models, or two versions, on the same inputs.

Reads the records of two runs of certify-soft or certify-hard, and loads no model. Inputs are matched by their
SHA-256. Records that do not state the same (radius, rate, delta, features, baseline, ...) are named and not compared.
Means over the inputs have paired differences with intervals. Each interval holds individually with probability at
least 1 - delta, if the inputs are independent draws from one population."""

EXAMPLES = (
    "stabcert diff old.jsonl new.jsonl",
    "stabcert diff old.jsonl new.jsonl --max-lost 0",
    "stabcert diff old.jsonl new.parquet --format markdown",
    "stabcert certify-soft photos/ --json | stabcert diff old.jsonl -",
)
_USAGE = "Write stabcert diff OLD.jsonl NEW.jsonl"


@dataclass
class FileOptions:
    panel: ClassVar[str] = INPUT
    old: Annotated[
        str | None,
        Declared(
            (), "keyed", "Records of the run before: .jsonl, .json, .parquet, or - for standard input.", "OLD",
            reads="records",
        ),
    ] = None  # fmt: skip
    new: Annotated[str | None, Declared((), "keyed", "Records of the run now.", "NEW", reads="records")] = None


@dataclass
class DiffOptions:
    panel: ClassVar[str] = CERTIFICATE
    max_lost: Annotated[
        int | None,
        option(
            "--max-lost",
            affects="result",
            metavar="N",
            least=0,
            show_default="report only",
            help="Exit 1 if NEW lacks more than N certificates of OLD, for whatever reason.",
        ),
    ] = None
    delta: Annotated[float, delta_option("an interval")] = 0.1


@dataclass
class ShownOptions:
    panel: ClassVar[str] = OUTPUT
    everything: Annotated[
        bool, option("--all", affects="writes", help="Show unchanged inputs as well, and all rows.")
    ] = False
    json: Annotated[bool, option("--json", affects="writes", help="One JSON object.")] = False
    format: Annotated[
        OutputFormat | None,
        option("--format", affects="writes", show_default="text", help="json is --json; markdown: for comments."),
    ] = None
    html: Annotated[
        Path | None, option("--html", affects="writes", metavar="FILE", help="Write one self-contained page.")
    ] = None


@dataclass
class ConfigOptions:
    panel: ClassVar[str] = RUNNING
    config: Annotated[
        Path | None,
        option(
            "--config",
            affects="circumstance",
            metavar="FILE",
            callback=use_config,
            help="Options from a TOML file: max-lost = 0 under \\[diff]. Its paths are relative to it.",
        ),
    ] = None


@flatten
def diff(files: FileOptions, options: DiffOptions, shown: ShownOptions, running: ConfigOptions, asked: Asked) -> int:
    from stabcert.core.statistics.bounds import check_delta

    if files.old is None or files.new is None:
        raise ParameterError(f"two files of records are needed, got {'none' if files.old is None else 'one'}. {_USAGE}")
    if files.old == files.new == "-":
        raise ParameterError(f"only one of the two files can be standard input, got - twice. {_USAGE}")
    if shown.format is OutputFormat.github:
        raise ParameterError("--format github is not possible with diff. Leave it out, or use --format markdown")
    if shown.json and shown.format not in (None, OutputFormat.json):
        raise ParameterError(f"--json is --format json. Leave it out for --format {shown.format}")
    check_delta(options.delta)

    from stabcert.cli.diff.compare import compare_files
    from stabcert.cli.diff.show import show
    from stabcert.cli.exit_codes import code_of_status
    from stabcert.cli.overwriting import check_overwriting

    check_overwriting(shown, asked, ())
    record = compare_files(files.old, files.new, delta=options.delta, max_lost=options.max_lost)
    show(record, shown)
    return code_of_status(record["status"])
