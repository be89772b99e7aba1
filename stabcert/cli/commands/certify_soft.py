"""The command ``stabcert certify-soft``."""

from __future__ import annotations

from stabcert.cli.allowing import AllowOptions
from stabcert.cli.call import Call, RunningOptions
from stabcert.cli.commands.certify_soft_options import FlipOptions, SoftOptions
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

HELP = """How often the prediction survives when up to r more features are revealed.

Bounds the stability rate: the share of all ways to add up to r features to the explanation on which
the prediction stays. The bounds hold with probability at least 1 - delta over the random draws, for any
model. Where all additions can be tested, they are, and the rate is exact. A rate below 1 leaves room for additions
that change the prediction. With --min-rate, an explanation is not certified if it has another class than the
full input (inconsistent) or the class of the empty input (vacuous)."""

EXAMPLES = (
    "stabcert certify-soft cat.jpg --radius 4",
    'stabcert certify-soft --text "What a lovely surprise!" --radius 1:3',
    "stabcert certify-soft photos/ --radius 5 --min-rate 0.9 --json",
    "stabcert certify-soft photos/ --radius 5 --smooth auto",
    "stabcert explain cat.jpg --json | stabcert certify-soft --from - -r 1:10",
    "stabcert certify-soft --verify records.jsonl",
)


@flatten
def certify_soft(
    inputs: InputOptions,
    model: ModelOptions,
    explanation: ExplanationOptions,
    masks: MaskOptions,
    certificate: SoftOptions,
    flips: FlipOptions,
    allowing: AllowOptions,
    verification: VerifyOptions,
    output: ScoredOutputOptions,
    running: RunningOptions,
    asked: Asked,
) -> int:
    from stabcert.cli.commands.certify_soft_work import CertifySoft
    from stabcert.cli.start import start

    def ask() -> CertifySoft:
        from stabcert.cli.commands.certify_soft_request import SoftRequest

        return CertifySoft(SoftRequest.of(certificate, allowing, seed=running.seed, dtype=model.dtype.value))

    call = Call(CertifySoft.name, inputs, model, explanation, output, running, masks)
    return start(CertifySoft, ask, call, asked, verification=verification, save_flips=flips.save_flips)
