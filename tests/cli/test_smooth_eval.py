"""The command ``smooth-eval``: records, what is said of all inputs, resumed and in parts, thresholds, errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from scipy.stats import beta

from stabcert.cli.certifying import Certifier
from stabcert.cli.commands import smooth_eval_work
from stabcert.core.statistics.means import mean_interval
from stabcert.errors import InputError
from tests.cli.conftest import VALIDATOR, Run, without_run
from tests.cli.pools import Backwards
from tests.core.helpers import difference_interval

SAMPLES = Path(__file__).parents[2] / "sample_inputs"
# The tiny model says "positive" of some masked versions of these, and "negative" of others.
TEXTS = [
    "not bad , not good",
    "a good bad great film , not not",
    "unbelievable movies",
    "xyz qrs 12 7",
    "the movie was not bad, a great film",
    "not good",
]
LABELS = ["positive", "negative", 1, "neutral", "negative", "positive"]
CHEAP = ["--lambdas", "1,0.5", "--radii", "1,2", "--draws", 8, "--n-samples", 3]


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    path = tmp_path / "texts.jsonl"
    rows = [
        {"id": f"t{i}", "text": text, "label": label} for i, (text, label) in enumerate(zip(TEXTS, LABELS, strict=True))
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


@pytest.fixture
def command(bert: Path, listed: Path) -> list[object]:
    return ["smooth-eval", "--inputs", listed, "-m", bert, "--method", "random", "-k", 2, *CHEAP]


@pytest.fixture
def fails(monkeypatch: pytest.MonkeyPatch) -> Callable[[set[str]], None]:
    """Makes inputs with these ids fail from now on."""
    one = Certifier._do

    def plant(ids: set[str]) -> None:
        def run(self: Certifier, task: Any, *arguments: Any) -> Any:
            if task.item.id in ids:
                raise InputError("planted")
            return one(self, task, *arguments)

        monkeypatch.setattr(Certifier, "_do", run)

    return plant


def records(path: Path) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in path.read_text().splitlines()]
    for record in found:
        VALIDATOR.validate(record)
    return [without_run(record) for record in found]


def clopper_pearson(flags: list[bool], delta: float = 0.1) -> list[float]:
    """The share of True, and its interval as textbooks have it."""
    n, k = len(flags), sum(flags)
    lower = 0.0 if k == 0 else beta.ppf(delta / 2, k, n - k + 1)
    upper = 1.0 if k == n else beta.ppf(1 - delta / 2, k + 1, n - k)
    return [k / n, float(lower), float(upper)]


def test_a_record_for_each_input_and_one_for_all(run: Run, command: list[object]) -> None:
    ran = run(*command, "--json", "-q")
    *inputs, summary = ran.records
    assert (ran.code, ran.stderr) == (0, "")
    assert [record["input"]["id"] for record in inputs] == [f"t{i}" for i in range(6)]
    assert [record["result"]["label"]["label"] for record in inputs] == [
        "positive", "negative", "neutral", "neutral", "negative", "positive",
    ]  # fmt: skip
    assert {record["status"] for record in [*inputs, summary]} == {"reported"}
    assert (summary["input"], summary["prediction"], summary["explanation"]) == (None, None, None)
    assert summary["run"]["evaluations"] == sum(record["run"]["evaluations"] for record in inputs)
    counts = {name: summary["result"][name] for name in ("inputs", "labelled", "failed", "methods")}
    assert counts == {"inputs": 6, "labelled": 6, "failed": 0, "methods": ["random"]}


def test_what_is_said_of_all_follows_from_the_lines_of_the_inputs(run: Run, command: list[object]) -> None:
    *inputs, summary = run(*command, "--json").records
    assert not any(one["near_tie"] for record in inputs for one in record["result"]["lambdas"]), "or count them"
    rates: dict[tuple[int, int], list[float]] = {}
    for i, level in enumerate(summary["result"]["lambdas"]):
        found = [record["result"]["lambdas"][i] for record in inputs]
        correct = [
            one["prediction"]["id"] == record["result"]["label"]["id"]
            for one, record in zip(found, inputs, strict=True)
        ]
        plain = [
            one["prediction"]["id"] == record["prediction"]["id"] for one, record in zip(found, inputs, strict=True)
        ]
        masks = [one["masks"][0] for one in found]
        consistent = [
            mask["masked_prediction"]["id"] == one["prediction"]["id"] for mask, one in zip(masks, found, strict=True)
        ]
        for name, flags in (("accuracy", correct), ("agreement", plain), ("consistency", consistent)):
            shown = [level[name], level[f"{name}_lower"], level[f"{name}_upper"]]
            assert shown == pytest.approx(clopper_pearson(flags), abs=1e-9)
        for j, rate in enumerate(level["rates"]):
            rates[i, j] = [mask["rates"][j]["matches"] / mask["rates"][j]["samples"] for mask in masks]
            assert rate["mean"] == pytest.approx(fmean(rates[i, j]))
            assert (rate["lower"], rate["upper"]) == mean_interval(rates[i, j], 0.1)
            certain = [mask["hard_radius"] >= min(rate["radius"], mask["n_free"]) for mask in masks]
            hard = level["hard_rates"][j]
            assert [hard["share"], hard["lower"], hard["upper"]] == pytest.approx(clopper_pearson(certain), abs=1e-9)
            sure = [
                right and one["decremental_radius"] >= min(rate["radius"], record["explanation"]["n"])
                for right, one, record in zip(correct, found, inputs, strict=True)
            ]
            assert level["certified_accuracy"][j]["share"] == fmean(sure)
    first, second = summary["result"]["lambdas"]
    assert first["differences"] is None
    for j, difference in enumerate(second["differences"]["rates"]):
        gained = [one - other for one, other in zip(rates[1, j], rates[0, j], strict=True)]
        assert difference["mean"] == pytest.approx(fmean(gained))
        assert (difference["lower"], difference["upper"]) == pytest.approx(difference_interval(gained, 0.1))


def test_lambda_1_is_the_model_itself(run: Run, command: list[object]) -> None:
    *inputs, summary = run(*command, "--json").records
    for record in inputs:
        plain = record["result"]["lambdas"][0]
        assert plain["prediction"]["id"] == record["prediction"]["id"]
        assert plain["masks"][0]["masked_prediction"]["id"] == record["explanation"]["masked_prediction"]["id"]
    assert summary["result"]["lambdas"][0]["agreement"] == 1.0


@pytest.mark.slow
def test_neither_order_nor_other_inputs_change_a_record(run: Run, command: list[object], listed: Path) -> None:
    *inputs, _ = run(*command, "--json").records
    listed.write_text("\n".join(reversed(listed.read_text().splitlines()[2:4])))
    *fewer, _ = run(*command, "--json").records
    assert [without_run(record) for record in fewer] == [without_run(inputs[3]), without_run(inputs[2])]


@pytest.mark.slow
def test_every_input_is_smoothed_with_the_noise_of_certify_soft(run: Run, command: list[object], bert: Path) -> None:
    """Frozen noise is one function for all inputs and commands: what certify-soft certifies is evaluated here."""
    *inputs, _ = run(*command, "--json").records
    smoothing = ("--smooth", 0.5, "--smooth-draws", 8, "--method", "random", "-k", 2)
    for i in (0, 3):
        other = run("certify-soft", "-t", TEXTS[i], "-m", bert, *smoothing, "--json").record
        one = inputs[i]["result"]["lambdas"][1]
        assert one["prediction"]["id"] == other["prediction"]["id"]
        assert one["masks"][0]["masked_prediction"]["id"] == other["explanation"]["masked_prediction"]["id"]


@pytest.mark.slow
def test_the_noise_does_not_depend_on_the_input(run: Run, bert: Path) -> None:
    """A single noise mask decides, so that another one would show."""
    same = [argument for spaces in range(6) for argument in ("-t", TEXTS[0] + " " * spaces)]
    settings = ["--method", "random", "-k", 2, "--lambdas", "0.8,0.7,0.6,0.5,0.4,0.3", "--draws", 1, "--n-samples", 1]
    *inputs, _ = run("smooth-eval", *same, "-m", bert, *settings, "--json").records
    assert len({record["input"]["sha256"] for record in inputs}) == 6
    said = {
        tuple(
            (one["prediction"]["id"], one["masks"][0]["masked_prediction"]["id"]) for one in record["result"]["lambdas"]
        )
        for record in inputs
    }
    assert len(said) == 1
    assert len(set(said.pop())) > 1, "the noise has to matter, or this proves nothing"


@pytest.mark.slow
def test_several_methods_are_evaluated_side_by_side(run: Run, command: list[object]) -> None:
    alone = run(*command, "--json").records
    both = run(*command[:-8], *CHEAP, "--method", "random,occlusion", "--json").records
    assert both[-1]["result"]["methods"] == ["random", "occlusion"]
    for one, other in zip(alone[:-1], both[:-1], strict=True):
        assert [mask["method"] for mask in other["result"]["masks"]] == ["random", "occlusion"]
        assert {len(mask["selected"]) for mask in other["result"]["masks"]} == {one["explanation"]["k"]}
        for level, wider in zip(one["result"]["lambdas"], other["result"]["lambdas"], strict=True):
            assert wider["masks"][0] == level["masks"][0]
    for level, wider in zip(alone[-1]["result"]["lambdas"], both[-1]["result"]["lambdas"], strict=True):
        assert wider["rates"] == level["rates"] == wider["methods"][0]["rates"]
        assert [one["method"] for one in wider["methods"]] == ["random", "occlusion"]


@pytest.mark.slow
def test_the_masks_are_those_of_explain(run: Run, command: list[object], bert: Path) -> None:
    one, *_ = run(*command[:-8], *CHEAP, "--method", "random,occlusion", "--seed", 3, "--json").records
    explained = run(
        "explain", "-t", TEXTS[0], "-m", bert, "--method", "random,occlusion", "-k", 2, "--seed", 3, "--json"
    )
    attributions = explained.record["result"]["attributions"]
    assert [mask["selected"] for mask in one["result"]["masks"]] == [found["selected"] for found in attributions]
    assert attributions[0]["selected"] != attributions[1]["selected"], "or this proves less"


@pytest.mark.slow
def test_masks_of_other_origin(run: Run, bert: Path, tmp_path: Path) -> None:
    explained = tmp_path / "explained.jsonl"
    texts = ["-t", TEXTS[1], "-t", TEXTS[3]]
    run("explain", *texts, "-m", bert, "--method", "occlusion", "-k", 2, "-o", explained)
    labels = tmp_path / "labels.csv"
    labels.write_text("id,label\ntext-1,negative\ntext-2,neutral\n")
    *inputs, summary = run("smooth-eval", "--from", explained, "--labels", labels, *CHEAP, "--json").records
    assert summary["result"]["methods"] == ["occlusion"]
    assert [record["result"]["label"]["label"] for record in inputs] == ["negative", "neutral"]
    run("explain", *texts, "-m", bert, "--method", "random", "-o", explained, "--append")
    ran = run("smooth-eval", "--from", explained, *CHEAP)
    assert (ran.code, "several methods (occlusion, random)" in ran.stderr) == (2, True)
    mask = tmp_path / "mask.json"
    mask.write_text("[1, 0, 1]")
    assert run("smooth-eval", "-t", "a great film", "-m", bert, "--mask", mask, *CHEAP, "--json").code == 0


@pytest.mark.slow
def test_without_labels_there_is_no_accuracy_and_the_user_is_told(
    run: Run, command: list[object], listed: Path
) -> None:
    rows = [json.loads(line) for line in listed.read_text().splitlines()]
    listed.write_text("\n".join(json.dumps({"id": row["id"], "text": row["text"]}) for row in rows))
    ran = run(*command, "--json")
    assert "no labels: " in ran.stderr
    level = ran.records[-1]["result"]["lambdas"][1]
    assert (level["accuracy"], level["accuracy_upper"], level["certified_accuracy"]) == (None, None, [])
    assert level["differences"]["accuracy"] is None
    ran = run(*command, "--min-accuracy", 0.5)
    assert (ran.code, "--min-accuracy needs labels" in ran.stderr) == (2, True)


@pytest.mark.slow
def test_folders_of_classes_and_photos(run: Run, tmp_path: Path) -> None:
    for name in ("castle", "macaw"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        (tmp_path / "photos" / name / "1.jpg").write_bytes((SAMPLES / f"{name}.jpg").read_bytes())
    page = tmp_path / "page.html"
    arguments = ["--features", "grid:3", "--method", "random", "--lambdas", "1,0.5", "--draws", 3, "--n-samples", 2]
    ran = run("smooth-eval", tmp_path / "photos", *arguments, "--json", "--html", page)
    *inputs, summary = ran.records
    assert [record["result"]["label"]["label"] for record in inputs] == ["castle", "macaw"]
    assert summary["result"]["lambdas"][0]["accuracy"] == 1.0
    assert page.read_text().count("data:image/png") == 2


def test_a_wrong_label_ends_the_run_before_the_first_attribution(
    run: Run, command: list[object], listed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed.write_text(listed.read_text().replace('"label": "neutral"', '"label": "meh"'))
    begun: list[None] = []
    monkeypatch.setattr(smooth_eval_work, "by_methods", lambda *_, **__: begun.append(None))
    ran = run(*command, "--json")
    assert (ran.code, ran.stdout, begun) == (3, "", [])
    assert "line 4: the model has no class 'meh'" in ran.stderr


@pytest.mark.slow
def test_a_wrong_label_is_one_failed_input_with_keep_going(run: Run, command: list[object], listed: Path) -> None:
    listed.write_text(listed.read_text().replace('"label": "neutral"', '"label": "meh"'))
    ran = run(*command, "--json", "--keep-going")
    assert ran.code == 4
    assert [record["status"] for record in ran.records] == ["reported"] * 3 + ["failed"] + ["reported"] * 3
    assert "line 4: the model has no class 'meh'" in ran.records[3]["error"]["message"]
    assert (ran.records[-1]["result"]["inputs"], ran.records[-1]["result"]["failed"]) == (5, 1)


@pytest.mark.slow
def test_missing_and_unreadable_files_are_named(run: Run, tmp_path: Path, picture: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no image")
    (tmp_path / "noise.png").write_bytes(picture.read_bytes())
    listed = tmp_path / "photos.csv"
    listed.write_text("path,label\nbroken.png,castle\ngone.jpg,castle\nnoise.png,castle\n")
    arguments = ["--features", "grid:2", "--method", "random", "--lambdas", "1", "--n-samples", 2, "--json"]
    ran = run("smooth-eval", "--inputs", listed, *arguments)
    assert (ran.code, ran.stdout) == (3, "")
    assert "no such file: gone.jpg" in ran.stderr
    ran = run("smooth-eval", "--inputs", listed, *arguments, "--keep-going")
    assert ran.code == 4
    assert [record["status"] for record in ran.records] == ["failed", "failed", "reported", "reported"]
    assert "Error: broken.png:" in ran.stderr
    assert ran.records[-1]["result"]["failed"] == 2


def test_where_everything_fails_nothing_is_said_of_all(
    run: Run, command: list[object], fails: Callable[[set[str]], None]
) -> None:
    fails({f"t{i}" for i in range(6)})
    ran = run(*command, "--json", "--keep-going")
    assert ran.code == 4
    assert [record["status"] for record in ran.records] == ["failed"] * 6


@pytest.mark.slow
def test_resumed_the_file_is_that_of_an_undisturbed_run(run: Run, command: list[object], tmp_path: Path) -> None:
    whole, part = tmp_path / "whole.jsonl", tmp_path / "part.jsonl"
    run(*command, "-o", whole)
    lines = whole.read_bytes().splitlines(keepends=True)
    for kept in (lines[:3], [*lines[:3], lines[3][:200]], lines[:6], [*lines[:6], lines[6][:500]], lines):
        part.write_bytes(b"".join(kept))
        assert run(*command, "-o", part, "--resume").code == 0
        assert records(part) == records(whole)


@pytest.mark.slow
def test_what_was_said_of_fewer_inputs_is_replaced(
    run: Run, command: list[object], tmp_path: Path, fails: Callable[[set[str]], None]
) -> None:
    whole, part = tmp_path / "whole.jsonl", tmp_path / "part.jsonl"
    run(*command, "-o", whole)
    fails({"t2"})
    assert run(*command, "-o", part, "--keep-going").code == 4
    assert records(part)[-1]["result"]["failed"] == 1
    fails(set())
    assert run(*command, "-o", part, "--resume").code == 0
    assert records(part) == records(whole)


@pytest.mark.slow
def test_what_was_said_of_more_inputs_stays(run: Run, command: list[object], tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    run(*command, "-o", output)
    before = records(output)
    for _ in range(2):
        run(*command, "-o", output, "--resume", "--limit", 2)
        said = [record["result"]["inputs"] for record in records(output) if record["input"] is None]
        assert said == [6, 2]
    assert [record for record in records(output) if record in before] == [*before[2:], *before[:2]]


@pytest.mark.slow
def test_shards_joined_and_resumed_say_what_one_run_says(run: Run, command: list[object], tmp_path: Path) -> None:
    whole, joined = tmp_path / "whole.jsonl", tmp_path / "joined.jsonl"
    run(*command, "-o", whole)
    for i in (2, 1):
        run(*command, "-o", joined, "--append", "--shard", f"{i}/2")
    assert [record["input"] is None for record in records(joined)] == [False] * 3 + [True] + [False] * 3 + [True]
    ran = run(*command, "-o", joined, "--resume")
    assert "6 of 6 inputs skipped" in ran.stderr
    assert records(joined) == records(whole)


@pytest.mark.slow
def test_another_delta_or_threshold_needs_no_input_again(run: Run, command: list[object], tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    run(*command, "-o", output)
    ran = run(*command, "-o", output, "--resume", "--delta", 0.01, "--min-rate", 0.99, "--json", "-q")
    assert (ran.code, len(ran.records)) == (1, 1)
    assert ran.record["result"]["delta"] == 0.01
    assert len(records(output)) == 8


@pytest.mark.slow
def test_another_label_is_another_record(run: Run, command: list[object], listed: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    run(*command, "-o", output)
    listed.write_text(listed.read_text().replace('"label": "neutral"', '"label": "negative"'))
    ran = run(*command, "-o", output, "--resume", "--json", "-q")
    assert [record["input"] and record["input"]["id"] for record in ran.records] == ["t3", None]


@pytest.mark.slow
def test_workers_that_finish_in_another_order_give_the_same_file(
    run: Run, command: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, output, page = tmp_path / "whole.jsonl", tmp_path / "out.jsonl", tmp_path / "page.html"
    run(*command, "-o", whole)
    monkeypatch.setattr("stabcert.sweep.pool.Pool", Backwards)
    ran = run(*command, "-o", output, "--html", page, "--workers", 2)
    assert ran.code == 0
    assert records(output) == records(whole)
    assert page.read_text().count('class="folded"') == 6


@pytest.mark.slow
@pytest.mark.parametrize(
    ("thresholds", "code", "status"),
    [
        (["--min-rate", 0.0], 0, "certified"),
        (["--min-rate", 1.0], 1, "undecided"),
        (["--min-accuracy", 0.0, "--min-rate", 0.0], 0, "certified"),
        (["--min-accuracy", 0.0, "--min-rate", 1.0], 1, "undecided"),
        (["--min-accuracy", 1.0], 1, "undecided"),
    ],
)
def test_thresholds_set_status_and_exit_code(
    run: Run, command: list[object], thresholds: list[object], code: int, status: str
) -> None:
    ran = run(*command, *thresholds, "--json")
    assert (ran.code, ran.records[-1]["status"]) == (code, status)
    assert {record["status"] for record in ran.records[:-1]} == {"reported"}


@pytest.mark.slow
def test_a_threshold_is_compared_with_the_smallest_lower_bound_unrounded(run: Run, command: list[object]) -> None:
    result = run(*command, "--json").records[-1]["result"]
    smallest = min(rate["lower"] for level in result["lambdas"] for rate in level["rates"])
    assert run(*command, "--min-rate", repr(smallest)).code == 0
    ran = run(*command, "--min-rate", repr(smallest + 1e-9))
    assert ran.code == 1
    assert f"the smallest lower bound is {smallest!r}" in ran.stdout


def test_the_screen_shows_tables_differences_and_cost(run: Run, command: list[object]) -> None:
    ran = run(*command)
    lines = ran.stdout.splitlines()
    assert sum(line.startswith('"') and ("right" in line or "WRONG" in line) for line in lines) == 6
    assert any(
        line.split() == ["lambda", "accuracy", "90%", "interval", "agreement", "90%", "interval"] for line in lines
    )
    assert any("differences to lambda 1" in line for line in lines)
    assert any("rate r=2" in line and ("higher" in line or "lower" in line or "none shown" in line) for line in lines)
    assert "evaluations" in lines[-1]
    assert "up to 72 evaluations" in ran.stderr


@pytest.mark.slow
def test_the_figure_is_of_all_inputs_however_many_and_also_of_a_resumed_run(
    run: Run, bert: Path, command: list[object], tmp_path: Path
) -> None:
    plot, output = tmp_path / "curve.png", tmp_path / "out.jsonl"
    texts = [argument for i in range(22) for argument in ("-t", f"film {i}")]
    settings = ["-m", bert, "--method", "random", "--lambdas", "1", "--radii", 1, "--n-samples", 1]
    assert run("smooth-eval", *texts, *settings, "--plot", plot).code == 0
    assert plot.read_bytes().startswith(b"\x89PNG")
    run(*command, "-o", output)
    plot.unlink()
    assert run(*command, "-o", output, "--resume", "--plot", plot).code == 0
    assert plot.read_bytes().startswith(b"\x89PNG")
    ran = run(*command, "-o", output, "--resume", "--html", tmp_path / "page.html")
    assert (ran.code, "Leave out --resume" in ran.stderr) == (2, True)


def test_models_of_two_kinds_are_not_summarised_together(run: Run, picture: Path) -> None:
    ran = run("smooth-eval", picture, "-t", "a film", *CHEAP)
    assert (ran.code, "2 models (demo:image, demo:text)" in ran.stderr) == (2, True)


def test_quantized_noise(run: Run, command: list[object]) -> None:
    *_, summary = run(*command, "--noise", "quantized", "--json").records
    assert (summary["result"]["noise"], summary["result"]["draws"]) == ("quantized", 8)
