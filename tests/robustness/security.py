"""Strangers' text on a terminal, in pictures and in pages; code and networks that nobody asked for."""

from __future__ import annotations

import json
import os
import re
import socket
import unicodedata
from collections.abc import Callable, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from typer.testing import CliRunner

from stabcert.cli.app import app
from tests.robustness.case import Build, Workshop, cases
from tests.robustness.workshop import SENTENCE, with_config

AREA = "security"

_ESCAPES = "\x1b[31mred\x1b[0m\x1b]0;title\x07\x9b2J"
_MARKUP = "[bold red]markup[/bold red] [link=https://example.org]x[/link]"
_HTML = '<script>alert(1)</script><img src=x onerror="alert(1)">'
_MATH = r"$\frac{1}{ $ and $x^2$"
_BACKWARDS = "safe\u202egnp.exe\u2066"
_SHORT = f"a \x1b[31m [b]x[/b] {_HTML} $x^2$ \u202e film"
HOSTILE = f"{_ESCAPES} {_MARKUP} {_HTML} {_MATH} {_BACKWARDS}"


def _labelled(shop: Workshop, model: str) -> str:
    names = {str(number): f"{HOSTILE} {number}" for number in range(3)}
    return with_config(model, "model", id2label=names, label2id={name: int(i) for i, name in names.items()})


def _hostile(command: str, *options: str) -> Build:
    """Hostile text, from a file with a hostile name, for a model with hostile class names."""

    def build(shop: Workshop) -> Sequence[object]:
        folder = Path("[bold]\x1b[31m$x_$\u202e")
        folder.mkdir()
        name = shop.write(f"{folder}/<b>&text.txt", _SHORT)
        return [command, name, "-m", _labelled(shop, shop.text_model), *options]

    return build


def _hostile_image(*options: str) -> Build:
    def build(shop: Workshop) -> Sequence[object]:
        from tests.models.tiny_images import picture

        name = "[bold]\x1b[31m$x_$<b>&photo.png"
        picture().save(name)
        return ["certify-soft", name, "-m", _labelled(shop, shop.image_model), "--method", "random", *options]

    return build


def _quiet_terminal(stdout: str, stderr: str) -> str:
    """Nothing that a terminal obeys, and no change of the direction of writing."""
    for character in f"{stdout}{stderr}".replace("\n", ""):
        assert unicodedata.category(character) != "Cc", hex(ord(character))
        assert character not in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069", hex(ord(character))
    return "nothing that a terminal obeys"


def _markup_is_text(stdout: str, stderr: str) -> str:
    assert "[bold red]markup[/bold red]" in stdout
    return f"{_quiet_terminal(stdout, stderr)}, markup as text"


