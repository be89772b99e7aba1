"""The layers of the package: who may import whom, and one name that nobody uses."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "stabcert"

MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "core": {"errors"},
    "models": {"core", "errors"},
    "explainers": {"core", "models", "errors"},
    "adapt": {"core", "models", "explainers", "errors"},
    "records": {"core", "errors"},
    "report": {"core", "records", "errors"},
    "verify": {"core", "records", "errors"},
    "presentation": {"core", "models", "records", "report", "errors"},
    "sweep": {"core", "models", "explainers", "records", "report", "verify", "errors"},
}
"""For each layer the layers under it, itself aside. The command line may import everything; nobody imports it."""

CORE_LIBRARIES = {"numpy", "scipy"}

RULE = (
    "the layers of stabcert are core <- models <- explainers <- adapt and core <- records <- report, and verify beside "
    "report; sweep may import these, "
    "the command line sits on top of all, and nothing imports it. core needs numpy and scipy alone. Move the code to "
    "the layer that may know what it needs, or pass the value in as an argument."
)


def imported_modules(tree: ast.Module, module: str) -> Iterator[tuple[int, str]]:
    """Line and absolute name of everything imported anywhere in a module, also inside of functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = module.split(".")[: -node.level]
                base = ".".join([*package, *([node.module] if node.module else [])])
            # "from stabcert import core" imports stabcert.core
            yield from ((node.lineno, f"{base}.{alias.name}" if base == "stabcert" else base) for alias in node.names)


def broken_imports(source: str, module: str) -> list[str]:
    """What a module of the package (dotted name, ``.__init__`` included) imports against the rule."""
    layer = module.split(".")[1]
    found = []
    for line, name in imported_modules(ast.parse(source), module):
        parts = name.split(".")
        if parts[0] == "stabcert":
            other = parts[1] if len(parts) > 1 else ""
            allowed = (
                layer in ("cli", "__main__")
                or other == layer
                or other in MAY_IMPORT.get(layer, MAY_IMPORT | {"": None})
            )
            if layer == "__init__":
                allowed = other != "cli"
            if not allowed:
                found.append(f"{module}, line {line}: imports {name}; {RULE}")
        elif layer in ("core", "errors") and parts[0] not in sys.stdlib_module_names | CORE_LIBRARIES:
            found.append(f"{module}, line {line}: imports {name}; {RULE}")
    return found


def uses_of_alpha(source: str, module: str) -> list[str]:
    """Places that name something of their own ``alpha``; keywords of library calls are not their own."""
    found = []
    for node in ast.walk(ast.parse(source)):
        name = ""
        match node:
            case ast.Name(id=name) | ast.arg(arg=name) | ast.Attribute(attr=name) | ast.FunctionDef(name=name):
                pass
            case ast.alias():
                name = node.asname or node.name
        if name.lower() == "alpha":
            line = getattr(node, "lineno", 0)
            found.append(
                f"{module}, line {line}: the name {name!r} says nothing: papers use alpha for masks, for failure "
                "probabilities and for opacity; say mask, delta or opacity"
            )
    return found


def circles(sources: dict[str, str]) -> list[tuple[str, ...]]:
    """Return each set of modules that import one another in a circle, also inside of functions and for types alone."""
    names = {name.removesuffix(".__init__"): name for name in sources}
    graph = {}
    for short, name in names.items():
        tree, found = ast.parse(sources[name]), set[str]()
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                # "from stabcert.cli import run" imports a module, "from stabcert.cli.run import Run" a name in one.
                found |= {f"{node.module}.{one.name}" for one in node.names} | {node.module}
        found |= {module for _, module in imported_modules(tree, name)}
        graph[short] = {module for module in found & names.keys() if module != short and not _inside(short, module)}
    reached = {name: _reached(graph, name) for name in graph}
    together = {name: sorted(other for other in found if name in reached[other]) for name, found in reached.items()}
    return sorted({tuple(sorted({name, *others})) for name, others in together.items() if others})


def _inside(module: str, package: str) -> bool:
    """Whether importing the package is a part of importing the module anyway."""
    return module.startswith(f"{package}.")


def _reached(graph: dict[str, set[str]], start: str) -> set[str]:
    found, rest = set[str](), list(graph[start])
    while rest:
        name = rest.pop()
        if name not in found:
            found.add(name)
            rest += graph[name]
    return found - {start}


