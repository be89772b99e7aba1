"""Every case of hostile and broken input, what only processes can show, and the table of what came out.

In one file, so that one process has all rows of the table, however many run the tests.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from typer.testing import CliRunner

from stabcert.cli.app import app
from stabcert.report.record import load_schema
from tests.robustness import (
    adapt,
    certificates,
    configs,
    faults,
    images,
    language_models,
    masks,
    models,
    networks,
    outputs,
    records,
    requests,
    security,
    texts,
)
from tests.robustness.case import Case, Workshop
from tests.robustness.table import ROWS, Row, command_line, render, summary
from tests.waiting import LIMIT, finish, wait_for_lines

pytestmark = pytest.mark.slow

CASES: tuple[Case, ...] = tuple(
    case
    for module in (
        images,
        language_models,
        texts,
        masks,
        requests,
        configs,
        models,
        networks,
        records,
        certificates,
        outputs,
        faults,
        security,
        adapt,
    )
    for case in module.CASES
)
VALIDATOR = jsonschema.Draft202012Validator(load_schema())
TABLE = Path(__file__).with_name("TABLE.md")

AREA = "processes"
_TERMINATED, _KILLED, _FULL, _PIPE, _TWO = (
    "SIGTERM to a run over many inputs",
    "kill -9 of a run over many inputs, then --resume",
    "standard output on a disk that is full",
    "a reader that goes away",
    "two runs on one file at the same time",
)
PROCESSES = tuple((AREA, given) for given in (_TERMINATED, _KILLED, _FULL, _PIPE, _TWO))
_MANY = [part for number in range(400) for part in ("-t", f"a great film {number}")]


def test_every_case_has_a_name_of_its_own() -> None:
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Case, workshop: Workshop) -> None:
    if "disk that is full" in case.given and not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    arguments = [str(argument) for argument in case.build(workshop)]
    result = CliRunner().invoke(app, arguments, input=workshop.stdin, catch_exceptions=False)
    said = f"{result.stdout}\n{result.stderr}"
    as_json = "--json" in arguments
    got = summary(result.exit_code, result.stdout, result.stderr, as_json=as_json)
    assert "Traceback" not in said, said
    assert "this is a bug" not in said
    assert result.exit_code == case.code, said
    assert case.code != 2 or "--keep-going" in arguments or result.stdout == ""
    assert case.says in " ".join(said.split()) or case.says in got, said
    if as_json:
        for line in result.stdout.splitlines():
            VALIDATOR.validate(json.loads(line))
    if case.after is not None:
        got += f"; {case.after(result.stdout, result.stderr)}"
    ROWS[case.name] = Row(case.area, case.given, command_line(arguments), f"{case.code}: {case.says}", got)


def _start(*arguments: object, **options: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "stabcert", *(str(argument) for argument in arguments)]
    package = str(Path(__file__).parents[2])
    path = os.pathsep.join([package, *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    return subprocess.Popen(command, env=environment, **pipes)


def _note(given: str, command: str, expected: str, got: str) -> None:
    ROWS[f"{AREA}-{given}"] = Row(AREA, given, command, expected, got)


def _many(shop: Workshop, *options: str) -> Sequence[str]:
    # Of --json the pipe that nobody reads holds some forty records: the run cannot be done before the test goes on.
    named = ["-m", shop.text_model, "--method", "random", "-o", "out.jsonl"]
    return ["explain", *_MANY, *named, "-q", "--json", *options]


def _ids(path: Path) -> list[str]:
    return [json.loads(line)["input"]["id"] for line in path.read_text().splitlines()]


def test_a_second_run_is_refused_and_sigterm_keeps_what_is_finished(workshop: Workshop) -> None:
    process, out = _start(*_many(workshop)), Path("out.jsonl")
    wait_for_lines(out, 2, process)
    second = CliRunner().invoke(app, _many(workshop, "--append"), catch_exceptions=False)
    assert process.poll() is None
    assert second.exit_code == 3
    assert "another process is writing to out.jsonl" in second.stderr
    got = summary(second.exit_code, second.stdout, second.stderr, as_json=False)
    _note(_TWO, "explain -t ... -o out.jsonl", "3: another process is writing", got)
    process.send_signal(signal.SIGTERM)
    _, errors = finish(process)
    assert (process.returncode, errors.decode()) == (143, "Error: terminated\n")
    ids = _ids(out)
    assert ids == [f"text-{number}" for number in range(1, len(ids) + 1)]
    got = f"{process.returncode}: terminated; every line of out.jsonl is a whole record"
    _note(_TERMINATED, "explain -t ... -o out.jsonl", "143: terminated", got)


def test_a_killed_run_is_resumed(workshop: Workshop) -> None:
    process, out = _start(*_many(workshop)), Path("out.jsonl")
    wait_for_lines(out, 2, process)
    process.kill()
    finish(process)
    assert process.returncode == -signal.SIGKILL
    before = len(_ids(out))
    arguments = [*_many(workshop, "--resume"), "--limit", str(before + 3)]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    assert _ids(out) == [f"text-{number}" for number in range(1, before + 4)]
    got = "0: each input has one record, in the order of the inputs"
    _note(_KILLED, "explain -t ... -o out.jsonl --resume", "0: one record for each input", got)


def test_a_full_disk_behind_standard_output(workshop: Workshop) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    with Path("/dev/full").open("wb") as full:
        process = _start("explain", *_MANY[:4], "-m", workshop.text_model, "--method", "random", "--json", stdout=full)
        _, errors = finish(process)
    assert (process.returncode, errors.decode()) == (
        3,
        "Error: cannot write to standard output: No space left on device\n",
    )
    got = summary(process.returncode, "", errors.decode(), as_json=True)
    _note(_FULL, "explain -t ... --json > /dev/full", "3: cannot write to standard output", got)


def test_a_reader_that_goes_away(workshop: Workshop) -> None:
    process = _start("explain", *_MANY, "-m", workshop.text_model, "--method", "random")
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline().startswith(b'"a great film 0"')
    process.stdout.close()
    errors = process.stderr.read().decode()
    process.stderr.close()
    assert (process.wait(timeout=LIMIT), errors) == (141, "")
    _note(_PIPE, "explain -t ... | head -1", "141: nothing", "141: nothing on standard error")


def test_the_table_is_that_of_this_run(request: pytest.FixtureRequest) -> None:
    names = [case.name for case in CASES] + [f"{area}-{given}" for area, given in PROCESSES]
    if not all(name in ROWS for name in names):
        pytest.skip("the table is of all cases, and only some were run or passed")
    table = render([ROWS[name] for name in names])
    if request.config.getoption("--update-golden"):
        TABLE.write_text(table, encoding="utf-8")
    assert TABLE.read_text(encoding="utf-8") == table, (
        "the table differs from tests/robustness/TABLE.md; if that is right, write it anew with "
        "python -m pytest tests/robustness --update-golden"
    )
