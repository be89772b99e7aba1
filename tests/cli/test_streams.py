"""Streams that cannot write everything, and those that are no terminal."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from stabcert.cli.app import app
from stabcert.cli.streams import fitted_message, replace_what_cannot_be_written, replaced
from tests.cli.conftest import Run
from tests.warm import Warm

SENTENCE = "I am not säd at all today, I could dance the whole wäy home 😀."


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return 1


def test_what_looks_alike_stands_for_what_cannot_be_written() -> None:
    with pytest.raises(UnicodeEncodeError) as found:
        "the wh…λ😀".encode("ascii")
    assert replaced(found.value) == ("...lambda?", 9)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["text", "json", "github", "markdown"])
def test_a_terminal_without_unicode_is_written_to_all_the_same(
    form: str, bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    replace_what_cannot_be_written()
    app(
        ["explain", "-t", SENTENCE, "-m", str(bert), "--method", "random", "--format", form, "--quiet"],
        standalone_mode=False,
    )
    shown = written.getvalue().decode("ascii")
    if form == "json":
        assert json.loads(shown)["input"]["text"] == SENTENCE  # nothing is lost
    elif form == "text":
        assert shown.startswith('"I am not s?d at all today, I could dance the wh..."')


def test_messages_are_broken_on_a_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((40, 20)))
    message = "Error: " + "word " * 20 + "/a/path-that-is-longer-than-the-terminal/is-not-broken.jpg"
    assert fitted_message(message, io.StringIO()) == message
    first, *others = fitted_message(message, Terminal()).splitlines()
    assert len(first) <= 40
    assert all(line.startswith("  ") for line in others)
    assert others[-1].strip() == message.split()[-1]


@pytest.mark.slow
def test_a_dumb_terminal_gets_plain_lines_that_fit(warm: Warm) -> None:
    command = ["stabcert", "explain", "-t", SENTENCE, "--method", "random", "--quiet"]
    environment = warm.environment(TERM="dumb", COLUMNS="80")
    own, theirs = pty.openpty()
    with subprocess.Popen(command, executable=warm.program, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # Linux reports the end like this
            while piece := os.read(own, 4096):
                shown += piece
    os.close(own)
    assert process.returncode == 0
    assert b"\x1b" not in shown
    lines = shown.decode().splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[1].startswith("  ")  # what did not fit in the first


def _shell(command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``stabcert`` as a shell does, with the redirections that are written behind it."""
    program = f"{sys.executable} -m stabcert"
    variables = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", **environment}
    for name in ("STABCERT_MODEL", "STABCERT_DEVICE", "STABCERT_BATCH_SIZE"):
        variables.pop(name, None)
    return subprocess.run(
        ["bash", "-c", command.replace("stabcert", program, 1)], env=variables, capture_output=True, text=True
    )


@pytest.fixture
def one(bert: Path) -> str:
    return f"stabcert explain -t 'a great film' -m {bert} --method random"


@pytest.fixture
def quick(bert: Path, run: Run, tmp_path: Path) -> str:
    """A command with a result that imports no torch."""
    record = tmp_path / "record.jsonl"
    run("certify-soft", "-t", "a great film", "-m", bert, "--method", "random", "--json", "-o", record)
    return f"stabcert certify-soft --verify {record} --fast"


@pytest.mark.slow
def test_a_standard_output_that_is_closed_is_refused_at_once(one: str, tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    for command in (f"{one} -o {output} >&-", "stabcert --help >&-", "stabcert --version >&-"):
        ran = _shell(command)
        assert ran.returncode == 3
        assert re.fullmatch(r"Error: standard output is closed.* > /dev/null .*\n", ran.stderr)
    assert not output.exists()


@pytest.mark.slow
def test_a_standard_error_that_is_closed_is_nobody_to_tell(quick: str, one: str, tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    ran = _shell(f"{quick} -o {output} 2>&-")
    assert (ran.returncode, ran.stdout.startswith("text-1   certify-soft")) == (0, True)
    assert [json.loads(line)["status"] for line in output.read_text().splitlines()] == ["stands"]
    assert _shell("stabcert explain gone.png 2>&-").returncode == 3
    assert _shell(f"{one} -k 0 2>&- <&-").returncode == 2


@pytest.mark.slow
def test_everything_closed_is_an_exit_code(one: str) -> None:
    assert _shell(f"{one} <&- >&- 2>&-").returncode == 3


@pytest.mark.slow
@pytest.mark.parametrize("command", ["explain -", "certify-soft --from -", "certify-soft --verify -"])
def test_a_standard_input_that_is_closed_is_named(command: str) -> None:
    ran = _shell(f"stabcert {command} <&-")
    assert (ran.returncode, "Error: standard input is closed" in ran.stderr) == (3, True)
    assert "Traceback" not in ran.stderr


@pytest.mark.slow
def test_a_standard_output_that_can_only_be_read_is_no_bug(quick: str) -> None:
    ran = _shell(f"{quick} -q 1< /dev/null")
    assert ran.returncode == 3
    assert re.fullmatch(r"Error: cannot write .*: Bad file descriptor\n", ran.stderr)


@pytest.mark.slow
@pytest.mark.parametrize("columns", ["0", "00", "-1", "x"])
def test_a_terminal_without_columns_is_printed_on(quick: str, columns: str) -> None:
    ran = _shell(f"{quick} -q", COLUMNS=columns, LINES=columns)
    assert ran.stdout.startswith("text-1   certify-soft")
    assert "Usage:" in _shell("stabcert explain --help", COLUMNS=columns).stdout


@pytest.mark.slow
def test_a_locale_without_letters_is_not_the_fault_of_the_text(one: str, tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    ran = _shell(one.replace("a great film", "a gréat film 😀") + f" -q -o {output}", **plain)
    assert ran.returncode == 0
    assert json.loads(output.read_text())["input"]["text"] == "a gréat film 😀"
    ran = _shell(one.replace("a great film", "a gr") + " -t $'\\xff' -q", **plain)
    assert (ran.returncode, "is not valid Unicode text (character 0)" in ran.stderr) == (3, True)
    listing = tmp_path / "list.txt"
    listing.write_text("bär.png")
    ran = _shell(f"stabcert explain --inputs {listing}", **plain)
    assert "set LC_ALL=C.UTF-8 or PYTHONUTF8=1" in ran.stderr
