"""What is typed behind options: read as it says, or refused with what can be written instead."""

from __future__ import annotations

from fractions import Fraction

import pytest

from stabcert.cli.parsing import (
    parse_basis,
    parse_batch_size,
    parse_keep_probability,
    parse_lambdas,
    parse_methods,
    parse_radii,
    parse_top_k,
)
from stabcert.errors import ParameterError


def test_methods_are_named_between_commas() -> None:
    assert parse_methods(None) == ("lime",)
    assert parse_methods("shap") == ("shap",)
    assert parse_methods("random, lime,shap") == ("random", "lime", "shap")


@pytest.mark.parametrize(("text", "message"), [("lime,", "at a comma"), ("", "at a comma"), ("a,b,a", "a twice")])
def test_slips_between_commas_are_refused(text: str, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        parse_methods(text)


@pytest.mark.parametrize(
    ("text", "radii"),
    [("4", [4]), ("1,2,5", [1, 2, 5]), ("1:4", [1, 2, 3, 4]), ("0,2:3", [0, 2, 3]), ("all", "all"), (" 3 ", [3])],
)
def test_radii_are_read(text: str, radii: object) -> None:
    assert parse_radii(text) == radii


@pytest.mark.parametrize("text", ["", "a", "1-4", "4:1", "-1", "1.5", "1,,2", "1:", ":4", "1:2:3", "9" * 5000])
def test_other_radii_are_refused(text: str) -> None:
    with pytest.raises(ParameterError, match="1:10 or all"):
        parse_radii(text)


@pytest.mark.parametrize("text", ["1:999999999", "1:9999,1:2"])
def test_more_radii_than_any_input_needs_are_refused_before_they_are_listed(text: str) -> None:
    with pytest.raises(ParameterError, match="names more than 10000 radii"):
        parse_radii(text)


@pytest.mark.parametrize("text", ["", "x", "1/0", "-1/4", "1e-3", "nan", "0", "3/2", "1/2/3", "٣/٤"])
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(ParameterError, match="--lambda"):
        parse_keep_probability(text)


def test_a_decimal_is_not_rounded() -> None:
    assert parse_keep_probability("0.1") == Fraction(1, 10)


@pytest.mark.parametrize(
    ("text", "basis"),
    [("standard", ("standard", None)), (" monotone ", ("monotone", None)), ("biased:.25", ("biased", 0.25))],
)
def test_bases_are_read(text: str, basis: object) -> None:
    assert parse_basis(text) == basis


def test_keep_probabilities_are_exact() -> None:
    assert parse_lambdas("1,0.9, 15/64", most=3, zero=True) == (1, Fraction(9, 10), Fraction(15, 64))
    for zero in (False, True):
        for wrong in ("", "1,,0.5", "a", "-0.1", "nan", "1/0"):
            with pytest.raises(ParameterError, match="keep probabilities"):
                parse_lambdas(wrong, most=3, zero=zero)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,0", "contains 0, which is not possible. Use shares above 0"),
        ("1,1.5", "contains 1.5, which is not possible"),
        ("0.5,1/2", "1/2 twice"),
        ("1,0.9,0.8,0.7", "names 4 keep probabilities. Give at most 3"),
    ],
)
def test_other_keep_probabilities_are_refused(text: str, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        parse_lambdas(text, most=3, zero=False)


def test_a_spectrum_may_be_smoothed_with_0_but_not_with_more_than_1() -> None:
    assert parse_lambdas("1,0", most=3, zero=True) == (1, 0)
    with pytest.raises(ParameterError, match="Use shares from 0 and at most 1"):
        parse_lambdas("2", most=3, zero=True)


@pytest.mark.parametrize(("text", "size"), [("auto", "auto"), ("1", 1), ("256", 256)])
def test_sizes_of_batches_are_read(text: str, size: object) -> None:
    assert parse_batch_size(text) == size


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5", "x", "9" * 5000])
def test_other_sizes_of_batches_are_refused(text: str) -> None:
    with pytest.raises(ParameterError, match="auto or a number from 1"):
        parse_batch_size(text)


@pytest.mark.parametrize(
    ("text", "n", "k"),
    [("25%", 196, 49), ("25%", 49, 12), ("25%", 2, 1), ("25%", 1, 1), ("25%", 10, 3), ("100%", 7, 7), ("3", 9, 3)],
)
def test_top_k_counts_and_shares(text: str, n: int, k: int) -> None:
    assert parse_top_k(text, n) == k


@pytest.mark.parametrize("text", ["0", "10", "-1", "2.5", "0%", "101%", "x", "", "nan", "inf", "1e9"])
def test_other_top_k_are_refused(text: str) -> None:
    with pytest.raises(ParameterError):
        parse_top_k(text, 9)
