"""Annotations of GitHub Actions: lines on standard output that the runner reads as commands.

What is escaped is what the runner unescapes, as in the command.ts of its toolkit: ``%`` and line breaks everywhere,
in properties also ``:`` and ``,``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from stabcert.report.visible import visible

Level = Literal["error", "warning", "notice"]


def annotation(level: Level, message: str, properties: Mapping[str, str | int | None]) -> str:
    """Return ``::error file=a.txt,line=3,title=...::message``; lines of the message stay lines, None is left out."""
    shown = ",".join(
        f"{name}={_escaped(visible(str(value))).replace(':', '%3A').replace(',', '%2C')}"
        for name, value in properties.items()
        if value is not None
    )
    text = _escaped("\n".join(visible(line) for line in message.split("\n")))
    return f"::{level} {shown}::{text}" if shown else f"::{level}::{text}"


def plain(text: str) -> str:
    """Return a line that the runner shows and obeys in no way: commands are at its beginning, older ones anywhere."""
    return visible(text).replace("##[", "# #[")


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
