"""From what the draws of the commands are derived: another statement never looks at draws that are known already."""

from __future__ import annotations

import copy
import json
import re
from fractions import Fraction
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stabcert.cli.commands import certify_soft_work
from stabcert.cli.inputs import Item
from stabcert.cli.tasks import equal_before
from stabcert.core.hard.question import BernoulliQuestion
from stabcert.core.soft.certify import answer_soft
from stabcert.core.soft.question import SoftQuestion
from stabcert.core.streams import Draws, Stream, model_digest
from tests.cli.conftest import Run
from tests.cli.verify_cases import verify

pytestmark = pytest.mark.slow

GOLDEN = Path(__file__).parents[1] / "golden" / "records-before-stream-rules.jsonl"
DRAWS = Draws(0, "a" * 64, model_digest("b" * 64, "c" * 64, "demo:text"))
MASK = np.arange(12) < 3
REQUEST = {"radius": [4], "n_samples": 30, "min_rate": None, "delta": 0.1}


def _first(draws: Draws = DRAWS, stream: Stream = Stream.certificate, mask: Any = MASK, **request: Any) -> int:
    return int(draws.generator(stream, mask, {**REQUEST, **request}).integers(2**63))


def test_every_part_of_a_statement_changes_its_draws() -> None:
    model = DRAWS.model
    different = [
        _first(),
        _first(n_samples=40),
        _first(min_rate=0.9),
        _first(delta=0.05),
        _first(radius=[4, 5]),
        _first(mask=np.arange(12) < 4),
        _first(stream=Stream.bernoulli),
        _first(Draws(1, DRAWS.input_sha256, model)),
        _first(Draws(0, "d" * 64, model)),
        _first(Draws(0, DRAWS.input_sha256, model, copy=1)),
        _first(Draws(0, DRAWS.input_sha256, model_digest("d" * 64, "c" * 64, "demo:text"))),
        _first(Draws(0, DRAWS.input_sha256, model_digest("b" * 64, "d" * 64, "demo:text"))),
    ]
    assert all(one != other for one, other in combinations(different, 2))
    assert _first() == different[0]


def test_where_a_model_lies_changes_no_draws_unless_nothing_else_is_known_of_it() -> None:
    assert model_digest("b" * 64, None, "here") == model_digest("b" * 64, None, "there")
    assert model_digest(None, None, "here") != model_digest(None, None, "there")


