"""Options of output for commands whose results have a scorecard."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from stabcert.cli.call import OutputOptions
from stabcert.cli.declared import option


@dataclass
class ScoredOutputOptions(OutputOptions):
    scorecard: Annotated[
        Path | None,
        option(
            "--scorecard",
            affects="writes",
            metavar="FILE",
            help="Write one page on all inputs, for a model card or an audit: .md or .html.",
        ),
    ] = None
