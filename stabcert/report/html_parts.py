"""Pictures, sentences and diagrams as pieces of HTML; all text of others is escaped here."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterable, Sequence
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from stabcert.core.soft.certificate import SoftCertificate
from stabcert.core.types import Features, Mask, Scores
from stabcert.report.canvas import Segment, scaled
from stabcert.report.visible import visible
from stabcert.report.wording import ends


def style() -> str:
    """The style sheet of a page, for light and dark screens."""
    return files("stabcert.report").joinpath("page.css").read_text("utf-8")


def escaped(text: str) -> str:
    """Text of a user or a model, safe between tags and in quoted attributes."""
    return html.escape(visible(text), quote=True)


def image_data(pixels: NDArray[np.uint8]) -> str:
    """``(height, width, 3)`` pixels as a PNG in a data URI."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def picture(
    pixels: NDArray[np.uint8], caption: str, outlines: Sequence[tuple[str, list[Segment]]] = (), below: str = ""
) -> str:
    """An image with outlines of the classes ``kept`` and ``added``; ``below`` is HTML, the caption is text."""
    height, width = pixels.shape[:2]
    paths = "".join(
        f'<path class="{under}" d="{path}"/><path class="{name}" d="{path}"/>'
        for name, under, path in (
            (name, "added-under" if name == "added" else "under", _path(segments)) for name, segments in outlines
        )
    )
    drawing = f'<svg viewBox="0 0 {width} {height}" aria-hidden="true">{paths}</svg>' if paths else ""
    image = (
        f'<img src="{image_data(pixels)}" width="{width}" height="{height}" style="height:auto" '
        f'alt="{escaped(caption)}">'
    )
    text = f"<figcaption>{escaped(caption)}</figcaption>"
    return f'<figure><div class="picture">{image}{drawing}</div>{below}{text}</figure>'


def colour_bar(scores: Scores, colours: NDArray[np.uint8]) -> str:
    """A symmetric scale; ``colours`` from its lower to its upper end."""
    largest = float(np.abs(scores).max(initial=0.0))
    stops = ",".join("rgb({},{},{})".format(*colour) for colour in colours.tolist())
    lower, upper = ends(largest)
    return (
        f'<div class="bar" style="background:linear-gradient(to right,{stops})"></div>'
        f'<div class="scale"><span>{lower}</span><span>0</span><span>{upper}</span></div>'
    )


def sentence(
    text: str, features: Features, mask: Mask, *, added: Mask | None = None, scores: Scores | None = None
) -> str:
    """The user's text: shaded by score if there are scores, kept words framed, added ones framed by dashes."""
    strengths = None if scores is None else scaled(scores)
    parts, end = [], 0
    for index, feature in enumerate(features.items):
        if feature.span is None:
            continue
        parts.append(escaped(text[end : feature.span[0]]))
        kept, new = bool(mask[index]), added is not None and bool(added[index])
        name = "k" if kept else "a" if new else "d" if scores is None else ""
        style = ""
        if strengths is not None:
            colour = "--warm" if strengths[index] > 0 else "--cold"
            style = f' style="background:rgba(var({colour}),{0.55 * abs(strengths[index]):.3f})"'
        hint = "" if scores is None else f' title="{scores[index]:+.4f}"'
        word = escaped(text[feature.span[0] : feature.span[1]])
        parts.append(f'<span class="{name}"{style}{hint}>{word}</span>')
        end = feature.span[1]
    parts.append(escaped(text[end:]))
    return f'<p class="text" dir="auto">{"".join(parts)}</p>'


def table(header: Sequence[str], rows: Iterable[Sequence[str]], *, left: int = 1) -> str:
    """Cells are text; the first ``left`` columns are flush left."""

    def cells(tag: str, row: Sequence[str]) -> str:
        return "".join(
            f"<{tag}{' class=l' if number < left else ''}>{escaped(cell)}</{tag}>" for number, cell in enumerate(row)
        )

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return (
        f'<div class="scroll"><table><thead><tr>{cells("th", header)}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def chart(certificate: SoftCertificate) -> str:
    """Stability rate against radius: squares are exact, dots have their interval; the threshold is a dashed line."""
    left, right, top, bottom = 50, 350, 8, 150
    rates = certificate.rates
    first = rates[0].radius
    last = max(rate.covers_up_to or rate.radius for rate in rates)
    room = max(0.5, 0.04 * (last - first))

    def x(radius: float) -> float:
        return round(left + (right - left) * (radius - first + room) / (last - first + 2 * room), 1)

    def y(rate: float) -> float:
        return round(bottom - (bottom - top) * rate, 1)

    parts = [
        f'<line class="{"axis" if rate == 0 else "grid"}" x1="{left}" x2="{right}" y1="{y(rate)}" y2="{y(rate)}"/>'
        for rate in (0, 0.25, 0.5, 0.75, 1)
    ]
    parts += [f'<text x="{left - 6}" y="{y(r) + 4}" text-anchor="end">{r:g}</text>' for r in (0, 0.5, 1)]
    parts += [f'<text x="{x(r)}" y="{bottom + 15}" text-anchor="middle">{r}</text>' for r in _ticks(first, last)]
    parts.append(
        f'<text x="{(left + right) / 2:g}" y="{bottom + 32}" text-anchor="middle">features added, r</text>'
        f'<text x="10" y="{(top + bottom) / 2:g}" text-anchor="middle" '
        f'transform="rotate(-90 10 {(top + bottom) / 2:g})">stability rate</text>'
    )
    many = len(rates) > 20
    if many:
        edge = [(x(r.radius), y(r.upper)) for r in rates] + [(x(r.radius), y(r.lower)) for r in reversed(rates)]
        parts.append(f'<polygon class="band" points="{" ".join(f"{a},{b}" for a, b in edge)}"/>')
        line = " ".join(f"{x(r.radius)},{y(r.rate)}" for r in rates if r.rate is not None)
        parts.append(f'<polyline class="rate" points="{line}"/>')
    for rate in () if many else rates:
        if not rate.enumerated or rate.near_ties:
            at, low, high = x(rate.radius), y(rate.lower), y(rate.upper)
            parts.append(f'<path class="rate" d="M{at} {low}V{high}M{at - 4} {low}h8M{at - 4} {high}h8"/>')
        if rate.rate is not None:
            at, high = x(rate.radius), y(rate.rate)
            exact = rate.enumerated and not rate.near_ties
            square = f'<rect class="dot" x="{at - 4}" y="{high - 4}" width="8" height="8"/>'
            parts.append(square if exact else f'<circle class="dot" cx="{at}" cy="{high}" r="4"/>')
    threshold = rates[0].threshold
    if threshold is not None:
        at = y(threshold)
        parts.append(f'<line class="threshold" x1="{left}" x2="{right}" y1="{at}" y2="{at}"/>')
        below = at + 14 if threshold > 0.15 else at - 5
        parts.append(f'<text class="named" x="{right}" y="{below}" text-anchor="end">≥ {threshold!r}</text>')
    described = "; ".join(f"radius {r.radius}: {r.lower:.3f} to {r.upper:.3f}" for r in rates)
    return (
        f'<svg class="chart" viewBox="0 0 360 190" role="img" aria-label="stability rates: {described}">'
        f"{''.join(parts)}</svg>"
    )


def _ticks(first: int, last: int) -> list[int]:
    step = max(1, -(-(last - first) // 8))
    return list(range(first, last + 1, step))


def _path(segments: list[Segment]) -> str:
    return "".join(f"M{x0} {y0}H{x1}" if y0 == y1 else f"M{x0} {y0}V{y1}" for x0, y0, x1, y1 in segments)
