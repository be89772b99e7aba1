"""What came out of every case, as one table in Markdown."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from stabcert.report.visible import visible

_LONGEST = 260
_QUOTING = (
    "damaged or incomplete|too large to open safely|cannot be loaded|damaged or cut off|cannot be read|"
    r"cannot be run on a \S+ image|cannot be run on a text|cannot be run on this input|"
    r"gives no gradients for this input|not a readable label map|cannot be used|explain --json`"
)
_QUOTING_TO_THE_END = r"is not JSON|is not CSV|is not TOML|that numpy\.save wrote|array of \d+ values 0 or 1|exif\.jpg"
_HEAD = """# What was tried to break it

This table is written by the test run: `python -m pytest tests/robustness --update-golden` writes it anew, and without
that option the test fails if anything differs. *Expected* is the exit code and a part of the message, note or result
that the test demands; *got* is the exit code and what the command said. No case may show a traceback or call itself a
bug, and every record is checked against the schema. `text-model` and `image-model` are tiny classifiers with random
weights; files that a case makes stand in the working directory.
"""


@dataclass(frozen=True)
class Row:
    area: str
    given: str
    command: str
    expected: str
    got: str


ROWS: dict[str, Row] = {}
"""What came out, by name of the case, in this process."""


def render(rows: Sequence[Row]) -> str:
    parts = [_HEAD, f"\n{len(rows)} cases.\n"]
    area = None
    for row in rows:
        if row.area != area:
            area = row.area
            parts.append(
                f"\n## {area[0].upper()}{area[1:]}\n\n| input | command | expected | got |\n|---|---|---|---|\n"
            )
        cells = (_cell(row.given), _code(row.command), _cell(row.expected), _cell(row.got))
        parts.append(f"| {' | '.join(cells)} |\n")
    return "".join(parts)


def command_line(arguments: Sequence[object]) -> str:
    return " ".join(shlex.quote(_short(str(argument), 60)) for argument in arguments)


def summary(code: int, stdout: str, stderr: str, *, as_json: bool) -> str:
    """Exit code, and the first line of the error; or what the results and the notes are."""
    said = [line for line in stderr.splitlines() if line.strip()]
    errors = [line for line in said if line.startswith("Error: ")]
    if "╭─ Error" in stderr:
        inside = [line.strip("│ ") for line in stderr.split("╭─ Error")[1].splitlines()[1:]]
        errors = ["Error: " + " ".join(line for line in inside if line and not line.startswith("╰"))]
    if code and errors and not stdout:
        return f"{code}: {_own_words(errors[0].removeprefix('Error: '))}"
    found = _of_records(stdout) if as_json else _of_screen(stdout)
    return "; ".join([f"{code}: {found}", *(_own_words(line.removeprefix("Error: ")) for line in said)])


def _own_words(line: str) -> str:
    """Without what libraries have to say, which differs between their versions."""
    line = re.sub(rf"({_QUOTING}) \((?:[^()]|\([^()]*\))*\)", r"\1 (…)", line)
    line = re.sub(rf"({_QUOTING_TO_THE_END}): .*", r"\1: …", line)
    return re.sub(r"(Invalid value for '[^']*'(?: / '[^']*')?): .*", r"\1: …", line)


def _of_screen(stdout: str) -> str:
    first = next((line for line in stdout.splitlines() if line.strip()), "nothing on stdout")
    # Probabilities differ in their last digits between machines.
    return re.sub(r" \(\d\.\d\d\)", "", " ".join(first.split()))


def _of_records(stdout: str) -> str:
    return ", ".join(_of_record(json.loads(line)) for line in stdout.splitlines()) or "no record"


def _of_record(record: dict[str, Any]) -> str:
    if record["status"] == "failed":
        return "failed"
    if record["input"] is None:
        return f"{record['status']} of all"
    explanation, result = record["explanation"], record["result"]
    kind, n, k = explanation["feature_kind"], explanation["n"], explanation["k"]
    parts = [f"{record['status']}, {k} of {n} {kind} features kept"]
    if result.get("interrupted"):
        parts.append("interrupted")
    return ", ".join(parts)


def _cell(text: str) -> str:
    return (
        _short(visible(text), _LONGEST).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("`", "'")
    )


def _code(text: str) -> str:
    # In a table even code ends at a bar that is not escaped.
    return "`" + visible(text).replace("|", "\\|").replace("`", "'") + "`"


def _short(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
