"""`certify-soft --smooth auto`: record and screen; a chosen lambda has the certificate that it has when named."""

from __future__ import annotations

import copy
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stabcert.cli.commands.certify_soft_request import SoftRequest
from stabcert.cli.parsing import parse_smooth
from stabcert.core.choice import DEFAULT_LAMBDAS
from stabcert.errors import ParameterError
from stabcert.report.numbers import lambda_shown
from stabcert.verify.choice import choice_checks
from tests.cli.conftest import Run
from tests.cli.verify_cases import Record, at, changed, leaves, other_values, verify
from tests.doubles import Table
from tests.known_model import call, loaded, write_mask

TEXT = "a great film, it was not bad at all"
N = 8


def function(seed: int) -> Table:
    rng = np.random.default_rng(seed)
    classes = np.where(rng.random(2**N) < (0.5, 0.75, 0.95)[seed % 3], 1, rng.integers(3, size=2**N))
    classes[-1] = 2 if seed == 3 else 1
    return Table(np.eye(3)[classes] * 0.8 + 0.2 / 3)


def certify(directory: Path, seed: int, *options: object) -> Record:
    mask = np.random.default_rng(seed).permutation(np.arange(N) < 3)
    command = ("certify-soft", "-t", "a text", "--mask", write_mask(directory, mask), "-r", 4, "--n-samples", 12)
    with loaded(lambda text: function(seed), 3):
        code, found, errors = call(*command, "--json", "--quiet", *options)
    assert code == 0, errors
    return found[0]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(9))
def test_a_chosen_lambda_has_the_certificate_that_it_has_when_named(tmp_path: Path, seed: int) -> None:
    """The same draws too: naming the lambda of a choice is not a second chance."""
    auto = certify(tmp_path, seed, "--smooth", "auto", "--smooth-draws", 16)
    chosen = auto["result"]["choice"]["chosen"]
    named = certify(tmp_path, seed, "--smooth", chosen, *(("--smooth-draws", 16) if chosen < 1 else ()))
    asked = auto["result"].pop("choice"), auto["result"]["request"].pop("choice")
    assert asked[1] == {"rule": "smallest-lambda", "lambdas": list(DEFAULT_LAMBDAS), "draws": 16, "lead": 0.25}
    for name in ("result", "status", "prediction", "explanation", "model"):
        assert auto[name] == named[name]
    assert (auto["result"]["smoothing"] is None) == (chosen == 1)


def test_several_lambdas_are_chosen_and_sometimes_none_qualifies(tmp_path: Path) -> None:
    found = {certify(tmp_path, seed, "--smooth", "auto")["result"]["choice"]["chosen"] for seed in range(9)}
    assert 1 in found
    assert len(found) > 2


@pytest.mark.slow
@pytest.mark.parametrize("fast", [True, False])
def test_a_change_of_the_choice_is_found(soft_records: dict[str, Record], fast: bool) -> None:
    record = soft_records["lambda chosen"]
    assert verify("certify-soft", record, fast=fast)[0] == 0
    request = ("result", "request")
    forged, names = [], []
    for path in [*leaves(record["result"]["choice"], ("result", "choice")), (*request, "smooth")]:
        if path[-1] == "label":
            continue
        was = at(record, path)
        values = [one for one in other_values(was)[:2] if type(one) is type(was) and one != was]
        forged += [changed(record, path, one) for one in values]
        names += [(path, was, one) for one in values]
    forged += [
        changed(record, (*request, "choice", "lambdas"), [0.9, 0.75, 0.25, 0.125]),
        changed(record, (*request, "choice", "lead"), 1.0),
        changed(record, (*request, "choice", "draws"), 17),
    ]
    for place in (("result",), request):
        less = copy.deepcopy(record)
        del at(less, place)["choice"]
        forged.append(less)
    found = [verify("certify-soft", one, fast=fast)[1][0]["status"] for one in forged]
    missed = [i for i, status in enumerate(found) if status == "stands"]
    assert [names[i] for i in missed] == []


def test_the_screen_says_which_lambda_was_chosen_of_which(run: Run, bert: Path) -> None:
    common = ("certify-soft", "-t", TEXT, "-m", bert, "--method", "random", "-k", 3, "-r", 2)
    record = run(*common, "--smooth", "auto:1/2,0.25,3/4", "--json").record
    choice = record["result"]["choice"]
    screen = " ".join(run(*common, "--smooth", "auto:1/2,0.25,3/4").stdout.split())
    assert "of 1, 0.75, 0.5, 0.25:" in screen
    assert f"Lambda {choice['chosen']:g} " in screen
    assert f"{choice['needed']} of 64 votes" in screen


@pytest.mark.slow
def test_a_file_of_options_and_a_record_with_the_mask_give_the_same(run: Run, bert: Path, tmp_path: Path) -> None:
    common = ("certify-soft", "-m", bert, "-r", 2, "--json")
    source = ("-t", TEXT, "--method", "random", "-k", 3)
    record = run(*common, *source, "--smooth", "auto").record
    config = tmp_path / "options.toml"
    config.write_text('[certify-soft]\nsmooth = "auto"\n')
    assert run(*common, *source, "--config", config).record["result"] == record["result"]
    config.write_text("[certify-soft]\nsmooth = 0.5\n")
    assert run(*common, *source, "--config", config).record["result"]["request"]["smooth"] == 0.5
    explained = tmp_path / "explained.jsonl"
    explained.write_text(json.dumps(run("explain", *source, "-m", bert, "--json").record))
    again = run("certify-soft", "--from", explained, "-r", 2, "--smooth", "auto", "--json").record
    assert again["result"] == record["result"]


