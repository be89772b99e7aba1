"""Honest records of every kind of certificate, and ways to spoil them."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from stabcert.cli.app import app
from tests.cli.conftest import SENTENCE

Record = dict[str, Any]
Path_ = tuple[str | int, ...]

SOFT: dict[str, tuple[object, ...]] = {
    "enumerated": ("-r", 1),
    "fixed": ("-r", "3,7", "--n-samples", 40),
    "several radii": ("-r", "1:4", "--epsilon", 0.15, "--delta", 0.2),
    "per radius": ("-r", "3,4", "--n-samples", 30, "--per-radius", "--seed", 5),
    "hoeffding": ("-r", "3,4", "--n-samples", 30, "--interval", "hoeffding", "--min-rate", 0.1),
    "sequential": ("-r", "3,5", "--min-rate", 0.6),
    "allowed": ("-r", "3,5", "--min-rate", 0.6, "--allow-inconsistent", "--allow-vacuous"),
    "refuted": ("-r", 5, "--min-rate", 0.99),
    "largest radius": ("--min-rate", 0.3, "--largest-radius"),
    "exactly": ("-r", "2,4", "--n-samples", 20, "--formulation", "exactly"),
    "worst": ("-r", "2,4", "--n-samples", 20, "--formulation", "worst"),
    "worst, sequential": ("-r", "2,4", "--formulation", "worst", "--min-rate", 0.4),
    "smoothed": ("-r", 3, "--n-samples", 20, "--smooth", 0.75, "--smooth-draws", 8),
    "lambda chosen": ("-r", 3, "--n-samples", 20, "--smooth", "auto:0.9,3/4,1/4", "--smooth-draws", 16),
}
HARD: dict[str, tuple[object, ...]] = {
    "defaults": (),
    "votes alone": ("--refine", 0, "-l", "3/16", "--quantization", 16, "--enumerate", 0),
    "refined": ("--refine", 200, "-l", "7/16", "--quantization", 16),
    "attacked": ("--attack", 300, "-l", "7/16", "--quantization", 16, "--refine", 0, "--enumerate", 9),
    "sweep": ("--sweep", "--quantization", 16, "--min-radius", 2),
    "chosen": ("-l", "auto", "--quantization", 16, "--refine", 200),
    "bernoulli": ("--noise", "bernoulli", "-l", "1/16", "--n-samples", 300, "--delta", 0.05, "--min-radius", 1),
    "bernoulli, incremental": ("--noise", "bernoulli", "-l", 0.1, "--n-samples", 200, "--direction", "incremental"),
    "allowed": ("--sweep", "--quantization", 16, "--min-radius", 2, "--allow-vacuous"),
    "decremental": ("--direction", "decremental", "--quantization", 16, "--min-radius", 1),
    "incremental": ("--direction", "incremental", "--quantization", 16, "-l", 0.25),
    "probability": ("--scores", "probability", "--quantization", 16, "-l", 0.25),
    "checked": ("--quantization", 16, "-l", 0.25, "--check", "addition.json"),
}


def call(*arguments: object, stdin: str | None = None) -> tuple[int, str, str]:
    ran = CliRunner().invoke(app, [str(a) for a in arguments], input=stdin, catch_exceptions=False)
    return ran.exit_code, ran.stdout, ran.stderr


def make(command: str, bert: Path, folder: Path, *options: object, text: str = SENTENCE) -> Record:
    """An unstable mask, so that nothing is the same by chance."""
    mask, addition = folder / "mask.json", folder / "addition.json"
    mask.write_text(json.dumps([1, 0, 1, 0, 0, 0, 0, 0, 0]))
    addition.write_text(json.dumps([0, 1, 0, 0, 0, 0, 1, 0, 0]))
    options = tuple(addition if option == "addition.json" else option for option in options)
    code, out, err = call(command, "-t", text, "-m", bert, "--mask", mask, "--json", "-q", *options)
    assert code in (0, 1), err
    record: Record = json.loads(out)
    return record


def lines(*records: Record) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


def leaves(value: Any, path: Path_ = ()) -> Iterator[Path_]:
    """Paths of all values that are no objects and no lists, and of empty lists."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    inner = [leaf for key, part in parts for leaf in leaves(part, (*path, key))]
    yield from inner or [path]


def at(record: Record, path: Path_) -> Any:
    value: Any = record
    for step in path:
        value = value[step]
    return value


def changed(record: Record, path: Path_, value: Any) -> Record:
    again = copy.deepcopy(record)
    place: Any = at(again, path[:-1])
    place[path[-1]] = value
    return again


def other_values(value: Any) -> list[Any]:
    """Values that might stand there instead."""
    match value:
        case bool():
            return [not value, None]
        case int():
            return [value + 1, max(0, value - 1), 0, 10**9]
        case float():
            return [value + 1e-9, value - 1e-9, value / 2, 0.0, 1.0, 1]
        case str():
            return [f"{value}x", "certified", "not-certified", "undecided", "exactly", "15/64", "worst"]
        case None:
            return [0, 1, True, "certified", 0.5]
    return [None, [0]]


def verify(command: str, *records: Record, fast: bool = False) -> tuple[int, list[Record]]:
    """Exit code and what is said of each record."""
    options = ["--fast"] if fast else []
    code, out, err = call(command, "--verify", "-", "--json", *options, stdin=lines(*records))
    assert code in (0, 1), err
    return code, [json.loads(line) for line in out.splitlines()]