RENDERERS = ("terminal", "markdown", "page", "svg", "figure", "sheet", "evidence", "github", "junit")
"""What shows a document, whatever it is about."""

MAY_RENDER = {
    *("bars", "canvas", "colours", "document", "halfblocks", "numbers", "screen", "sentence", "visible", "wording"),
    *("charts.area", "charts.axes", "charts.fonts"),
}
"""What renderers may import of report beside one another: nothing that knows a command."""


def renderers_that_know_a_command(source: str, module: str) -> list[str]:
    """What a renderer imports that it should be told of in a document, and any question which command it is."""
    if not any(f"{module}.".startswith(f"stabcert.report.{name}.") for name in RENDERERS):
        return []
    tree = ast.parse(source)
    found = [
        f"{module}, line {line}: a renderer knows blocks of a document and no command; it imports {name}"
        for line, name in imported_modules(tree, module)
        if name.startswith(("stabcert.report.", "stabcert.records"))
        and not any(f"{name}.".startswith(f"stabcert.report.{allowed}.") for allowed in (*RENDERERS, *MAY_RENDER))
    ]
    return found + [
        f"{module}, line {node.lineno}: a renderer knows blocks of a document; it asks for a command"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == "command"
    ]


def modules() -> list[tuple[str, str]]:
    paths = sorted(PACKAGE.rglob("*.py"))
    names = [".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts) for path in paths]
    return [(name, path.read_text(encoding="utf-8")) for name, path in zip(names, paths, strict=True)]


@pytest.mark.slow
def test_every_module_imports_only_layers_under_it() -> None:
    assert len(modules()) > 5
    assert [problem for name, source in modules() for problem in broken_imports(source, name)] == []


@pytest.mark.slow
def test_no_modules_import_one_another_in_a_circle() -> None:
    assert circles(dict(modules())) == []


@pytest.mark.parametrize(
    "back",
    [
        "from stabcert.cli.run import walk",
        "from stabcert.cli import run",
        "import stabcert.cli.run",
        "from .run import walk",
        "def f():\n    from stabcert.cli.run import walk",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from stabcert.cli.run import Run",
    ],
)
def test_a_planted_circle_is_found_wherever_the_import_stands(back: str) -> None:
    sources = {
        "stabcert.cli.__init__": "",
        "stabcert.cli.run": "from stabcert.cli.sinks import Sink",
        "stabcert.cli.sinks": "from stabcert.cli.files import Replacement",
        "stabcert.cli.files": back,
        "stabcert.cli.app": "from stabcert.cli.run import walk",
    }
    assert circles(sources) == [("stabcert.cli.files", "stabcert.cli.run", "stabcert.cli.sinks")]
    assert circles(sources | {"stabcert.cli.files": "import os"}) == []


def test_only_sinks_know_how_results_are_shown() -> None:
    """Neither the loop nor what is done with an input imports a renderer."""
    found = [
        (name, imported)
        for name, source in modules()
        if name.startswith("stabcert.cli.") and not name.startswith(("stabcert.cli.sinks.", "stabcert.cli.streams"))
        for _, imported in imported_modules(ast.parse(source), name)
        if imported.startswith("stabcert.report.") and imported.split(".")[2] in {*RENDERERS, "flips", "screen"}
    ]
    assert found == []


def test_no_renderer_knows_a_command() -> None:
    assert [problem for name, source in modules() for problem in renderers_that_know_a_command(source, name)] == []


@pytest.mark.parametrize(
    "source",
    [
        "from stabcert.report.says.soft import rates",
        "def f():\n    from stabcert.report.hard.finding import HardFinding",
        "from stabcert.report.charts.rates import rates_chart",
        "from stabcert.report.record import Report",
        "from stabcert.records.soft import SoftRecord",
        "if report.command == 'explain': ...",
    ],
)
def test_a_renderer_that_knows_a_command_is_found(source: str) -> None:
    assert len(renderers_that_know_a_command(source, "stabcert.report.page")) == 1
    assert renderers_that_know_a_command(source, "stabcert.report.says.soft") == []


def test_nothing_is_called_alpha() -> None:
    assert [problem for name, source in modules() for problem in uses_of_alpha(source, name)] == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("stabcert.core.soft.certify", "import torch"),
        ("stabcert.core.soft.certify", "def f():\n    from torch.nn import functional"),
        ("stabcert.core.soft.certify", "from stabcert.models import base"),
        ("stabcert.core.soft.certify", "from stabcert import models"),
        ("stabcert.core.soft.certify", "import stabcert.report.record"),
        ("stabcert.core.masks", "from ..models import base"),
        ("stabcert.core.masks", "from .. import explainers"),
        ("stabcert.core.soft.certify", "from stabcert import certify_soft"),
        ("stabcert.errors", "from stabcert.core import types"),
        ("stabcert.models.base", "from stabcert.explainers import explain"),
        ("stabcert.models.base", "from stabcert.report import record"),
        ("stabcert.explainers.lime", "from stabcert.report import record"),
        ("stabcert.explainers.lime", "from stabcert.adapt import masks"),
        ("stabcert.sweep.pool", "from stabcert.adapt import masks"),
        ("stabcert.adapt.adapt", "from stabcert.records.soft import SoftRecord"),
        ("stabcert.records.soft", "from stabcert.report.record import Report"),
        ("stabcert.records.soft", "from stabcert.cli import app"),
        ("stabcert.verify.soft", "from stabcert.report.record import Report"),
        ("stabcert.verify.pieces", "from stabcert.models.words import split_words"),
        ("stabcert.report.record", "from stabcert.verify.checks import Check"),
        ("stabcert.core.soft.certify", "from stabcert.records import soft"),
        ("stabcert.core.soft.certify", "import pydantic"),
        ("stabcert.models.base", "from stabcert.records.reading import parse_json"),
        ("stabcert.report.record", "from stabcert.models import base"),
        ("stabcert.report.record", "from stabcert.cli import app"),
        ("stabcert.report.record", "from stabcert.sweep.key import record_key"),
        ("stabcert.core.soft.certify", "from stabcert.sweep.key import record_key"),
        ("stabcert.sweep.pool", "from stabcert.cli.run import Run"),
        ("stabcert.__init__", "from stabcert.cli import app"),
        ("stabcert.__init__", "from .cli import app"),
    ],
)
def test_a_planted_import_against_the_rule_is_found_and_the_rule_is_explained(module: str, source: str) -> None:
    (problem,) = broken_imports(source, module)
    assert module in problem
    assert "Move the code" in problem


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("stabcert.core.soft.certify", "import math\nimport numpy as np\nfrom scipy import special"),
        (
            "stabcert.core.soft.certify",
            "from stabcert.core.statistics.bounds import x\nfrom stabcert.errors import y\nfrom .masks import z",
        ),
        ("stabcert.models.base", "import torch\nfrom stabcert.core.types import Mask\nfrom ..errors import ModelError"),
        ("stabcert.explainers.lime", "import captum\nfrom stabcert.models.base import ModelPredictor"),
        ("stabcert.records.soft", "import pydantic\nfrom stabcert.core.soft.certify import SoftCertificate"),
        ("stabcert.report.record", "import rich\nfrom stabcert.records.soft import SoftRecord"),
        ("stabcert.report.record", "import rich\nfrom stabcert.core.soft.certify import SoftCertificate"),
        ("stabcert.sweep.pool", "import ray\nfrom stabcert.report import record\nfrom stabcert.models import base"),
        ("stabcert.cli.app", "import stabcert\nfrom stabcert.report import record\nfrom stabcert.models import hub"),
        ("stabcert.__init__", "from stabcert.core.soft.certify import certify_soft\nfrom .models import hub"),
    ],
)
def test_imports_that_keep_the_rule_are_accepted(module: str, source: str) -> None:
    assert broken_imports(source, module) == []


@pytest.mark.parametrize(
    "source",
    ["alpha = 1", "def f(alpha): ...", "self.alpha = 2", "def alpha(): ...", "import x as alpha"],
)
def test_a_planted_alpha_is_found(source: str) -> None:
    assert len(uses_of_alpha(source, "stabcert.core.bad")) == 1


def test_alpha_as_a_keyword_of_a_library_call_and_words_that_contain_it_are_accepted() -> None:
    assert (
        uses_of_alpha(
            "axis.imshow(picture, alpha=0.5)\nalphabet = 'alpha'\nImage.alpha_composite(a, b)",
            "stabcert.report.figure",
        )
        == []
    )
