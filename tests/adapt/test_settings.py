"""Settings out of range are refused by name."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from stabcert.adapt.settings import LEARNING_RATES, METHODS, TEMPERATURES, AdaptSettings
from stabcert.errors import ParameterError


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("method", "half"),
        ("epochs", 0),
        ("batch_size", 0),
        ("copies", 0),
        ("rank", 0),
        ("seed", -1),
        ("learning_rate", 0.0),
        ("learning_rate", float("nan")),
        ("clean_weight", 1.0),
        ("clean_weight", -0.1),
        ("average", 1.0),
        ("temperature", 0.0),
        ("label_weight", 1.1),
        ("clean_loss", -0.1),
        ("held_out", 0.0),
        ("held_out", 1.0),
        ("lambdas", (Fraction(0),)),
        ("lambdas", (Fraction(3, 2),)),
        ("mask_kinds", ("squares",)),
        ("mask_kinds", ()),
        ("interpolations", ()),
        ("interpolations", (0.0,)),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(ParameterError, match=rf"^{name} must be .*Use {name}=|^{name} must be one of") as raised:
        AdaptSettings(**{name: value})
    assert raised.value.parameter == name


def test_masks_of_smoothing_without_a_lambda_cannot_be_drawn() -> None:
    with pytest.raises(ParameterError, match="mask_kinds"):
        AdaptSettings(mask_kinds=("smoothing",), lambdas=())
    assert "smoothing" not in AdaptSettings(lambdas=()).kinds


def test_each_method_has_a_learning_rate_which_a_given_one_replaces() -> None:
    for method in METHODS:
        for convolutional in (False, True):
            settled = AdaptSettings(method=method).settled("text", convolutional=convolutional)
            assert settled.learning_rate == LEARNING_RATES[method][convolutional]
    given = AdaptSettings(learning_rate=0.5, temperature=2.0)
    assert given.settled("image", convolutional=True) == given


def test_temperatures_are_those_of_the_kind_of_inputs() -> None:
    found = [AdaptSettings().settled(kind, convolutional=False).temperature for kind in ("image", "text")]
    assert found == [TEMPERATURES["image"], TEMPERATURES["text"]]
