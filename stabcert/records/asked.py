"""Fields that the requests of several commands share."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from stabcert.records.values import (
    INTEGER,
    Positive,
)

Family = Annotated[
    Positive,
    Field(description="Certificates among which one may choose afterwards; each has delta divided by this."),
]


StreamRule = Annotated[
    Literal[1, 2],
    INTEGER,
    Field(
        description="How the draws are derived: 1, or absent, from seed and input; 2 from model, mask and request as "
        "well."
    ),
]


SoftStreamRule = Annotated[
    Literal[1, 2, 3],
    INTEGER,
    Field(
        description="How the draws are derived: 1, or absent, from seed and input; 2 from model, mask and request as "
        "well. 3 is as 2, but lambdas with the same noise masks have the same draws."
    ),
]


AllowInconsistent = Annotated[
    bool,
    Field(
        description="Certify although the mask has another class than the full input; missing in records from before "
        "there was a rule."
    ),
]


AllowVacuous = Annotated[
    bool,
    Field(
        description="Certify although the empty input has the class of the mask; missing in records from before there "
        "was a rule."
    ),
]


Dtype = Literal["float32", "bfloat16", "float16"]
