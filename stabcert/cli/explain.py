"""``stabcert explain``"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from stabcert.cli.options import (
    EXPLANATION,
    ExplanationOptions,
    InputOptions,
    ModelOptions,
    OutputOptions,
    flatten,
)

HELP = """Which features mattered: an attribution, and the mask of its top k features.

Says whether the mask alone keeps the prediction (consistent), and whether nothing at all already
gives it (vacuous). An attribution by itself guarantees nothing; certify-soft tells how far it can be
trusted."""

EXAMPLES = (
    "stabcert explain cat.jpg",
    'stabcert explain --text "What a lovely surprise!" --method intgrad -k 2',
    "stabcert explain photos/ --json > explained.jsonl",
    "stabcert explain cat.jpg --json | stabcert certify-soft --from -",
)


@dataclass
class ExplainOptions:
    n_samples: Annotated[
        int | None,
        typer.Option(
            "--n-samples",
            metavar="N",
            min=1,
            show_default="1000",
            help="Masked inputs that lime evaluates.",
            rich_help_panel=EXPLANATION,
        ),
    ] = None
    steps: Annotated[
        int | None,
        typer.Option(
            "--steps",
            metavar="N",
            min=1,
            show_default="50",
            help="Points on the path of intgrad.",
            rich_help_panel=EXPLANATION,
        ),
    ] = None
    show: Annotated[
        int, typer.Option("--show", metavar="N", min=0, help="Features to list.", rich_help_panel=EXPLANATION)
    ] = 10


@flatten
def explain(
    inputs: InputOptions,
    model: ModelOptions,
    explanation: ExplanationOptions,
    effort: ExplainOptions,
    output: OutputOptions,
) -> int:
    from stabcert.cli.session import Case, Outcome, Session
    from stabcert.report.record import attribution_result
    from stabcert.report.terminal import render_explain

    def work(case: Case) -> Outcome:
        if case.choice.attribution is None:
            raise TypeError("explain always works by a method")
        return Outcome("reported", attribution_result(case.choice.attribution, case.class_names))

    session = Session("explain", inputs, model, explanation, output, n_samples=effort.n_samples, steps=effort.steps)
    return session.run(work, lambda report: render_explain(report, effort.show))
