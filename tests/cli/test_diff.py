"""Two files of certificates: matching, what changed, the limit of lost ones, intervals, refusals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from stabcert.cli.commands.diff import EXAMPLES
from stabcert.core.curve.estimates import mean_of, paired_difference, share_of
from stabcert.core.statistics.means import difference_lower, difference_upper
from stabcert.report.record import load_schema
from tests.cli.diff_cases import Record, compared, failed, fixed, hard, ran, soft, write
from tests.doubles import Majority
from tests.known_model import call, loaded

VALIDATOR = jsonschema.Draft202012Validator(load_schema())


def changes(record: Record) -> list[tuple[str, str]]:
    return [(one["change"], (one["new"] or one["old"])["id"]) for one in record["result"]["inputs"]]


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        (soft("a"), soft("a"), "kept"),
        (soft("a"), soft("a", "undecided", lower=0.8), "lost"),
        (soft("a"), soft("a", "not-certified", lower=0.2), "lost"),
        (soft("a"), soft("a", label="anger"), "lost"),
        (soft("a", "undecided"), soft("a"), "gained"),
        (soft("a", "undecided"), soft("a", "not-certified"), "not-certified"),
        (soft("a"), soft("b", content="a"), "kept"),
        (soft("a"), soft("a", radius=5), "other-statement"),
        (soft("a"), soft("a", delta=0.05), "other-statement"),
        (soft("a"), soft("a", threshold=0.8), "other-statement"),
        (soft("a"), failed("a"), "failed"),
        (failed("a"), soft("a"), "failed"),
        (failed("a"), failed("a"), "failed"),
        (soft("a"), soft("a", "undecided", interrupted=True), "interrupted"),
        (soft("a"), soft("a", interrupted=True), "kept"),
        (fixed("a", 9), fixed("a", 4), "no-threshold"),
        (fixed("a", 9), fixed("a", 9, formulation="exactly"), "other-statement"),
        (hard("a", 2), hard("a", 1), "kept"),
        (hard("a", 2), hard("a", 0), "lost"),
        (hard("a", 0), hard("a", 0, everything=True), "gained"),
        (hard("a", 2, threshold=None), hard("a", 0, threshold=None), "no-threshold"),
        (hard("a", 2), hard("a", 2, threshold=2), "other-statement"),
    ],
)
def test_what_changed_for_an_input(tmp_path: Path, old: Record, new: Record, change: str) -> None:
    code, record = compared(tmp_path, [old], [new])
    assert (code, record["status"]) == (0, "reported")
    assert [one for one, _ in changes(record)] == [change]
    VALIDATOR.validate(record)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ([soft("a")], [soft("b")]),
        ([soft("a")], [soft("a", content="changed")]),
        ([soft("a")], [hard("a", 1)]),
        ([soft("a")], [failed("a", "certify-hard")]),
    ],
)
def test_records_of_other_inputs_and_commands_do_not_match(
    tmp_path: Path, old: list[Record], new: list[Record]
) -> None:
    _, record = compared(tmp_path, old, new)
    assert {one["change"] for one in record["result"]["inputs"]} == {"only-old", "only-new"}
    assert record["result"]["groups"] == []


def test_copies_and_statements_match_in_the_order_of_the_files(tmp_path: Path) -> None:
    """Each record is used once; equal statements come first, wherever they stand."""
    old = [soft("a", radius=4), soft("a", radius=5), soft("a", radius=4, lower=0.95)]
    new = [soft("a", radius=5, lower=0.91), soft("a", "undecided", radius=4), soft("a", radius=4), soft("a", radius=6)]
    _, record = compared(tmp_path, old, new)
    lines = [
        (one["change"], one["old"] and one["old"]["line"], one["new"] and one["new"]["line"])
        for one in record["result"]["inputs"]
    ]
    assert lines == [("lost", 1, 2), ("only-new", None, 4), ("kept", 2, 1), ("kept", 3, 3)]


def test_lost_inputs_are_first_and_the_rest_in_the_order_of_the_files(tmp_path: Path) -> None:
    names = ["k", "b", "g", "a"]
    old = [soft("k"), soft("b"), soft("g", "undecided"), soft("a")]
    new = [soft(name, "undecided" if name in "ab" else "certified") for name in reversed(names)]
    _, record = compared(tmp_path, old, new)
    assert changes(record) == [("lost", "b"), ("lost", "a"), ("gained", "g"), ("kept", "k")]


MISSING: dict[str, list[Record]] = {
    "lost": [soft("a"), soft("b", "undecided")],
    "another class": [soft("a"), soft("b", label="anger")],
    "failed": [soft("a"), failed("b")],
    "interrupted": [soft("a"), soft("b", "undecided", interrupted=True)],
    "another statement": [soft("a"), soft("b", radius=2)],
    "no record": [soft("a"), soft("c")],
    "another input": [soft("a"), soft("b", content="other")],
}


@pytest.mark.parametrize("reason", MISSING)
def test_a_certificate_is_missing_for_whatever_reason(tmp_path: Path, reason: str) -> None:
    old = [soft("a"), soft("b"), soft("d", "undecided")]
    new = [*MISSING[reason], soft("d", "not-certified")]
    for most, code, status in ((0, 1, "not-met"), (1, 0, "met")):
        ended, record = compared(tmp_path, old, new, "--max-lost", most)
        assert (ended, record["status"]) == (code, status)
        assert record["result"]["max_lost"] == {
            "threshold": most,
            "certified_before": 2,
            "missing": 1,
            "met": bool(most),
        }


def test_a_limit_without_thresholds_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path / "fixed.jsonl", [fixed("a", 9), failed("b")])
    code, out, err = ran(file, file, "--max-lost", 0)
    assert (code, out) == (2, "")
    assert "--max-lost needs certificates" in err


def test_intervals_are_those_of_their_definitions(tmp_path: Path) -> None:
    matches = [(9, 7, 1), (10, 4, 0), (3, 3, 2), (8, 9, 0)]
    old = [fixed(str(i), one) for i, (one, _, _) in enumerate(matches)]
    new = [fixed(str(i), one, near_ties=ties) for i, (_, one, ties) in enumerate(matches)]
    _, record = compared(tmp_path, old, new, "--delta", 0.2)
    (group,) = record["result"]["groups"]
    assert [one["quantity"] for one in group["measures"]] == ["proved rate", "rate"]
    rate = group["measures"][1]
    low = [(one - other) / 10 for other, one, _ in matches]
    high = [(one + ties - other) / 10 for other, one, ties in matches]
    assert rate["difference"]["mean"] == pytest.approx(sum(low) / 4)
    assert rate["difference"]["lower"] == pytest.approx(difference_lower(low, 0.1))
    assert rate["difference"]["upper"] == pytest.approx(difference_upper(high, 0.1))
    ends = [(one / 10, (one + ties) / 10) for _, one, ties in matches]
    assert rate["new"]["upper"] == mean_of(ends, 0.2).upper


def test_the_share_of_certified_inputs_has_an_exact_interval(tmp_path: Path) -> None:
    flags = [(True, False), (True, True), (False, True), (True, False), (False, False)]
    sides: list[list[Record]] = [
        [soft(str(i), "certified" if one[side] else "undecided") for i, one in enumerate(flags)] for side in (0, 1)
    ]
    _, record = compared(tmp_path, *sides)
    certified = record["result"]["groups"][0]["measures"][0]
    old, new = ([one[side] for one in flags] for side in (0, 1))
    assert certified["old"]["lower"] == share_of(old, 0.1).lower
    expected = paired_difference([(float(one),) * 2 for one in new], [(float(one),) * 2 for one in old], 0.1)
    assert certified["difference"] == {
        "mean": pytest.approx(-0.2),
        "lower": expected.lower,
        "upper": expected.upper,
    }


def test_no_rate_where_the_share_of_matches_is_biased(tmp_path: Path) -> None:
    for record in (soft("a"), fixed("a", 9, formulation="worst")):
        _, found = compared(tmp_path, [record], [record])
        assert "rate" not in {one["quantity"] for one in found["result"]["groups"][0]["measures"]}


def test_hard_radii_are_compared_as_shares(tmp_path: Path) -> None:
    """Two of four features are outside of the mask."""
    old, new = [hard("a", 1), hard("b", 2)], [hard("a", 0), hard("b", 0, everything=True)]
    _, record = compared(tmp_path, old, new)
    measures = {one["quantity"]: one for one in record["result"]["groups"][0]["measures"]}
    assert list(measures) == ["certified", "proved share", "proved removals"]
    assert (measures["proved share"]["old"]["mean"], measures["proved share"]["new"]["mean"]) == (0.75, 0.5)


def test_failed_inputs_and_other_statements_are_not_in_the_means(tmp_path: Path) -> None:
    old = [soft("a"), soft("b"), soft("c"), soft("d")]
    new = [soft("a"), failed("b"), soft("c", radius=9), soft("d", "undecided", interrupted=True)]
    _, record = compared(tmp_path, old, new)
    assert [group["inputs"] for group in record["result"]["groups"]] == [1]


def test_statements_have_their_own_means_and_repeated_inputs_are_counted(tmp_path: Path) -> None:
    records = [soft("a"), soft("b", radius=2), soft("a")]
    _, record = compared(tmp_path, records, records)
    assert [(one["inputs"], one["distinct"]) for one in record["result"]["groups"]] == [(2, 1), (1, 1)]
    out = ran(tmp_path / "old.jsonl", tmp_path / "new.jsonl")[1]
    assert "equal inputs are repeated (1 time)" in out
    assert "the intervals are not guaranteed" in out


def test_a_record_is_the_same_up_to_its_circumstances(tmp_path: Path) -> None:
    old, new = [soft("a"), soft("b")], [soft("b", "undecided"), soft("a")]
    first, second = (compared(tmp_path, old, new)[1] for _ in range(2))
    del first["run"], second["run"]
    assert first == second


def test_files_of_every_kind_are_read(tmp_path: Path) -> None:
    records = [soft("a"), soft("b", "undecided")]
    lines = write(tmp_path / "lines.jsonl", records)
    array, one = tmp_path / "array.json", tmp_path / "one.json"
    array.write_text(json.dumps(records, indent=1))
    one.write_text(json.dumps(records[0], indent=1))
    lined = write(tmp_path / "lined.json", records)
    for other, kept in ((array, 1), (one, 1), (lined, 1)):
        code, out, _ = ran(lines, other, "--json")
        assert (code, json.loads(out)["result"]["counts"]["kept"]) == (0, kept)
    code, out, _ = ran("-", lines, "--json", stdin=lines.read_text())
    assert (code, json.loads(out)["result"]["old"]["source"]) == (0, "standard input")


def test_a_parquet_file_is_read(tmp_path: Path) -> None:
    from stabcert.records.table import to_parquet

    records = [soft("a"), soft("b")]
    file = tmp_path / "records.parquet"
    file.write_bytes(to_parquet(json.dumps(one) for one in records))
    code, out, _ = ran(file, write(tmp_path / "lines.jsonl", records), "--json")
    assert (code, json.loads(out)["result"]["counts"]["kept"]) == (0, 2)


def test_a_screen_of_many_inputs_is_limited(tmp_path: Path) -> None:
    old, new = [soft(f"input {i}") for i in range(30)], [soft(f"input {i}", "undecided") for i in range(25)]
    files = write(tmp_path / "old.jsonl", old), write(tmp_path / "new.jsonl", [*new, *old[25:]])
    short, long = ran(*files)[1], ran(*files, "--all")[1]
    assert "not shown: 5 more and 5 unchanged" in short
    assert (short.count("  lost  "), long.count("  lost  ")) == (20, 25)
    assert long.count("  kept  ") == 5


def test_no_example_of_the_help_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = ran("--help")[1].splitlines()
    assert max(map(len, lines)) <= 80
    assert sum(line.startswith("   stabcert ") for line in lines) == len(EXAMPLES)
    assert all(any(line.strip() == example for line in lines) for example in EXAMPLES)


def test_what_users_wrote_is_shown_as_text(tmp_path: Path) -> None:
    name = "\x1b[31m<script>|@user"
    files = write(tmp_path / "old.jsonl", [soft(name)]), write(tmp_path / "new.jsonl", [soft(name, "undecided")])
    page = tmp_path / "page.html"
    screen, markdown = ran(*files, "--html", page)[1], ran(*files, "--format", "markdown")[1]
    assert "\x1b" not in screen + markdown + page.read_text("utf-8")
    assert "<script>" not in page.read_text("utf-8")
    assert "@user" not in markdown


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ({"schema": "stabcert/1", "command": "explain"}, "certify-soft --from FILE"),
        ({"schema": "stabcert/1", "command": "smooth-eval"}, "means over inputs"),
        ({"schema": "stabcert/1", "command": "diff"}, "the two files that were compared"),
        ({"schema": "stabcert/1", "command": ["x"]}, "names no command"),
        ({"schema": "stabcert/2", "command": "certify-soft"}, "schema stabcert/1"),
        ([1], "is not a record"),
        ({**soft("a"), "status": "perhaps"}, "status is 'perhaps'"),
        ({**soft("a"), "result": {}}, "result lacks"),
    ],
)
def test_other_lines_are_refused(tmp_path: Path, line: Any, message: str) -> None:
    good, bad = write(tmp_path / "good.jsonl", [soft("a")]), tmp_path / "bad.jsonl"
    bad.write_text(json.dumps(soft("a")) + "\n\n" + json.dumps(line) + "\n")
    code, out, err = ran(good, bad)
    assert (code, out) == (3, "")
    said = " ".join(err.split())
    assert f"{bad}, line 3" in said
    assert message in said


def _at(record: Record, value: Any, *path: str | int) -> Record:
    """The record with one value changed."""
    changed: Any = json.loads(json.dumps(record))
    place = changed
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return changed  # type: ignore[no-any-return]


NESTED: Any = []
for _ in range(700):
    NESTED = [NESTED]

HOSTILE = {
    "no samples": _at(fixed("a", 9), 0, "result", "rates", 0, "samples"),
    "more matches than samples": _at(fixed("a", 9), 10**400, "result", "rates", 0, "matches"),
    "more near ties than samples": _at(fixed("a", 9), 10**6, "result", "rates", 0, "near_ties"),
    "more features kept than there are": _at(hard("a", 1), 99, "explanation", "k"),
    "no feature outside of the mask": _at(
        _at(hard("a", 1), 4, "explanation", "k"), None, "result", "radius_decremental"
    ),
    "a radius beyond the features": hard("a", 10**9),
    "a setting that is nested": _at(soft("a"), NESTED, "explanation", "masking", "x"),
    "a name that is not Unicode": _at(soft("a"), "\ud800", "input", "id"),
    "a name of one class for two": _at(soft("a"), "\u202eanger", "explanation", "masked_prediction", "label"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_records_that_cannot_be_checked_do_no_harm(tmp_path: Path, name: str) -> None:
    """Either a comparison or a refusal, and no control character."""
    record = HOSTILE[name]
    old, new = write(tmp_path / "old.jsonl", [record]), write(tmp_path / "new.jsonl", [soft("a"), hard("a", 2), record])
    for files in ((old, old), (old, new), (new, old)):
        for options in ((), ("--json",), ("--format", "markdown"), ("--html", tmp_path / "page.html")):
            code, out, err = ran(*files, *options)
            assert (code, bool(out)) in ((0, True), (3, False)), err
            assert "bug" not in err
            assert not {"\u202e", "\ud800"} & set(out)
            if code == 0 and "--json" in options:
                VALIDATOR.validate(json.loads(out))


def test_a_record_that_contradicts_itself_is_refused(tmp_path: Path) -> None:
    with loaded(lambda _: Majority(5)):
        code, records, _ = call("certify-soft", "-t", "a b c d e", "--method", "random", "-k", 3, "-r", 1, "--json")
    assert code == 0
    good = write(tmp_path / "good.jsonl", records)
    assert ran(good, good)[0] == 0
    rate = records[0]["result"]["rates"][0]
    rate["lower"] = rate["rate"] = rate["upper"] = 0.5
    code, out, err = ran(good, write(tmp_path / "bad.jsonl", records))
    assert (code, out) == (3, "")
    assert "line 1 contradicts itself at result.rates" in " ".join(err.split())
