"""Streams that cannot write everything, and those that are no terminal."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from stabcert.cli.app import app
from stabcert.cli.streams import fitted_message, replace_what_cannot_be_written, replaced

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


@pytest.mark.parametrize("form", ["text", "json", "github"])
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


def test_a_dumb_terminal_gets_plain_lines_that_fit() -> None:
    code = "from stabcert.cli.app import main\nmain()"
    command = [sys.executable, "-c", code, "explain", "-t", SENTENCE, "--method", "random", "--quiet"]
    environment = {**os.environ, "TERM": "dumb", "HF_HUB_OFFLINE": "1", "COLUMNS": "80"}
    own, theirs = pty.openpty()
    with subprocess.Popen(command, stdout=theirs, stderr=theirs, env=environment) as process:
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
