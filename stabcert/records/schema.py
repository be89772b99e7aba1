"""The JSON Schema (draft 2020-12) of all records, generated from their models.

Write the file of the package anew after a change of a model:
``python -m stabcert.records.schema > stabcert/report/schemas/stabcert-1.schema.json``
"""

from __future__ import annotations

import json
import sys
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from stabcert.records.kinds import KINDS


def json_schema() -> dict[str, Any]:
    """Return the schema: one branch of ``oneOf`` for each kind of record, with its title."""
    _, schema = models_json_schema(
        [(kind, "validation") for kind in KINDS.values()], by_alias=True, schema_generator=_Generator
    )
    parts = schema["$defs"]
    branches = [{"title": title, **parts.pop(kind.__name__)} for title, kind in KINDS.items()]
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        "title": "A record of stabcert, schema stabcert/1",
        "description": "One line of --json or --output.",
        "oneOf": branches,
        "$defs": parts,
    }


def schema_text() -> str:
    """Return the content of the schema file."""
    return json.dumps(json_schema(), indent=1, ensure_ascii=False) + "\n"


class _Generator(GenerateJsonSchema):
    """Without what only repeats names: titles of fields and classes, defaults of keys that may be absent."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        found = super().model_schema(schema)
        found.pop("title", None)
        return found

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        inner = self.generate_inner(schema["schema"])
        if "enum" in inner or "const" in inner:
            values = inner["enum"] if "enum" in inner else [inner["const"]]
            return {"enum": [*values, None]}
        if "type" in inner:
            return {**inner, "type": [inner["type"], "null"]}
        return {"oneOf": [inner, {"type": "null"}]}


if __name__ == "__main__":
    sys.stdout.write(schema_text())
