"""Types of values in records: numbers with a range, text of any kind, hashes, lists without repetition."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, TypeVar, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetPydanticSchema,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
)
from pydantic_core import PydanticCustomError, PydanticKnownError, core_schema

T = TypeVar("T")

LACKS = "lacks"
"""Type of the error for an object of free keys that lacks one."""
NOT_TEXT = "not_text"
"""Type of the error for an object of free keys whose value of a key is not text."""
NOT_UNIQUE = "not_unique"
"""Type of the error for a list that contains a value twice."""

_SPELLED = {"keep_probability": "lambda", "version": "schema", "copies_before": "copy"}
"""Keys that Python or pydantic uses for something else."""


class Part(BaseModel):
    """An object in a record: every key is known, every value has its type and stays as it is.

    It is made by the names of its fields and read by the keys of the record; a key that was not given is not written.
    """

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        alias_generator=lambda name: _SPELLED.get(name, name),
        validate_by_name=True,
        validate_by_alias=True,
        use_attribute_docstrings=True,
    )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values in the order of the documentation, as `stabcert.records.writing.to_json` takes them."""
        fields = type(self).model_fields
        return {
            _SPELLED.get(name, name): _plain(getattr(self, name)) for name in fields if name in self.model_fields_set
        }


def _plain(value: Any) -> Any:
    """Return plain values; unlike with pydantic's own serializer, values of free form may be nested to any depth."""
    if isinstance(value, Part):
        return value.to_dict()
    return [_plain(one) for one in value] if isinstance(value, list) else value


class _Absent:
    """The key may be missing; null is not a value of it."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        (inner,) = (one for one in get_args(source) if one is not type(None))
        return handler(inner)


MayBeAbsent = Annotated[T | None, _Absent()]
"""A value whose key may be missing; it is None then."""


def _as_given(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
    """Return the number itself: an integer is written as an integer."""
    check(value)
    return value


_KEPT = WrapValidator(_as_given)
Number = Annotated[float, Field(allow_inf_nan=False), _KEPT]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False), _KEPT]
PositiveNumber = Annotated[float, Field(gt=0, allow_inf_nan=False), _KEPT]
AtMostOne = Annotated[float, Field(le=1, allow_inf_nan=False), _KEPT]
SignedShare = Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False), _KEPT]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False), _KEPT]
PositiveShare = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False), _KEPT]
OpenShare = Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False), _KEPT]

Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]
TwoOrMore = Annotated[int, Field(ge=2)]


def _integer(value: Any) -> Any:
    """Refuse True and 1.0, which Python takes for 1."""
    if isinstance(value, bool | float):
        raise PydanticKnownError("int_type")
    return value


INTEGER = BeforeValidator(_integer)
"""Check for a choice between integers."""

# Any string of Python: names of files that are not UTF-8 have code points that pydantic's own strings refuse.
Text = Annotated[
    str,
    GetPydanticSchema(lambda _source, _handler: core_schema.is_instance_schema(str)),
    WithJsonSchema({"type": "string"}),
]


def _like(pattern: str) -> Callable[[str], str]:
    known = re.compile(pattern)

    def check(value: str) -> str:
        # To Python a $ also matches before a last newline.
        if known.search(value.replace("\n", "\0")) is None:
            raise PydanticKnownError("string_pattern_mismatch", {"pattern": pattern})
        return value

    return check


_KEY, _SHA256, _FRACTION = "^([0-9a-f]{64})?$", "^[0-9a-f]{64}$", "^[0-9]+(/[0-9]+)?$"
Key = Annotated[
    Text,
    AfterValidator(_like(_KEY)),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": _KEY,
            "description": "SHA-256 of input, model and every option that can change the result; of a failed input "
            "without the hashes of input and weights. Equal keys are equal records.",
        }
    ),
]
Sha256 = Annotated[Text, AfterValidator(_like(_SHA256)), WithJsonSchema({"type": "string", "pattern": _SHA256})]
FractionText = Annotated[
    Text, AfterValidator(_like(_FRACTION)), WithJsonSchema({"type": "string", "pattern": _FRACTION})
]


def _unique(values: list[int]) -> list[int]:
    if len(set(values)) < len(values):
        raise PydanticCustomError(NOT_UNIQUE, "a value is contained twice")
    return values


Indices = Annotated[list[Count], AfterValidator(_unique), Field(json_schema_extra={"uniqueItems": True})]
NotEmpty = Annotated[list[T], Field(min_length=1)]
Pair = Annotated[list[T], Field(min_length=2, max_length=2)]
Box = Annotated[list[Count], Field(min_length=4, max_length=4)]
