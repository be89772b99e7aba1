"""Options from a file are read as if they had been typed."""

from __future__ import annotations

import inspect
import json
import os
import threading
from pathlib import Path

import pytest
from typer.main import get_command

from stabcert.cli.app import app
from stabcert.cli.config import read_config
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
    assert "Did you mean lime?" in run(*arguments).stderr
    ran = run(*arguments, "--method", "random", "-r", 2)
    assert [rate["radius"] for rate in ran.record["result"]["rates"]] == [2]


def test_the_name_of_an_option_counts_and_not_that_of_its_variable(run: Run, bert: Path, config: Path) -> None:
    listing = config.with_name("list.txt")
    listing.write_text(SENTENCE)
    config.write_text(f'[explain]\ninputs = "{listing.as_posix()}"\nmethod = "random"\n')
    assert run("explain", "--config", config, "-m", bert, "--json").record["input"]["text"] == SENTENCE


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the file and what it names; commands run in another one."""
    folder, here = tmp_path / "project", tmp_path / "here"
    folder.mkdir()
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    return folder


@pytest.mark.slow
def test_paths_are_relative_to_the_folder_of_the_file(run: Run, bert: Path, elsewhere: Path) -> None:
    (elsewhere / "texts.txt").write_text(SENTENCE)
    (elsewhere / "mask.json").write_text(json.dumps([1] + [0] * 8))
    (elsewhere / "model").symlink_to(bert)
    config = elsewhere / "stabcert.toml"
    config.write_text(
        '[certify-soft]\ninputs = "texts.txt"\nmask = "mask.json"\nmodel = "model"\noutput = "out.jsonl"\n'
        'html = "page.html"\njunit = "junit.xml"\nsave-flips = "flips"\n[explain]\ninputs = "texts.txt"\n'
        'model = "./model"\nmethod = "random"\nplot = "plot.png"\n'
        '[certify-hard]\nfrom = "explained.jsonl"\n'
    )
    assert run("certify-soft", "--config", config, "-q").code == 0
    assert {path.name for path in elsewhere.iterdir()} >= {"out.jsonl", "page.html", "junit.xml", "flips"}
    explained = run("explain", "--config", "../project/stabcert.toml", "--json")
    assert explained.record["input"]["id"] == "../project/texts.txt:1"
    assert (elsewhere / "plot.png").exists()
    (elsewhere / "explained.jsonl").write_text(explained.stdout)
    assert run("certify-hard", "--config", config, "-q").code == 0
    assert list(Path().iterdir()) == []


def test_what_is_typed_stays_relative_to_the_working_directory(run: Run, bert: Path, elsewhere: Path) -> None:
    Path("texts.txt").write_text(SENTENCE)
    config = elsewhere / "stabcert.toml"
    config.write_text('[explain]\ninputs = "gone.txt"\nmethod = "random"\n')
    assert run("explain", "--config", config, "--inputs", "texts.txt", "-m", bert).code == 0


def test_a_home_directory_is_expanded(run: Run, bert: Path, elsewhere: Path) -> None:
    home = Path.home()
    (home / "texts.txt").write_text(SENTENCE)
    (home / "model").symlink_to(bert)
    config = elsewhere / "stabcert.toml"
    config.write_text(
        '[explain]\ninputs = "~/texts.txt"\nmodel = "~/model"\noutput = "~/out.jsonl"\nmethod = "random"\n'
    )
    assert run("explain", "--config", config).code == 0
    assert (home / "out.jsonl").exists()


@pytest.mark.parametrize(
    ("option", "name"),
    [("inputs", "texts.txt"), ("mask", "mask.json"), ("from", "explained.jsonl"), ("features", "map.npy")],
)
def test_a_path_that_was_relative_to_the_working_directory_says_how_to_write_it(
    run: Run, elsewhere: Path, option: str, name: str
) -> None:
    Path(name).write_text("x")
    config = elsewhere / "stabcert.toml"
    config.write_text(f'[certify-soft]\n{option} = "{name}"\n')
    ran = run("certify-soft", "--config", config, "-t", SENTENCE)
    assert ran.code == 3
    assert f"{option} = '{name}' is relative to the folder of {config}" in ran.stderr
    assert f"Write '../here/{name}'" in ran.stderr


@pytest.mark.parametrize(
    ("option", "value"),
    [("features", "grid:7"), ("features", "word"), ("model", "org/name"), ("model", "demo:text"), ("from", "-")],
)
def test_words_are_not_paths(option: str, value: str, elsewhere: Path) -> None:
    config = elsewhere / "stabcert.toml"
    config.write_text(f'[certify-soft]\n{option} = "{value}"\n')
    (command,) = [one for one in get_command(app).commands.items() if one[0] == "certify-soft"]
    hints = inspect.unwrap(command[1].callback).__annotations__
    assert list(read_config(config, "certify-soft", command[1].params, hints, ["certify-soft"]).values()) == [value]


def test_a_configuration_through_a_pipe_has_the_working_directory(run: Run, bert: Path, elsewhere: Path) -> None:
    Path("texts.txt").write_text(SENTENCE)
    os.mkfifo("pipe")
    text = f'[explain]\ninputs = "texts.txt"\nmethod = "random"\nmodel = "{bert.as_posix()}"\n'
    writer = threading.Thread(target=lambda: Path("pipe").write_text(text))
    writer.start()
    ran = run("explain", "--config", "pipe")
    writer.join()
    assert ran.code == 0
