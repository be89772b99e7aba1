"""Reports on a terminal of 80 columns: nothing is left for the terminal to break."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.text import Text

from stabcert.report.screen import Screen, fitted
from stabcert.report.terminal import Shown
from tests.report import curves, spectra
from tests.report.examples import (
    ENUMERATED,
    HARD_WITH_EVERYTHING,
    REFUTED,
    SAMPLED,
    SMOOTHING,
    TESTED,
    certificate,
    explain_report,
    fourier_report,
    hard_report,
    searched_report,
    sequential,
    soft_report,
    text_input,
)
from tests.report.screens import render, render_curve, render_explain

LONG = " ".join(["A lovely, lovely film", "and much else that is said at length"] * 4)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(lines: list[Shown], width: int = 80, *, colour: bool = False) -> list[str]:
    file = Terminal()
    console = Screen(
        file=file,
        width=width,
        highlight=False,
        soft_wrap=True,
        force_terminal=True,
        color_system="truecolor" if colour else None,
    )
    for line in lines:
        for part in fitted(line, console):
            console.print(part)
    return file.getvalue().splitlines()


EXAMPLES = {
    "explain": render_explain(explain_report(info=text_input(LONG)), 10),
    "explain until stable": render_explain(searched_report(), 10),
    "certify-soft": render(soft_report(certificate(ENUMERATED, SAMPLED))),
    "certify-soft smoothed": render(soft_report(certificate(SAMPLED), smoothing=SMOOTHING)),
    "certify-soft with thresholds": render(soft_report(sequential(TESTED, REFUTED))),
    "certify-hard": render(hard_report(HARD_WITH_EVERYTHING)),
    "fourier": render(fourier_report(spectra.EXACT)),
    "fourier, estimated": render(fourier_report(spectra.SAMPLED)),
    "smooth-eval": render_curve(curves.finding(methods=("lime", "smoothgrad", "random"), **curves.THRESHOLDS)),
    "smooth-eval, one input": render(curves.smooth_report(methods=("lime", "random"))),
}


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("width", [80, 60])
def test_no_line_is_longer_than_the_terminal(name: str, width: int) -> None:
    lines = [line for line in shown(EXAMPLES[name], width) if width == 80 or "  " not in line.strip()]  # no tables
    assert [line for line in lines if cell_len(line) > width] == []


@pytest.mark.parametrize("name", EXAMPLES)
def test_breaking_lines_changes_no_word(name: str) -> None:
    assert " ".join(shown(EXAMPLES[name])).split() == " ".join(shown(EXAMPLES[name], 10_000)).split()


def test_what_is_broken_is_indented() -> None:
    text = Text("  note: " + "word " * 30 + "end")
    first, *others = shown([text])
    assert first.startswith("  note: word")
    assert others
    assert all(line.startswith("    word") for line in others)


def test_the_first_line_breaks_between_its_parts() -> None:
    lines = shown(render(soft_report(certificate(SAMPLED))))
    assert lines[0] == '"A lovely, lovely film"   joy (0.91)   4 words, 2 kept (50%), lime'
    assert lines[1] == "  mask alone: joy (0.70), consistent"


def test_a_word_wider_than_the_terminal_stays_whole() -> None:
    name = "photos/" + "x" * 90 + ".jpg"
    report = explain_report(info=replace(text_input(), id=name, path=name))
    lines = shown(render_explain(report, 0))
    assert name in lines
    assert sum(name in line for line in lines) == 1


def test_colours_survive_the_breaking() -> None:
    lines = shown(render(soft_report(certificate(SAMPLED))), 50, colour=True)
    assert any("\x1b[38;5;28mconsistent\x1b[0m" in line for line in lines)
    assert any("\x1b[1m" in line for line in lines[:1])


@pytest.mark.parametrize("style", ["green", "yellow", "red", "bold yellow", "not bold green"])
def test_colours_can_be_read_on_white_and_on_black(style: str) -> None:
    colour = Screen(color_system="256").get_style(style).color
    assert colour is not None
    channels = [channel / 255 for channel in colour.get_truecolor()]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]  # as WCAG 2 defines it
    assert min(1.05 / (luminance + 0.05), (luminance + 0.05) / 0.05) > 3


def test_where_there_are_sixteen_colours_they_stay() -> None:
    colour = Screen(color_system="standard").get_style("bold yellow").color
    assert colour is not None
    assert colour.name == "yellow"
