"""Options from a file are read as if they had been typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import SENTENCE, Run, without_run


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "stabcert.toml"


def test_values_of_every_kind_make_the_same_record_as_typed_ones(run: Run, bert: Path, config: Path) -> None:
    config.write_text(
        '[explain]\nshow = 3\n[certify-soft]\nmin-rate = 0.5\ndelta = 5e-2\nradius = "1:2"\ntop-k = 3\n'
        f'max-samples = 500\nper-radius = true\ninterval = "exact"\nmethod = "random"\nmodel = "{bert.as_posix()}"\n'
        f'seed = 3\nsmooth = 1\ntext = ["{SENTENCE}"]\njson = true\n'
    )
    typed = ["--min-rate", 0.5, "--delta", 0.05, "-r", "1:2", "-k", 3, "--per-radius", "--method", "random", "-m", bert]
    by_hand = run("certify-soft", "-t", SENTENCE, *typed, "--seed", 3, "--max-samples", 500, "--json").record
    by_file = run("certify-soft", "--config", config).record
    assert without_run(by_file) == without_run(by_hand)


def test_what_is_typed_wins(run: Run, bert: Path, config: Path) -> None:
    config.write_text('[certify-soft]\nradius = 3\nmethod = "lim"\n')
    arguments = ["certify-soft", "-t", SENTENCE, "-m", bert, "--config", config, "--json"]
    assert "did you mean lime?" in run(*arguments).stderr
    ran = run(*arguments, "--method", "random", "-r", 2)
    assert [rate["radius"] for rate in ran.record["result"]["rates"]] == [2]


def test_the_name_of_an_option_counts_and_not_that_of_its_variable(run: Run, bert: Path, config: Path) -> None:
    listing = config.with_name("list.txt")
    listing.write_text(SENTENCE)
    config.write_text(f'[explain]\ninputs = "{listing.as_posix()}"\nmethod = "random"\n')
    assert run("explain", "--config", config, "-m", bert, "--json").record["input"]["text"] == SENTENCE


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[certify-soft]\nmin-rat = 0.9", "min-rat is no option that can stand there; did you mean min-rate?"),
        ("[certify-soft]\nmin_rate = 0.9", "did you mean min-rate?"),
        ("[certify-soft]\nconfig = 'x'", "config is no option that can stand there; write one of allow-inconsistent"),
        ('[certify-soft]\nmin-rate = "high"', "min-rate = 'high' must be a number"),
        ("[certify-soft]\nmin-rate = true", "min-rate = true must be a number"),
        ("[certify-soft]\nlimit = 1.5", "limit = 1.5 must be a whole number"),
        ("[certify-soft]\nper-radius = 1", "per-radius = 1 must be true or false"),
        ("[certify-soft]\ntext = 1", 'a list of texts: ["a", "b"]'),
        ("[certify-soft]\nradius = [1, 2]", "radius = [1, 2] must be text in quotes, or a number"),
        ("[certify-soft]\nlimit = 0", "greater than or equal to 1"),
        ("min-rate = 0.9", "write [certify-soft] in a line above it"),
        ("[certify_soft]\nmin-rate = 0.9", "did you mean [certify-soft]?"),
        ("[explain]\nshow = 1", "says nothing of certify-soft"),
    ],
)
def test_what_is_wrong_in_the_file_is_a_wrong_request(run: Run, config: Path, text: str, message: str) -> None:
    config.write_text(text)
    ran = run("certify-soft", "-t", SENTENCE, "--config", config)
    assert (ran.code, ran.stdout) == (2, "")
    assert message in " ".join(ran.stderr.split())


@pytest.mark.parametrize(("text", "message"), [(None, "no such file"), ("[certify-soft", "is not TOML")])
def test_a_file_that_cannot_be_read_is_an_error(run: Run, config: Path, text: str | None, message: str) -> None:
    if text is not None:
        config.write_text(text)
    ran = run("certify-soft", "-t", SENTENCE, "--config", config)
    assert (ran.code, message in ran.stderr) == (3, True)
