"""Annotations that GitHub's runner reads back to what was meant."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from stabcert.report.github import annotation, plain
from stabcert.report.visible import visible


def _read(line: str) -> tuple[str, dict[str, str], str]:
    """As the runner does: command, properties, message."""
    found = re.fullmatch(r"::(\w+) ?(.*?)::(.*)", line, re.S)
    assert found is not None
    pairs = dict(pair.split("=", 1) for pair in found[2].split(",") if pair)
    return found[1], {name: _unescaped(value) for name, value in pairs.items()}, _unescaped(found[3])


def _unescaped(text: str) -> str:
    for code, character in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, character)
    return text


def test_percent_signs_line_breaks_colons_and_commas() -> None:
    line = annotation("error", "50%: a, b\nnext", {"file": "a,b.txt", "line": 3, "title": "x::y\n100%"})
    assert line == "::error file=a%2Cb.txt,line=3,title=x%3A%3Ay 100%25::50%25: a, b%0Anext"


def test_what_is_not_known_is_left_out() -> None:
    assert annotation("notice", "done", {"file": None, "line": None}) == "::notice::done"


@given(st.text(), st.text())
def test_whatever_is_said_comes_out_in_one_line_and_as_it_was(message: str, title: str) -> None:
    line = annotation("warning", message, {"title": title})
    assert len(line.splitlines()) == 1
    shown = "\n".join(visible(part) for part in message.split("\n"))
    assert _read(line) == ("warning", {"title": visible(title)}, shown)


def test_a_plain_line_holds_no_command() -> None:
    assert plain("certified: ##[error]x\n::error::y") == "certified: # #[error]x ::error::y"
