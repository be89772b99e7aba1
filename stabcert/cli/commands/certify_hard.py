"""The command ``stabcert certify-hard``."""

from __future__ import annotations

from stabcert.cli.allowing import AllowOptions
from stabcert.cli.call import Call, RunningOptions
from stabcert.cli.commands.certify_hard_options import HardOptions
from stabcert.cli.declared import Asked
from stabcert.cli.flatten import flatten
from stabcert.cli.model_options import ModelOptions
from stabcert.cli.options import (
    ExplanationOptions,
    InputOptions,
    MaskOptions,
    VerifyOptions,
)
from stabcert.cli.scorecard_options import ScoredOutputOptions

HELP = """Up to how many more features may be revealed, whichever they are, without changing the prediction.

Certifies the model smoothed by random masks. No addition of up to r features to the explanation changes the
smoothed prediction. Nor does a removal of up to r other features from the full input. The radius is proved
and cannot be wrong; with --noise bernoulli it holds with probability at least 1 - delta. Smoothing costs
accuracy, so the unsmoothed prediction is always shown beside it. Where every addition can be tested, the
radius of the unsmoothed model is given as well. With --min-radius, an explanation is not certified if it has
another class than the full input (inconsistent) or the class of the empty input (vacuous)."""

EXAMPLES = (
    "stabcert certify-hard cat.jpg",
    "stabcert certify-hard cat.jpg --lambda auto",
    "stabcert certify-hard cat.jpg --sweep --refine 5000",
    "stabcert certify-hard review.txt --lambda 7/64 --attack 2000",
    "stabcert certify-hard photos/ --min-radius 2 --json",
    "stabcert certify-hard --verify records.jsonl",
)


@flatten
def certify_hard(
    inputs: InputOptions,
    model: ModelOptions,
    explanation: ExplanationOptions,
    masks: MaskOptions,
    certificate: HardOptions,
    allowing: AllowOptions,
    verification: VerifyOptions,
    output: ScoredOutputOptions,
    running: RunningOptions,
    asked: Asked,
) -> int:
    from stabcert.cli.commands.certify_hard_work import CertifyHard
    from stabcert.cli.start import start

    def ask() -> CertifyHard:
        from stabcert.cli.commands.certify_hard_request import HardRequest

        return CertifyHard(HardRequest.of(certificate, allowing, seed=running.seed, dtype=model.dtype.value))

    call = Call(CertifyHard.name, inputs, model, explanation, output, running, masks)
    return start(CertifyHard, ask, call, asked, verification=verification)
