"""What stands behind options: any text is understood as it says, or refused; and no command line is a bug."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stabcert.cli.classes import find_class
from stabcert.cli.exit_codes import MISSED
from stabcert.cli.parsing import (
    parse_basis,
    parse_keep_probability,
    parse_lambdas,
    parse_methods,
    parse_radii,
    parse_top_k,
)
from stabcert.errors import ParameterError
from stabcert.sweep.shard import parse_shard
from tests.doubles import Threshold
from tests.fuzz.strategies import examples, teaches
from tests.known_model import call, loaded, write_inputs, write_mask

pytestmark = pytest.mark.slow

NAMES = ("anger", "joy, delight", "delight", "7", "joy")

texts = (
    st.text("0123456789.,:/%-+e_ nafi١\x00\ud800", max_size=12)
    | st.text(max_size=8)
    | st.sampled_from(["9" * 5000, "0." + "1" * 5000, "1/" + "9" * 5000, "1e999999999", "1e-999999999", "nan", "inf"])
    | st.sampled_from(["-0", "1e400%", "0x1", "1/0", "1/1", "all", "1:2", "3,1", "2/3", "0.25", "15/64", "50%", "lime"])
)


def read(parse: Callable[[str], Any], text: str) -> Any:
    try:
        return parse(text)
    except ParameterError as error:
        teaches(error)
        return None


def numbers(text: str) -> list[Fraction]:
    return [Fraction(part.strip().replace(" ", "")) for part in text.split(",")]


@examples(150)
@given(texts)
@example("1e-999999999")
@example("9" * 5000)
def test_any_text_is_read_as_it_says_or_refused(text: str) -> None:
    radii = read(parse_radii, text)
    if isinstance(radii, list):
        parts = [[int(end) for end in part.split(":")] for part in text.split(",")]
        assert radii == [radius for part in parts for radius in range(part[0], part[-1] + 1)]
        assert 0 < len(radii) <= 10_000
    share = read(parse_keep_probability, text)
    assert share is None or (0 < share <= 1 and [share] == numbers(text))
    for zero in (False, True):
        shares = read(lambda given, zero=zero: parse_lambdas(given, most=6, zero=zero), text)  # type: ignore[misc]
        assert shares is None or (list(shares) == numbers(text) and all(0 <= one <= 1 for one in shares))
        assert shares is None or (len(shares) <= 6 and (zero or all(shares)))
    k = read(lambda given: parse_top_k(given, 12), text)
    if k is not None:
        assert 1 <= k <= 12
        assert type(k) is int
        plain = text.strip()
        if plain.isascii() and plain.isdigit():
            assert k == int(plain)
    shard = read(parse_shard, text)
    assert shard is None or (f"{shard.index}/{shard.count}" == "/".join(str(int(part)) for part in text.split("/")))
    methods = read(parse_methods, text)
    assert methods is None or ([name.strip() for name in text.split(",")] == list(methods) and all(methods))
    basis = read(parse_basis, text)
    assert basis is None or basis[0] in ("standard", "monotone", "biased")
    index = read(lambda given: find_class(given, NAMES), text)
    assert index is None or text.casefold().strip() in NAMES[index].casefold() or int(text) == index


@examples(40)
@given(share=st.fractions(min_value=0, max_value=1, max_denominator=10**6).filter(bool), n=st.integers(1, 500))
def test_shares_are_exact(share: Fraction, n: int) -> None:
    assert parse_keep_probability(str(share)) == share
    percent = Fraction(round(share * 10**4), 100)
    if percent:
        text = f"{float(percent):.2f}%"
        exact = Fraction(text[:-1]) * n / 100
        assert parse_top_k(text, n) == max(1, int(exact + Fraction(1, 2)))


values = (
    texts.filter(lambda text: "\ud800" not in text and "\0" not in text)
    | st.sampled_from(["nan", "inf", "-1", "0", "1", "1e-320", "1e-310", "0.999999999999", "1e-9", "0.5", "0.9", "64"])
    | st.sampled_from(["auto", "auto:1/2,0.25", "auto:"])
    | st.floats().map(repr)
    | st.integers(-2, 70).map(str)
)
LEAVE = ("--allow-inconsistent", "--allow-vacuous")
COMMANDS = {
    "certify-soft": [
        *("-r", "--epsilon", "--delta", "--n-samples", "--interval", "--formulation", "--smooth", "--smooth-draws"),
        *("--min-rate", "--max-samples", "--per-radius", "--largest-radius", *LEAVE),
    ],
    "certify-hard": [
        *("-l", "--quantization", "--noise=bernoulli", "--delta", "--n-samples", "--scores=probability", "--refine"),
        *("--direction=decremental", "--enumerate", "--attack", "--sweep", "--min-radius", *LEAVE),
    ],
    "fourier": [
        "--function",
        "--basis",
        "--lambdas",
        "--degree",
        "--exact-max",
        "--top",
        "--delta",
        "-r",
        "--restrict",
    ],
    "smooth-eval": ["--lambdas", "--radii", "--draws", "--n-samples", "--delta", "--min-accuracy", "--min-rate"],
    "adapt": [
        *("--epochs", "--learning-rate", "--copies", "--clean-weight", "--label-weight"),
        *("--lambdas", "--rank", "--clean-loss", "--held-out", "--report-share", "--attribution", "-k", "--masks"),
        *("--radii", "--n-samples", "--draws", "--noise=bernoulli", "--delta", "--min-gain"),
    ],
    "explain": [
        "--until-stable",
        "-r",
        "--min-rate",
        "--delta",
        "--max-samples",
        "-k",
        "--target",
        "--method=random",
        LEAVE[1],
    ],
}
FLAGS = {"--per-radius", "--largest-radius", "--sweep", "--until-stable", *LEAVE}
SMALL = {"--n-samples", "--max-samples", "--draws", "--smooth-draws", "--attack", "--refine", "--enumerate", "--top"}
"""Numbers that cost time: what they may be is bounded here, not in the command."""


@st.composite
def command_lines(draw: st.DrawFn) -> list[str]:
    command = draw(st.sampled_from(sorted(COMMANDS)))
    arguments = [command]
    for option in draw(st.lists(st.sampled_from(COMMANDS[command]), max_size=4, unique=True)):
        arguments.append(option)
        if option not in FLAGS and "=" not in option:
            value = draw(values)
            if option in SMALL and value.isdecimal() and len(value) > 3:
                value = "64"
            arguments.append(value)
    common = draw(st.sampled_from(["", "--seed", "--limit", "--shard", "--batch-size", "--features"]))
    return [*arguments, common, draw(values)] if common else arguments


@examples(60)
@given(command_lines())
@example(["certify-soft", "--smooth", "nan"])
@example(["certify-soft", "--smooth", "auto:1/4,0.5"])
@example(["certify-hard", "-l", "auto"])
@example(["certify-soft", "--delta", "5e-324"])
@example(["certify-soft", "--delta", "1e-300", "--n-samples", "3", "-r", "4"])
@example(["smooth-eval", "--min-rate", "nan"])
def test_no_command_line_is_a_bug(scratch: Path, arguments: list[str]) -> None:
    function = Threshold(7, 4)
    sources = ["--inputs", write_inputs(scratch, 2)]
    if arguments[0] == "adapt":  # two inputs are too few, which is found before anything is trained
        sources += ["--out", scratch / "adapted"]
    elif arguments[0] != "explain" and "--method=random" not in arguments:
        sources += ["--mask", write_mask(scratch, np.arange(7) < 2)]
    with loaded(lambda text: function):
        code, records, errors = call(*arguments, *sources, "--json", "--quiet")
    assert code in (0, 1, 2, 3), errors
    assert "this is a bug" not in errors, errors
    assert "Traceback" not in errors, errors
    if code >= 2:
        assert errors.strip()
    for text in ("nan", "inf"):
        if text in arguments and arguments[arguments.index(text) - 1] != "--features":
            assert code == 2, "what is no number is no request"
    unmet = any(record["status"] in MISSED for record in records)
    assert code >= 2 or code == int(unmet)


@pytest.mark.parametrize("text", ["1e5", "1e-2", "1_0", " "])
def test_shares_are_decimals_or_fractions_wherever_they_are_given(text: str) -> None:
    with pytest.raises(ParameterError):
        parse_keep_probability(text)
    with pytest.raises(ParameterError):
        parse_lambdas(text, most=6, zero=True)
