"""Streams that cannot write everything, and those that are no terminal."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys

import pytest

from stabcert.cli.streams import fitted_message, replaced

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
def test_a_terminal_without_unicode_is_written_to_all_the_same(form: str) -> None:
    code = "from stabcert.cli.app import main\nmain()"
    command = [sys.executable, "-c", code, "explain", "-t", SENTENCE, "--method", "random", "--format", form, "--quiet"]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "HF_HUB_OFFLINE": "1"}
    ran = subprocess.run(command, capture_output=True, env=environment)
    assert (ran.returncode, ran.stderr) == (0, b"")
    shown = ran.stdout.decode("ascii")
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
