"""No threshold is met for the wrong class, or for nothing: commands, their screens, records, reports and checks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from stabcert.core.types import Masks, Probs
from tests.cli.conftest import VALIDATOR, Run
from tests.cli.verify_cases import Record, lines
from tests.doubles import one_hot
from tests.known_model import loaded, write_mask

pytestmark = pytest.mark.slow

CORE, N = 6, 12
HARD: list[object] = ["certify-hard", "--min-radius", 1, "--quantization", 16, "--refine", 3000]
SOFT: list[object] = ["certify-soft", "-r", 1, "--min-rate", 0.9]
COMMANDS: dict[str, list[object]] = {
    "soft": SOFT,
    "soft, fixed": [*SOFT, "--epsilon", 0.2],
    "soft, largest radius": [*SOFT, "--largest-radius"],
    "soft, smoothed": [*SOFT, "--smooth", 0.9, "--smooth-draws", 16],
    "hard": [*HARD, "-l", "3/8"],
    "hard, incremental": [*HARD, "-l", "3/8", "--direction", "incremental"],
    "hard, probability": [*HARD, "-l", "3/8", "--scores", "probability"],
    "hard, sweep": [*HARD, "--sweep"],
    "hard, Bernoulli": ["certify-hard", "--min-radius", 1, "--noise", "bernoulli", "-l", 0.4, "--n-samples", 2000],
}
EXPLAIN: list[object] = ["explain", "--method", "occlusion", "--until-stable", "-r", 1, "--min-rate", 0.9]
FLAGS = {"inconsistent": "--allow-inconsistent", "vacuous": "--allow-vacuous"}


class Known:
    """Class ``full`` on masks with two or more features beside the first six; else ``masked``, or ``empty`` on none."""

    def __init__(self, empty: int, masked: int, full: int) -> None:
        self.n_features = N
        self.empty, self.masked, self.full = empty, masked, full

    def __call__(self, masks: Masks, /) -> Probs:
        few = np.where(masks.any(axis=1), self.masked, self.empty)
        return one_hot(np.where(masks[:, CORE:].sum(axis=1) >= 2, self.full, few), 3)


FUNCTIONS = {
    "certified": Known(0, 1, 1),
    "inconsistent": Known(0, 1, 2),
    "vacuous": Known(1, 1, 1),
}
BOTH = Known(1, 1, 2)


class Close(Known):
    """Like another, but ``tied(size)`` cannot be told from class 0."""

    decision_tolerance = 1e-3

    def __init__(self, size: int) -> None:
        super().__init__(0, 1, 1)
        self.size = size

    def __call__(self, masks: Masks, /) -> Probs:
        probs = super().__call__(masks)
        probs[masks.sum(axis=1) == self.size] = [0.5 - 1e-6, 0.5 + 1e-6, 0.0]
        return probs


@pytest.fixture
def mask(tmp_path: Path) -> list[object]:
    """The options for an input and the mask of the first six features."""
    return [
        "-t",
        "twelve words of which none is asked for by the function below",
        "--mask",
        write_mask(tmp_path, np.arange(N) < CORE),
    ]


def one(run: Run, *arguments: object) -> tuple[int, Record]:
    ran = run(*arguments, "--json", "-q")
    return ran.code, ran.record


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("status", FUNCTIONS)
def test_the_status_and_its_reason_are_everywhere(
    run: Run, mask: list[object], tmp_path: Path, name: str, status: str
) -> None:
    command, junit, page = [*COMMANDS[name], *mask], tmp_path / "j.xml", tmp_path / "p.html"
    reasons = {
        "certified": None,
        "inconsistent": "predicts one on the mask alone and two on the full input",
        "vacuous": "already predicts one on the empty input",
    }
    reason = reasons[status]
    with loaded(lambda text: FUNCTIONS[status], 3):
        code, record = one(run, *command)
        screen = run(*command, "--junit", junit, "--html", page, "-q")
        annotated = run(*command, "--format", "github", "-q")
        wanted = (0, "certified") if reason is None else (1, status)
        assert (code, record["status"]) == (screen.code, record["status"]) == (annotated.code, status) == wanted
        assert (record["explanation"]["consistent"], record["explanation"]["vacuous"]) == (
            status != "inconsistent",
            status == "vacuous",
        )
        request = record["result"]["request"]
        assert (request["allow_inconsistent"], request["allow_vacuous"]) == (False, False)
        smoothed = name == "soft, smoothed" or (name.startswith("hard") and name != "hard, Bernoulli")
        words = None if reason is None else f"{'the smoothed model' if smoothed else 'the model'} {reason}"
        assert record.get("reason") == words
        case = next(ElementTree.parse(junit).getroot().iter("testcase"))
        (summary,) = (line for line in annotated.stdout.splitlines() if "::notice" in line)
        assert summary.endswith(f"1 of 1 inputs: 1 {status}")
        if words is None:
            assert ("NOT certified" in screen.stdout, len(case), "::error" in annotated.stdout) == (False, 0, False)
        else:
            assert f"NOT certified: {status}: {words}; {FLAGS[status]} accepts it" in screen.stdout
            assert case[0].tag == "failure"
            assert (case[0].get("message") or "").startswith(f"{words}; the threshold itself is met: ")
            assert f"::{status}: {words}; the threshold itself is met: " in annotated.stdout
            assert f"NOT certified: {status}</span>" in page.read_text()
            assert f"NOT certified, {status}: {words}." in page.read_text()
        for fast in ([], ["--fast"]):
            checked = run(command[0], "--verify", "-", *fast, stdin=lines(record))
            assert (checked.code, "NOT VERIFIED" in checked.stdout) == (0, False), checked.stdout


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("status", FLAGS)
def test_what_is_allowed_is_certified_recorded_and_noted_by_verify(
    run: Run, mask: list[object], name: str, status: str
) -> None:
    command = [*COMMANDS[name], *mask]
    other = next(flag for flag in FLAGS.values() if flag != FLAGS[status])
    with loaded(lambda text: FUNCTIONS[status], 3):
        assert one(run, *command, other)[1]["status"] == status
        code, record = one(run, *command, FLAGS[status])
        assert (code, record["status"], "reason" in record) == (0, "certified", False)
        assert record["result"]["request"][f"allow_{status}"] is True
        assert "NOT certified" not in run(*command, FLAGS[status], "-q").stdout
        for fast in ([], ["--fast"]):
            checked = run(command[0], "--verify", "-", *fast, stdin=lines(record))
            assert checked.code == 0, checked.stdout
            assert (
                f"note: the mask is {status} and was certified all the same: {FLAGS[status]} was given"
                in checked.stdout
            )


@pytest.mark.parametrize("name", COMMANDS)
def test_a_record_that_claims_more_than_the_rule_allows_does_not_stand(run: Run, mask: list[object], name: str) -> None:
    """Forged: the status alone, what it rests on, or half of the request."""
    for status in FLAGS:
        with loaded(lambda text, status=status: FUNCTIONS[status], 3):  # type: ignore[misc]
            _, honest = one(run, *COMMANDS[name], *mask)
            for changes in (
                {"status": "certified"},
                {"status": "not-certified"},
                {"reason": "because"},
                {"reason": None},
                {"status": "certified", "reason": None},
                {"status": "certified", "reason": None, "consistent": True, "vacuous": False},
                {"consistent": None},
                {"vacuous": None},
                {"request": "allow_inconsistent"},
                {"request": "allow_vacuous"},
                {"status": "certified", "reason": None, "request": f"allow_{status}"},
            ):
                forged = _forged(honest, changes)
                for fast in ([], ["--fast"]):
                    if fast and (changes.get("consistent", 0) is None or changes.get("vacuous", 0) is None):
                        continue  # near ties cannot be known without the model, and count against the mask
                    checked = run(honest["command"], "--verify", "-", "--json", *fast, stdin=lines(forged))
                    assert checked.code == 1, (changes, checked.stdout)


def _forged(record: Record, changes: dict[str, Any]) -> Record:
    forged: Record = json.loads(json.dumps(record))
    for name, value in changes.items():
        if name == "request":
            del forged["result"]["request"][value]
        elif name in ("consistent", "vacuous"):
            forged["explanation"][name] = value
            if name in forged["result"]:
                forged["result"][name] = value
        elif value is None:
            del forged[name]
        else:
            forged[name] = value
    return forged


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("status", FUNCTIONS)
def test_records_from_before_the_rule_verify_as_before_with_a_note(
    run: Run, mask: list[object], name: str, status: str
) -> None:
    allow = [] if status == "certified" else [FLAGS[status]]
    with loaded(lambda text: FUNCTIONS[status], 3):
        _, record = one(run, *COMMANDS[name], *mask, *allow)
        for flag in ("allow_inconsistent", "allow_vacuous"):
            del record["result"]["request"][flag]
        record["result"].pop("vacuous", None)
        VALIDATOR.validate(record)
        for fast in ([], ["--fast"]):
            checked = run(record["command"], "--verify", "-", *fast, stdin=lines(record))
            assert checked.code == 0, checked.stdout
            note = f"note: the mask is {status} and was certified all the same: it is older than the rule against"
            assert (note in checked.stdout) == (status != "certified")
            refused = record | {"status": "inconsistent", "reason": "because"}
            assert run(record["command"], "--verify", "-", *fast, stdin=lines(refused)).code == 1


@pytest.mark.parametrize("name", COMMANDS)
def test_the_wrong_class_comes_before_nothing(run: Run, mask: list[object], name: str) -> None:
    with loaded(lambda text: BOTH, 3):
        statuses = [
            one(run, *COMMANDS[name], *mask, *allow)[1]["status"]
            for allow in ([], ["--allow-inconsistent"], ["--allow-vacuous"], list(FLAGS.values()))
        ]
    assert statuses == ["inconsistent", "vacuous", "inconsistent", "certified"]


@pytest.mark.parametrize(("size", "status"), [(N, "inconsistent"), (0, "vacuous")])
def test_a_near_tie_of_the_full_or_of_the_empty_input_counts_against_the_mask(
    run: Run, mask: list[object], size: int, status: str
) -> None:
    for name in ("soft", "hard", "hard, Bernoulli"):
        if (name, size) != ("soft", N) and size == N:
            continue  # noise leaves no input full
        with loaded(lambda text: Close(size), 3):
            code, record = one(run, *COMMANDS[name], *mask)
            assert (code, record["status"]) == (1, status), name
            assert record["explanation"]["consistent" if size else "vacuous"] is None
            assert record["reason"].endswith("too close to call")
            assert f"NOT certified: {status}: {record['reason']}" in run(*COMMANDS[name], *mask, "-q").stdout
            for fast in ([], ["--fast"]):
                assert run(record["command"], "--verify", "-", *fast, stdin=lines(record)).code == 0
                claims = record | {"status": "certified"}
                del claims["reason"]
                assert run(record["command"], "--verify", "-", *fast, stdin=lines(claims)).code == 1
            assert one(run, *COMMANDS[name], *mask, FLAGS[status])[1]["status"] == "certified"


def test_a_missed_threshold_stays_a_missed_threshold(run: Run, mask: list[object]) -> None:
    with loaded(lambda text: BOTH, 3):
        code, record = one(run, "certify-soft", "-r", 6, "--min-rate", 0.9, *mask)
        assert (code, record["status"], "reason" in record) == (1, "not-certified", False)
        code, record = one(run, *COMMANDS["hard"], "--min-radius", 6, *mask)
        assert (code, record["status"], "reason" in record) == (1, "not-certified", False)


@pytest.mark.parametrize("command", [["certify-soft", "-r", 1], ["certify-hard", "-l", "3/8", "--refine", 0]])
def test_without_a_threshold_the_flags_are_shown_and_nothing_more(
    run: Run, mask: list[object], command: list[object]
) -> None:
    with loaded(lambda text: BOTH, 3):
        code, record = one(run, *command, *mask)
        assert (code, record["status"], "reason" in record) == (0, "reported", False)
        assert (record["explanation"]["consistent"], record["explanation"]["vacuous"]) == (False, True)
        screen = run(*command, *mask, "-q").stdout
        assert ("NOT consistent" in screen, "note: vacuous" in screen, "NOT certified" in screen) == (True, True, False)
        for flag in FLAGS.values():
            refused = run(*command, *mask, flag)
            assert (refused.code, f"{flag} without --min-" in refused.stderr) == (2, True)


def test_until_stable_takes_no_vacuous_mask_for_an_answer(run: Run, tmp_path: Path) -> None:
    command = [*EXPLAIN, "-t", "some text"]
    with loaded(lambda text: FUNCTIONS["vacuous"], 3):
        code, record = one(run, *command)
        search = record["result"]["until_stable"]
        assert (code, record["status"], search["k"], search["tested"]) == (1, "vacuous", None, [])
        assert record["reason"] == "the model already predicts one on the empty input"
        assert search["allow_vacuous"] is False
        screen = run(*command, "--junit", tmp_path / "j.xml", "--html", tmp_path / "p.html", "-q")
        assert screen.code == 1
        assert f"NOT certified: vacuous: {record['reason']}; --allow-vacuous accepts it" in screen.stdout
        case = next(ElementTree.parse(tmp_path / "j.xml").getroot().iter("testcase"))
        assert (case[0].tag, case[0].get("message")) == ("failure", record["reason"])
        assert "NOT certified: vacuous</span>" in (tmp_path / "p.html").read_text()
        assert f"::vacuous: {record['reason']}%0A" in run(*command, "--format", "github").stdout
        code, record = one(run, *command, "--allow-vacuous")
        assert (code, record["status"], record["result"]["until_stable"]["k"]) == (0, "certified", 1)
        assert (record["explanation"]["vacuous"], record["result"]["until_stable"]["allow_vacuous"]) == (True, True)
        alone = run("explain", "-t", "some text", "--method", "random", "--allow-vacuous")
        assert (alone.code, "--allow-vacuous without --until-stable" in alone.stderr) == (2, True)
    with loaded(lambda text: FUNCTIONS["certified"], 3):
        code, record = one(run, *command)
        assert (code, record["status"], record["explanation"]["vacuous"]) == (0, "certified", False)
    with loaded(lambda text: Close(0), 3):
        code, record = one(run, *command)
        assert (code, record["status"]) == (1, "vacuous")
        assert record["reason"] == "whether the model already predicts one on the empty input is too close to call"


def test_a_bernoulli_radius_upwards_alone_cannot_tell_and_is_refused(run: Run, mask: list[object]) -> None:
    command = [*COMMANDS["hard, Bernoulli"], *mask, "--direction", "incremental"]
    with loaded(lambda text: FUNCTIONS["certified"], 3):
        refused = run(*command)
        assert (refused.code, "add --allow-inconsistent" in refused.stderr) == (2, True)
        code, record = one(run, *command, "--allow-inconsistent")
        assert (code, record["status"], record["result"]["consistent"]) == (0, "certified", None)


def test_a_threshold_in_a_configuration_file_follows_the_rule(run: Run, mask: list[object], tmp_path: Path) -> None:
    config = tmp_path / "stabcert.toml"
    with loaded(lambda text: FUNCTIONS["vacuous"], 3):
        for more, status in (("", "vacuous"), ("allow-vacuous = true\n", "certified")):
            config.write_text(f"[certify-soft]\nradius = 1\nmin-rate = 0.9\n{more}")
            code, record = one(run, "certify-soft", "--config", config, *mask)
            assert (code, record["status"]) == (int(status != "certified"), status)


def test_another_rule_is_another_request(run: Run, mask: list[object], tmp_path: Path) -> None:
    """A record that was certified with leave is not taken for one that was not."""
    command = [*COMMANDS["soft"], *mask, "-o", tmp_path / "r.jsonl", "--resume", "-q"]
    with loaded(lambda text: FUNCTIONS["vacuous"], 3):
        assert [run(*command, *more).code for more in (["--allow-vacuous"], ["--allow-vacuous"], [], [])] == [
            0,
            0,
            1,
            1,
        ]
    records = [json.loads(line) for line in (tmp_path / "r.jsonl").read_text().splitlines()]
    assert sorted(record["status"] for record in records) == ["certified", "vacuous"]