@pytest.mark.slow
def test_a_key_depends_on_the_lambdas_and_not_on_their_spelling(run: Run, bert: Path) -> None:
    common = ("certify-soft", "-m", bert, "-r", 1, "--json", "-t", TEXT, "--method", "random", "-k", 3)

    def key(smooth: str) -> Any:
        return run(*common, "--smooth", smooth).record["key"]

    assert key("auto:1/2,0.25") == key("auto: 1/4, 0.5") != key("auto:1/2")
    assert key("0.5") == key("1/2") != key("auto:1/2")


def test_values_are_read() -> None:
    assert (parse_smooth("1"), parse_smooth("0"), parse_smooth("3/4"), parse_smooth("1e-3")) == (1, 0, 0.75, 0.001)
    assert parse_smooth("auto") == DEFAULT_LAMBDAS
    assert parse_smooth("auto:1/4,0.5") == (0.5, 0.25)


@pytest.mark.parametrize(
    "text", ["nan", "inf", "-0.1", "1.5", "x", "", "auto:", "auto:1", "auto:0", "auto:0.5,1/2", "auto:x", "automatic"]
)
def test_what_is_no_lambda_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(ParameterError, match="--smooth"):
        parse_smooth(text)


@pytest.mark.parametrize(
    ("seed", "path", "value"),
    [
        (0, ("explanation", "consistent"), None),
        (3, ("result", "choice"), {"prediction": None, "candidates": []}),
    ],
)
def test_a_flag_that_contradicts_the_choice_is_found(
    tmp_path: Path, seed: int, path: tuple[str, ...], value: Any
) -> None:
    """A chosen lambda leaves no near tie; a full input that is too close to call leaves consistency open."""
    record = certify(tmp_path, seed, "--smooth", "auto")
    forged = copy.deepcopy(record)
    if path == ("result", "choice"):
        forged["result"]["choice"].update(value)
    else:
        forged["explanation"]["consistent"] = value
    assert "explanation.consistent" not in [check.name for check in choice_checks(record) if not check.ok]
    assert "explanation.consistent" in [check.name for check in choice_checks(forged) if not check.ok]


def test_lambdas_with_the_same_noise_have_the_same_draws(tmp_path: Path) -> None:
    """0.7 and 0.7000001 smooth with the same masks: another spelling is not a second chance."""
    spellings = [certify(tmp_path, 1, "--smooth", one) for one in ("0.7", "0.7000001", "0.6999999", "7/10")]
    assert all(one["result"]["request"]["stream_rule"] == 3 for one in spellings)
    assert all(one["result"]["rates"] == spellings[0]["result"]["rates"] for one in spellings)
    # As they were before there was rule 3; another spelling then had draws of its own.
    asked = [SoftRequest.from_record(one["result"]["request"] | {"stream_rule": 2}) for one in spellings]
    mask = np.arange(N) < 3
    assert [one.of_draws(mask)["smooth"] for one in asked[:3]] == [0.7, 0.7000001, 0.6999999]
    new = [SoftRequest.from_record(one["result"]["request"]).of_draws(mask) for one in spellings]
    assert all(one == asked[0].of_draws(mask) for one in new)


@pytest.mark.slow
def test_records_of_any_spelling_and_of_the_former_rule_are_reproduced(run: Run, bert: Path) -> None:
    common = ("certify-soft", "-t", TEXT, "-m", bert, "--method", "random", "-k", 3, "-r", 4, "--n-samples", 20)
    found = [run(*common, "--smooth", one, "--json").record for one in ("0.7", "0.7000001", "1/3")]
    assert found[0]["result"]["rates"] == found[1]["result"]["rates"]
    assert "probability 0.7000001." in " ".join(run(*common, "--smooth", "0.7000001").stdout.split())
    assert "probability 1/3." in " ".join(run(*common, "--smooth", "1/3").stdout.split())
    before = changed(found[0], ("result", "request", "stream_rule"), 2)
    for fast in (False, True):
        assert verify("certify-soft", *found, before, fast=fast)[0] == 0


def test_noise_that_drops_nothing_has_the_draws_of_the_unsmoothed_model(tmp_path: Path) -> None:
    plain = certify(tmp_path, 1)
    for draws in (63, 64):
        smoothed = certify(tmp_path, 1, "--smooth", "0.9999999", "--smooth-draws", draws)
        assert smoothed["result"]["rates"] == plain["result"]["rates"]
    assert plain["result"]["request"]["stream_rule"] == 2


def test_rule_3_is_for_smoothed_models(tmp_path: Path) -> None:
    request = certify(tmp_path, 1)["result"]["request"]
    with pytest.raises(ParameterError, match="stream_rule"):
        SoftRequest.from_record(request | {"stream_rule": 3})


def test_no_two_lambdas_look_the_same() -> None:
    numbers = [0.7, 0.7000001, 0.6999999, 1 / 3, 0.333333, 15 / 64, 1e-7, 1.0, 0.1 + 0.2, 0.3]
    shown = [lambda_shown(one) for one in numbers]
    assert shown[:6] == ["0.7", "0.7000001", "0.6999999", "1/3", "0.333333", "0.234375"]
    assert len(set(shown)) == len(numbers)
    assert [float(Fraction(one)) for one in shown] == numbers