class _Tags(HTMLParser):
    """Tags and attributes, as a browser reads them."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [(tag, name, value or "") for name, value in attrs] or [(tag, "", "")]


def _page(stdout: str, stderr: str) -> str:
    page = Path("page.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    tags = _Tags()
    tags.feed(page)
    for tag, name, value in tags.found:
        assert tag not in ("script", "iframe", "object", "embed", "link", "base", "form")
        assert not name.startswith("on")
        assert name not in ("src", "href") or value.startswith(("data:image/png;", "#"))
        assert value.count("url(") == value.count("url(#"), "only to what is drawn in the page itself"
    styles = re.findall(r"<style>.*?</style>", page, re.DOTALL)
    assert not any("url(" in style or "@import" in style for style in styles)
    assert "default-src 'none'" in page
    assert not any(character in page for character in "\x1b\x07\x9b\u202e\u2066")
    return "no script, nothing from elsewhere, a policy that forbids both"


def _drawing(stdout: str, stderr: str) -> str:
    drawing = Path("figure.svg").read_text(encoding="utf-8")
    for element in ElementTree.fromstring(drawing).iter():
        assert not str(element.tag).endswith(("script", "foreignObject"))
        assert not any(name.startswith("on") for name in element.attrib)
        assert all(value.startswith(("#", "data:")) for name, value in element.attrib.items() if name.endswith("href"))
    assert "\x1b" not in drawing
    return "drawn as text, not as formulas"


def _offline(build: Build) -> Build:
    """No connection can be made and no name looked up: an attempt fails the test."""

    def without_network(shop: Workshop) -> Sequence[object]:
        from huggingface_hub import constants

        def refuse(*arguments: Any, **options: Any) -> None:
            raise AssertionError("the network was used")

        arguments = build(shop)
        for owner, name in ((socket.socket, "connect"), (socket.socket, "connect_ex"), (socket.socket, "sendto")):
            shop.monkeypatch.setattr(owner, name, refuse)
        for name in ("getaddrinfo", "gethostbyname", "create_connection"):
            shop.monkeypatch.setattr(socket, name, refuse)
        shop.monkeypatch.delenv("HF_HUB_OFFLINE")
        shop.monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        return arguments

    return without_network


def _text(command: str, *options: str, model: str | None = None) -> Build:
    return lambda shop: [command, "-t", SENTENCE, "-m", model or shop.text_model, *options, "--json"]


def _labels(shop: Workshop) -> Sequence[object]:
    listing = shop.write("list.csv", "text,label\na great film,positive\n")
    options = ["--lambdas", "1,0.5", "--draws", "4", "--radii", "1", "--method", "random", "--offline"]
    return ["smooth-eval", "--inputs", listing, "-m", shop.text_model, *options, "--json"]


def _image(model: str | None, *options: str) -> Build:
    def build(shop: Workshop) -> Sequence[object]:
        from tests.models.tiny_images import picture

        picture().save("photo.png")
        return ["certify-soft", "photo.png", *([] if model is None else ["-m", model]), "--method", "random", *options]

    return build


def _trusting(shop: Workshop) -> Sequence[object]:
    """A model that would run code if it were trusted, named by a record."""
    arguments = ["explain", "-t", "a film", "-m", shop.text_model, "--method", "random", "--json"]
    record = json.loads(CliRunner().invoke(app, arguments).stdout)
    record["model"]["id"] = "model"
    model = with_config(shop.text_model, "model", model_type="mine", auto_map={"AutoConfig": "trap.Config"})
    shop.write(f"{model}/trap.py", "open('trapped', 'w')")
    return ["certify-soft", "--from", shop.write("record.jsonl", json.dumps(record)), "--json"]


def _not_trapped(stdout: str, stderr: str) -> str:
    assert not Path("trapped").exists()
    return "the code did not run"


def _as_given(stdout: str, stderr: str) -> str:
    (record,) = (json.loads(line) for line in stdout.splitlines())
    assert record["input"]["path"] == "folder/../review.txt"
    assert os.getcwd() not in stdout
    return "folder/../review.txt, and nothing of the machine"


def _somewhere(shop: Workshop) -> Sequence[object]:
    shop.write("folder/review.txt", SENTENCE)
    name = shop.write("folder/../review.txt", SENTENCE)
    return ["certify-soft", name, "-m", shop.text_model, "--method", "random", "--json"]


def _plain(*arguments: str) -> Build:
    return lambda shop: arguments


_QUIET: Callable[[str, str], str] = _quiet_terminal
_FAST = ("--method", "random", "-q")

CASES = cases(
    AREA,
    (
        "hostile text, file name and names of classes, on the screen",
        _hostile("explain", *_FAST),
        0,
        "kept",
        _markup_is_text,
    ),
    ("the same in a certificate", _hostile("certify-soft", *_FAST), 0, "kept", _QUIET),
    ("the same in a proof", _hostile("certify-hard", *_FAST), 0, "kept", _QUIET),
    ("the same in a spectrum", _hostile("fourier", *_FAST, "--features", "sentence"), 0, "kept", _QUIET),
    ("the same in records", _hostile("explain", *_FAST, "--json"), 0, "reported", _QUIET),
    ("the same on a page", _hostile("explain", *_FAST, "--html", "page.html"), 0, "kept", _page),
    ("the same on a page of a certificate", _hostile("certify-soft", *_FAST, "--html", "page.html"), 0, "kept", _page),
    ("the same on a page of a proof", _hostile("certify-hard", *_FAST, "--html", "page.html"), 0, "kept", _page),
    ("the same in a drawing, with formulas", _hostile("explain", *_FAST, "--plot", "figure.svg"), 0, "kept", _drawing),
    ("the same for an image, on a page", _hostile_image("-q", "--html", "page.html"), 0, "kept", _page),
    ("the same for an image, in a drawing", _hostile_image("-q", "--plot", "figure.svg"), 0, "kept", _drawing),
    (
        "a hostile name of a file that does not exist",
        _plain("explain", f"{_ESCAPES}{_MARKUP}.png"),
        3,
        "no such file: �[31mred",
        _QUIET,
    ),
    (
        "a hostile name of a class that does not exist",
        _text("explain", "--target", HOSTILE),
        2,
        "the model has no class",
        _QUIET,
    ),
    ("a hostile command", _plain(f"{_ESCAPES}{_MARKUP}"), 2, "No such command", _QUIET),
    ("a hostile option", _plain("explain", f"--{_ESCAPES}{_MARKUP}"), 2, "No such option", _QUIET),
    ("a hostile value of an option", _plain("explain", "--dtype", f"{_ESCAPES}{_MARKUP}"), 2, "float32", _QUIET),
    ("a hostile number", _plain("explain", "--limit", f"{_ESCAPES}{_MARKUP}"), 2, "--limit", _QUIET),
    (
        "a hostile name of a model",
        _plain("explain", "-t", "a", "-m", f"{_ESCAPES}{_MARKUP}"),
        3,
        "does not exist",
        _QUIET,
    ),
    ("a hostile method", _text("explain", "--method", f"{_ESCAPES}{_MARKUP}"), 2, "does not exist", _QUIET),
    (
        "a text of markup alone",
        lambda shop: ["explain", "-t", "[/] [bold] [/bold]", "-m", shop.text_model, *_FAST],
        0,
        "[/] [bold] [/bold]",
        _QUIET,
    ),
    ("paths in records", _somewhere, 0, "reported", _as_given),
    ("a record that names a model with code", _trusting, 3, "brings its own Python code", _not_trapped),
    (
        "no network: explain",
        _offline(_text("explain", "--offline", "--method", "lime,saliency", "--n-samples", "40")),
        0,
        "reported",
    ),
    ("no network: certify-soft", _offline(_text("certify-soft", "--offline", "--method", "random")), 0, "reported"),
    ("no network: certify-hard", _offline(_text("certify-hard", "--offline", "--method", "random")), 0, "reported"),
    ("no network: fourier", _offline(_text("fourier", "--offline", "--method", "random")), 0, "reported"),
    ("no network: smooth-eval", _offline(_labels), 0, "reported"),
    (
        "no network: a local directory, without --offline",
        _offline(_text("explain", "--method", "random")),
        0,
        "reported",
    ),
    (
        "no network: a local directory of images, without --offline",
        _offline(_image("image-model", "-q", "--json")),
        0,
        "reported",
    ),
    (
        "no network: the built-in model of texts",
        _offline(_text("explain", "--method", "random", model="demo:text")),
        0,
        "reported",
    ),
    (
        "no network: the built-in model of images",
        _offline(_image("demo:image", "-q", "-k", "40", "-r", "1", "--n-samples", "4", "--json")),
        0,
        "reported",
    ),
    (
        "no network: a model of the hub",
        _offline(_text("explain", "--offline", model="nobody/nothing")),
        3,
        "forbids a download",
    ),
    ("no network: a model of timm", _offline(_image("timm:resnet18", "--offline")), 3, "forbids a download"),
)
