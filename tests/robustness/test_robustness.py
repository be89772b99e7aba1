"""Every case of hostile and broken input, and the table of what came out."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from typer.testing import CliRunner

from stabcert.cli.app import app
from stabcert.report.record import load_schema
from tests.robustness import faults, images, masks, models, outputs, records, requests, security, texts
from tests.robustness.case import Case, Workshop
from tests.robustness.table import ROWS, Row, command_line, summary

CASES: tuple[Case, ...] = tuple(
    case
    for module in (images, texts, masks, requests, models, records, outputs, faults, security)
    for case in module.CASES
)
VALIDATOR = jsonschema.Draft202012Validator(load_schema())


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
    assert case.says in " ".join(said.split()) or case.says in got, said
    if as_json:
        for line in result.stdout.splitlines():
            VALIDATOR.validate(json.loads(line))
    if case.after is not None:
        got += f"; {case.after(result.stdout, result.stderr)}"
    ROWS[case.name] = Row(case.area, case.given, command_line(arguments), f"{case.code}: {case.says}", got)
