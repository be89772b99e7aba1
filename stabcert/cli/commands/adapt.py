"""``stabcert adapt``"""

from __future__ import annotations

from stabcert.cli.call import Call, OutputOptions, RunningOptions
from stabcert.cli.commands.adapt_options import AdaptLabelOptions, AdaptOptions, AdaptVerifyOptions
from stabcert.cli.commands.adapt_report_options import AdaptReportOptions, AdaptRunningOptions
from stabcert.cli.declared import Asked
from stabcert.cli.flatten import flatten
from stabcert.cli.model_options import ModelOptions
from stabcert.cli.options import ExplanationOptions, InputOptions

HELP = """Fine-tune a model on masked inputs, so that its explanations can be certified, and show the gain.

The model is trained through the masked function that is certified. Without labels the target is the model's own
prediction for the full input. On full inputs it is held to this prediction, so that it stays the same classifier.
The inputs are divided at random: some train, others choose the epoch within --clean-loss, the rest is reported on.
The directory --out loads like any other model. Its file adaptation.json records how it was made.

The report compares both models on the same reporting inputs, masks, noise and additions. It contains agreement
and accuracy by share of features kept, stability rates, hard radii and certified accuracy. Each interval holds
individually with probability at least 1 - delta, if the inputs are independent draws from one population that
repeats no input. Ctrl-C keeps the best model so far."""

EXAMPLES = (
    "stabcert adapt photos/ --out adapted",
    "stabcert adapt photos/ --labels labels.csv --label-weight 0.5 --out adapted",
    "stabcert adapt --inputs texts.jsonl --method lora --out new --html gain.html",
    "stabcert adapt photos/ --report-on others/ --min-gain 0.1 --out adapted",
    "stabcert adapt --verify adapted/adaptation.json",
    "stabcert certify-hard photo.jpg -m adapted --lambda 1/4",
)


@flatten
def adapt(
    inputs: InputOptions,
    labels: AdaptLabelOptions,
    model: ModelOptions,
    adaptation: AdaptOptions,
    report: AdaptReportOptions,
    verification: AdaptVerifyOptions,
    output: OutputOptions,
    running: AdaptRunningOptions,
    asked: Asked,
) -> int:
    from stabcert.cli.commands.adapt_request import request_of
    from stabcert.cli.commands.adapt_verify import Adapt, verify_adaptations
    from stabcert.cli.commands.adapt_work import run_adapt

    explanation = ExplanationOptions(top_k=report.top_k)
    shared = RunningOptions(seed=running.seed, quiet=running.quiet, verbose=running.verbose)
    call = Call(Adapt.name, inputs, model, explanation, output, shared)
    if verification.verify is not None or verification.fast:
        return verify_adaptations(call, verification, asked)
    request = request_of(adaptation, report, seed=running.seed)
    return run_adapt(
        request,
        call,
        asked,
        labels=labels.labels_file,
        report_on=labels.report_on or [],
        resume=running.resume,
    )