def test_another_number_of_samples_or_threshold_is_another_draw_of_the_command(
    run: Run, bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one stream for all numbers of samples a bound for a fixed number is met at some number in 29% of cases."""
    first = []

    def certify(*arguments: Any, rng: np.random.Generator, **options: Any) -> Any:
        first.append(int(copy.deepcopy(rng).integers(2**63)))
        return answer_soft(*arguments, rng=rng, **options)

    monkeypatch.setattr(certify_soft_work, "answer_soft", certify)
    common = ("certify-soft", "-t", "the movie was not bad, a great film", "-m", bert, "--method", "random", "-r", 4)
    ways: list[tuple[Any, ...]] = [
        (),
        ("--n-samples", 34),
        ("--n-samples", 40),
        ("--n-samples", 40, "--min-rate", 0.1),
        ("--min-rate", 0.1),
        ("--min-rate", 0.2),
        ("--min-rate", 0.2, "--seed", 1),
        ("-k", 3),
    ]
    for options in ways:
        run(*common, *options)
    assert len(set(first)) == len(ways)
    run(*common, "--min-rate", 0.2, "--batch-size", 3)
    assert first[-1] == first[5]


def _matches(records: list[dict[str, Any]]) -> list[tuple[str, int, list[int]]]:
    return [
        (
            record["input"]["text"],
            record["result"]["copy"],
            [rate["matches"] for rate in record["result"]["lambdas"][0]["masks"][0]["rates"]],
        )
        for record in records
        if record["input"] is not None
    ]


def _listed(tmp_path: Path, texts: list[str]) -> Path:
    path = tmp_path / "list.jsonl"
    path.write_text("\n".join(json.dumps({"id": f"t{i}", "text": text}) for i, text in enumerate(texts)))
    return path


TEXT, OTHER = "the movie was not bad, a great film", "a great film, the movie was not bad"


@pytest.fixture
def smooth(tmp_path: Path, bert: Path) -> tuple[Any, ...]:
    """An unstable mask of 9 words, so that counts differ."""
    mask = tmp_path / "mask.json"
    mask.write_text(json.dumps([1, 0, 1, 0, 0, 0, 0, 0, 0]))
    return "-m", bert, "--mask", mask, "--lambdas", "1", "--radii", "3", "--n-samples", 30, "--json"


def test_equal_inputs_have_draws_of_their_own_and_keep_them_wherever_they_stand(
    run: Run, smooth: tuple[Any, ...], tmp_path: Path
) -> None:
    def evaluated(*texts: str) -> list[tuple[str, int, list[int]]]:
        return _matches(run("smooth-eval", "--inputs", _listed(tmp_path, list(texts)), *smooth).records)

    copies = evaluated(*[TEXT] * 12)
    assert [copy_ for _, copy_, _ in copies] == list(range(12))
    # A rate of about a half: 12 independent counts of 30 are equal with a chance below 1e-9.
    assert len({str(counts) for _, _, counts in copies}) > 3
    mixed = evaluated(OTHER, TEXT, TEXT, OTHER, TEXT)
    assert [one for one in mixed if one[0] == TEXT] == copies[:3]
    assert [copy_ for _, copy_, _ in mixed] == [0, 0, 1, 1, 2]


def test_parts_and_resumed_runs_have_the_draws_of_the_whole_list(
    run: Run, smooth: tuple[Any, ...], tmp_path: Path
) -> None:
    command = ("smooth-eval", "--inputs", _listed(tmp_path, [TEXT] * 5), *smooth)
    whole = _matches(run(*command).records)
    parts = [_matches(run(*command, "--shard", f"{i}/2").records) for i in (1, 2)]
    assert sorted(parts[0] + parts[1], key=str) == sorted(whole, key=str)
    journal = tmp_path / "journal.jsonl"
    run(*command, "-o", journal, "--limit", 2)
    run(*command, "-o", journal, "--resume")
    assert _matches([json.loads(line) for line in journal.read_text().splitlines()]) == whole
    # A copy that is put before the others takes the draws of the first: they are never counted twice.
    rows = [{"id": name, "text": TEXT} for name in ("new", "t0", "t1")]
    longer = tmp_path / "longer.jsonl"
    longer.write_text("\n".join(map(json.dumps, rows)))
    assert run("smooth-eval", "--inputs", longer, *smooth, "-o", journal, "--resume").code == 0
    records = [json.loads(line) for line in journal.read_text().splitlines()]
    assert {(one["input"]["id"], one["result"]["copy"]) for one in records if one["input"]} >= {
        ("new", 0),
        ("t0", 1),
        ("t1", 2),
    }


def test_equal_bytes_are_counted_over_the_whole_list_whatever_they_are_called(tmp_path: Path) -> None:
    first, second, third = (tmp_path / f"{name}.png" for name in "abc")
    first.write_bytes(b"1234")
    second.write_bytes(b"1234")
    third.write_bytes(b"4321")
    items = [
        Item("x", "text", text="good"),
        Item("a", "image", path=first),
        Item("y", "text", text="evil"),
        Item("z", "text", text="good"),
        Item("c", "image", path=third),
        Item("b", "image", path=second),
        Item("a", "image", path=first),
        Item("lost", "image", path=tmp_path / "lost.png"),
        Item("lost", "image", path=tmp_path / "lost.png"),
        Item("w", "text", text="good"),
    ]
    assert equal_before(items) == [0, 0, 0, 1, 0, 1, 2, 0, 0, 2]


def test_records_from_before_the_rule_still_stand() -> None:
    records = [json.loads(line) for line in GOLDEN.read_text(encoding="utf-8").splitlines()]
    for command in ("certify-soft", "certify-hard"):
        old = [record for record in records if record["command"] == command]
        assert old
        for fast in (False, True):
            code, found = verify(command, *old, fast=fast)
            assert [one["status"] for one in found] == ["stands"] * len(old)
            assert code == 0


def test_a_seed_that_somebody_chose_is_marked(run: Run, bert: Path) -> None:
    common = ("certify-soft", "-t", "a great film", "-m", bert, "--method", "random", "-k", 1)
    assert run(*common, "--json").record["run"]["default_seed"] is True
    assert "not the default" not in run(*common).stdout
    assert run(*common, "--json", "--seed", 54).record["run"]["default_seed"] is False
    assert "seed 54 (not the default)" in run(*common, "--seed", 54).stdout


@pytest.mark.parametrize(
    "command",
    [
        ("certify-soft", "-r", 3, "--n-samples", 40),
        ("certify-soft", "-r", 3, "--min-rate", 0.2),
        ("certify-hard", "--noise", "bernoulli", "-l", "1/16", "--n-samples", 400),
    ],
)
def test_a_family_shares_the_failure_probability(run: Run, bert: Path, command: tuple[Any, ...]) -> None:
    common = (*command, "-t", "the movie was not bad, a great film", "-m", bert, "--method", "random", "-k", 2)
    one, five = (run(*common, "--json", *options).record for options in ((), ("--family", 5)))
    assert one["result"]["delta"] == 0.1
    assert one["result"]["request"]["family"] == 1
    assert five["result"]["delta"] == 0.1 / 5
    assert (five["result"]["request"]["delta"], five["result"]["request"]["family"]) == (0.1, 5)
    said = " ".join(run(*common, "--family", 5).stdout.split())
    assert re.search("at most 5 certificates to choose from: .* at most 0.02", said)
    assert "to choose from" not in run(*common).stdout
    for fast in (False, True):
        assert verify(command[0], one, five, fast=fast)[0] == 0
        five["result"]["delta"] = 0.1
        assert verify(command[0], five, fast=fast)[0] == 1
        five["result"]["delta"] = 0.1 / 5


def test_a_search_over_k_may_be_one_of_a_family_too(run: Run, bert: Path) -> None:
    common = ("explain", "-t", "the movie was not bad, a great film", "-m", bert, "--method", "random")
    search = run(*common, "--until-stable", "--min-rate", 0.2, "--family", 4, "--json").record["result"]["until_stable"]
    assert (search["delta"], search["family"]) == (0.1 / 4, 4)


def test_certificates_of_equal_inputs_are_equal_and_stand(run: Run, bert: Path, tmp_path: Path) -> None:
    """A copy with draws of its own would be a second chance, and its record could not be made again."""
    mask = tmp_path / "mask.json"
    mask.write_text(json.dumps([1, 0, 1, 0, 0, 0, 0, 0, 0]))
    command = ("certify-soft", "-m", bert, "--mask", mask, "-r", 5, "--n-samples", 40, "--json")
    records = run(*command, "-t", TEXT, "-t", TEXT, "-t", TEXT).records
    assert all(record["result"] == records[0]["result"] for record in records)
    code, found = verify("certify-soft", *records)
    assert (code, {one["status"] for one in found}) == (0, {"stands"})


def test_more_samples_and_more_sizes_go_on_with_the_same_draws(
    run: Run, bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first: list[int] = []
    generator = Draws.generator

    def seen(self: Draws, *arguments: Any, **options: Any) -> np.random.Generator:
        made = generator(self, *arguments, **options)
        first.append(int(copy.deepcopy(made).integers(2**63)))
        return made

    monkeypatch.setattr(Draws, "generator", seen)
    common = ("-t", TEXT, "-m", bert, "--method", "random", "-r", 4, "--min-rate", 0.5)
    for limit in (40, 400):
        run("certify-soft", *common, "--max-samples", limit)
    assert len(first) == 2
    for options in ((), ("--max-samples", 400), ("-k", 5)):
        run("explain", *common, "--until-stable", "--allow-vacuous", *options)
    assert len(first) == 5
    assert first[0] == first[1]
    assert len(set(first[2:])) == 1


def test_one_statement_has_one_draw_however_its_radii_are_written() -> None:
    def of_draws(radius: Any, **arguments: Any) -> dict[str, Any]:
        return SoftQuestion(radius, min_rate=0.9, **arguments).of_draws(9)

    assert of_draws(3) == of_draws([3, 3]) == of_draws(3, simultaneous=False) == of_draws(3, largest_radius=True)
    assert of_draws([1, 2]) == of_draws([2, 1, 2]) != of_draws([1, 3])
    assert of_draws("all") == of_draws(range(1, 10)) != of_draws(range(1, 9))
    assert of_draws([1, 2]) != of_draws([1, 2], simultaneous=False)


def test_the_full_input_is_evaluated_under_the_draws_of_the_masked_input() -> None:
    def of_draws(**arguments: Any) -> dict[str, Any]:
        return BernoulliQuestion(Fraction(1, 8), **arguments).of_draws()

    assert of_draws() == of_draws(decremental=False) == of_draws(family=1)
    assert of_draws() != of_draws(family=2) != of_draws(delta=0.05)
    assert BernoulliQuestion(Fraction(1, 8), delta=0.1, family=2).share == 0.05
