"""The schema file of the package is that of the models."""

from __future__ import annotations

import json
from importlib.resources import files

import jsonschema  # type: ignore[import-untyped]

from stabcert.records.kinds import KINDS
from stabcert.records.schema import json_schema, schema_text
from tests.report.test_record import RECORDS


def test_the_file_is_the_generated_one() -> None:
    shipped = files("stabcert.report").joinpath("schemas", "stabcert-1.schema.json").read_text("utf-8")
    assert shipped == schema_text(), (
        "a model has changed; write the file anew with "
        "python -m stabcert.records.schema > stabcert/report/schemas/stabcert-1.schema.json"
    )


def test_every_kind_of_record_is_a_branch_with_its_title() -> None:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert [branch["title"] for branch in schema["oneOf"]] == list(KINDS)
    assert all(branch["additionalProperties"] is False for branch in schema["oneOf"])


def test_fields_have_the_descriptions_of_the_models() -> None:
    rate = json_schema()["$defs"]["Rate"]
    assert rate["properties"]["enumerated"]["description"] == "Every addition was tested: the rate is exact."
    assert rate["properties"]["population"]["type"] == ["integer", "null"]
    assert "default" not in json.dumps(json_schema()["$defs"]["SoftRequest"]["properties"]["family"])


def test_a_record_is_of_exactly_one_kind() -> None:
    validators = [
        jsonschema.Draft202012Validator({**branch, "$defs": json_schema()["$defs"]})
        for branch in json_schema()["oneOf"]
    ]
    for name, record in RECORDS.items():
        assert sum(validator.is_valid(json.loads(json.dumps(record))) for validator in validators) == 1, name
