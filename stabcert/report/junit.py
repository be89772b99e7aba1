"""Results as JUnit XML, which most services for continuous integration can show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from xml.etree import ElementTree

from stabcert.report.visible import visible

Outcome = Literal["passed", "failure", "error", "skipped"]


@dataclass(frozen=True)
class TestCase:
    """One input."""

    name: str
    outcome: Outcome
    message: str
    """Finding of the case; not shown for a case that passed."""
    details: str = ""
    seconds: float = 0.0
    file: str | None = None
    line: int | None = None


def junit(command: str, cases: Sequence[TestCase]) -> bytes:
    """Return the whole file."""
    counts = {name: sum(case.outcome == name for case in cases) for name in ("failure", "error", "skipped")}
    totals = {
        "name": f"stabcert {command}",
        "tests": str(len(cases)),
        "failures": str(counts["failure"]),
        "errors": str(counts["error"]),
        "skipped": str(counts["skipped"]),
        "time": f"{sum(case.seconds for case in cases):.3f}",
    }
    root = ElementTree.Element("testsuites", totals)
    suite = ElementTree.SubElement(root, "testsuite", totals)
    for case in cases:
        where = {} if case.file is None else {"file": visible(case.file)}
        where |= {} if case.line is None else {"line": str(case.line)}
        found = {"classname": f"stabcert.{command}", "name": visible(case.name), "time": f"{case.seconds:.3f}"}
        element = ElementTree.SubElement(suite, "testcase", found | where)
        if case.outcome != "passed":
            problem = ElementTree.SubElement(element, case.outcome, {"message": visible(case.message)})
            problem.text = "\n".join(visible(line) for line in case.details.split("\n")) or None
    ElementTree.indent(root)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"
