"""The command ``stabcert explain``."""

from __future__ import annotations

from stabcert.cli.call import Call, OutputOptions, RunningOptions
from stabcert.cli.commands.explain_options import EffortOptions, MethodOptions, StableOptions
from stabcert.cli.declared import Asked
from stabcert.cli.flatten import flatten
from stabcert.cli.model_options import ModelOptions
from stabcert.cli.options import (
    ExplanationOptions,
    InputOptions,
)
from stabcert.errors import ParameterError

HELP = """Which features mattered: an attribution, and the mask of its top k features.

Shows whether the mask alone keeps the prediction (consistent), and whether the empty input already
gives it (vacuous). Several methods are compared; the first one makes the mask. An attribution alone
guarantees nothing: --until-stable finds the smallest mask that is certified, and certify-soft bounds how
far a mask can be trusted."""

EXAMPLES = (
    "stabcert explain cat.jpg",
    'stabcert explain --text "What a lovely surprise!" --method intgrad -k 2',
    "stabcert explain cat.jpg --method lime,shap,occlusion",
    "stabcert explain cat.jpg --until-stable --radius 2 --min-rate 0.9",
    "stabcert explain photos/ --json > explained.jsonl",
    "stabcert explain cat.jpg --json | stabcert certify-soft --from -",
)


@flatten
def explain(
    inputs: InputOptions,
    model: ModelOptions,
    explanation: ExplanationOptions,
    method: MethodOptions,
    effort: EffortOptions,
    stable: StableOptions,
    output: OutputOptions,
    running: RunningOptions,
    asked: Asked,
) -> int:
    from stabcert.cli.certifying import certify
    from stabcert.cli.commands.explain_work import Explain

    of_search = _given(stable, "radius", "min_rate", "delta", "family", "max_samples")
    _refuse("--until-stable", stable.until_stable, of_search)
    _refuse("--until-stable", stable.until_stable, ["--allow-vacuous"] if stable.allow_vacuous else [])
    _refuse("--neighbours", effort.neighbours is not None, _given(effort, "neighbour_sigma"))
    call = Call(Explain.name, inputs, model, explanation, output, running)
    return certify(Explain(explanation, method, effort, stable, seed=running.seed), call, asked)


def _given(options: EffortOptions | StableOptions, *names: str) -> list[str]:
    return ["--" + name.replace("_", "-") for name in names if getattr(options, name) is not None]


def _refuse(owner: str, present: bool, options: list[str]) -> None:
    if options and not present:
        raise ParameterError(f"{' and '.join(options)} without {owner} would do nothing. Add {owner}")
