"""Options of questions about outputs that are not the logits of classes."""

from __future__ import annotations

from typing import Annotated

from stabcert.cli.declared import option

Threshold = Annotated[
    float | None,
    option(
        "--threshold",
        affects="result",
        metavar="P",
        show_default="0.5 for a label",
        help="Above this probability a label (--target, or the only one) is on. Also a limit for a predicted number.",
        only_given=True,
    ),
]
Tolerance = Annotated[
    float | None,
    option(
        "--tolerance",
        affects="result",
        metavar="T",
        help="For a model that predicts a number: it stays within T of its value.",
        only_given=True,
    ),
]
