"""Pairs of texts from the command line to records, screens and pages, and what is refused."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from stabcert.cli.inputs import Item, collect
from stabcert.cli.options import InputOptions
from stabcert.cli.pairs import explained_side
from stabcert.core.streams import model_digest
from stabcert.errors import InputError, ParameterError
from stabcert.models.predictors import load_predictor
from tests.cli.conftest import Run
from tests.tiny_models import save, tiny_network
from tests.tiny_tokenizers import wordpiece_tokenizer

FIRST, SECOND = "Is the film good?", "The film was great."
PAIR = ("-t", FIRST, "--text-pair", SECOND)
QUICK = ("--method", "occlusion", "-k", 3)


def records(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def explained(run: Run, bert: Path, *options: object) -> dict[str, Any]:
    ran = run("explain", "-m", bert, *options, *QUICK, "--json", "-q")
    assert ran.code == 0, ran.stderr
    return records(ran.stdout)[0]


def listed(path: Path, *rows: dict[str, Any]) -> list[Item]:
    with path.open("w", newline="") as file:
        if path.suffix == ".csv":
            writer = csv.DictWriter(file, list(dict.fromkeys(name for row in rows for name in row)))
            writer.writeheader()
            writer.writerows(rows)
        else:
            file.write("\n".join(json.dumps(row) for row in rows))
    return collect(InputOptions(inputs_file=path))


def test_the_record_has_both_texts_their_hashes_and_the_side_of_each_word(run: Run, bert: Path) -> None:
    record = explained(run, bert, *PAIR)
    info, features = record["input"], record["explanation"]["features"]
    assert (info["text"], info["text_pair"]) == (FIRST, SECOND)
    assert info["sha256"] == hashlib.sha256(FIRST.encode() + b"\xff" + SECOND.encode()).hexdigest()
    assert info["text_sha256"] == hashlib.sha256(FIRST.encode()).hexdigest()
    assert info["text_pair_sha256"] == hashlib.sha256(SECOND.encode()).hexdigest()
    texts = {"first": FIRST, "second": SECOND}
    assert [one["side"] for one in features] == ["first"] * 5 + ["second"] * 5
    assert all(texts[one["side"]][one["start"] : one["end"]] == one["text"] for one in features)
    assert record["explanation"]["masking"]["explain_side"] == "both"


@pytest.mark.slow
def test_another_division_of_the_same_words_is_another_input(run: Run, bert: Path) -> None:
    whole = explained(run, bert, "-t", "a good film is good")
    pairs = [
        explained(run, bert, "-t", first, "--text-pair", second)
        for first, second in (("a good film", "is good"), ("a good", "film is good"), ("is good", "a good film"))
    ]
    assert len({one["input"]["sha256"] for one in [whole, *pairs]}) == 4
    assert {"text_pair", "text_sha256", "text_pair_sha256"} & whole["input"].keys() == set()
    assert all("side" not in one for one in whole["explanation"]["features"])


@pytest.mark.slow
def test_the_side_enters_the_key_and_the_draws(run: Run, bert: Path) -> None:
    # Both sides have as many words, so that only the side tells the requests apart.
    options = ("-m", bert, *PAIR, "--method", "random", "-k", 2, "-r", 2, "--n-samples", 2, "--json", "-q")
    found = [
        records(run("certify-soft", *options, *more).stdout)[0]
        for more in (("--explain-side", "first"), ("--explain-side", "second"), ("--explain-side", "both"), ())
    ]
    assert len({one["key"] for one in found}) == 3
    assert found[2]["key"] == found[3]["key"]
    assert [one["explanation"]["n"] for one in found] == [5, 5, 10, 10]


def test_only_a_side_that_is_always_kept_changes_the_draws() -> None:
    digests = [
        model_digest("a", "b", "c", explained_side({} if side is None else {"explain_side": side}))
        for side in (None, "both", "first", "second")
    ]
    assert digests[0] == digests[1] == model_digest("a", "b", "c")
    assert len(set(digests)) == 3


def test_the_library_has_pairs_by_one_argument(bert: Path, picture: Path) -> None:
    predictor = load_predictor(str(bert), FIRST, text_pair=["One film.", "Bad."], features="passage")
    assert [(one.side, one.label) for one in predictor.features.items] == [
        ("first", FIRST),
        ("second", "One film."),
        ("second", "Bad."),
    ]
    one_side = load_predictor(str(bert), FIRST, text_pair=SECOND, explain_side="second")
    assert one_side.n_features == 5
    with pytest.raises(ParameterError, match="explain_side needs a pair of texts"):
        load_predictor(str(bert), FIRST, explain_side="second")
    with pytest.raises(InputError, match="demo:image does not classify pairs of texts"):
        load_predictor("demo:image", str(picture), text_pair=SECOND)


def test_rows_of_lists_are_pairs(tmp_path: Path) -> None:
    (tmp_path / "film.txt").write_text("A film.\n")
    for suffix in (".jsonl", ".csv"):
        (item,) = listed(tmp_path / f"list{suffix}", {"id": "a", "text": FIRST, "text_pair": SECOND, "label": "x"})
        assert (item.text, item.text_pair, item.problem) == (FIRST, SECOND, None)
        assert item.read() == FIRST.encode() + b"\xff" + SECOND.encode()
    (item,) = listed(tmp_path / "paths.jsonl", {"path": "film.txt", "Text_Pair": SECOND})
    assert (item.text, item.text_pair, item.problem) == ("A film.", SECOND, None)
    (item,) = listed(tmp_path / "passages.jsonl", {"text": FIRST, "text_pair": ["One.", "Two."]})
    assert (item.text_pair, item.problem) == ("One.\n\nTwo.", None)
    (item,) = listed(tmp_path / "null.jsonl", {"text": FIRST, "text_pair": None})
    assert (item.text_pair, item.problem) == (None, None)


@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
@pytest.mark.parametrize("second", ["", " \t"])
def test_an_empty_second_text_of_a_list_is_refused(tmp_path: Path, suffix: str, second: str) -> None:
    (item,) = listed(tmp_path / f"list{suffix}", {"text": FIRST, "text_pair": second})
    assert "the field 'text_pair' is empty" in str(item.problem)


def test_a_second_text_that_is_not_one_is_refused(tmp_path: Path, picture: Path) -> None:
    (item,) = listed(tmp_path / "list.jsonl", {"text": FIRST, "text_pair": 7})
    assert "'text_pair' must be text, got 7" in str(item.problem)
    (item,) = listed(tmp_path / "images.jsonl", {"path": str(picture), "text_pair": SECOND})
    assert "is an image" in str(item.problem)
    (item,) = listed(tmp_path / "other.jsonl", {"text": FIRST, "text_pair": SECOND, "context": "a b c d e"})
    assert "'context' looks like input" in str(item.problem)
    path = tmp_path / "short.csv"
    path.write_text("text,text_pair\na film,a film\na film\n")
    assert "the field 'text_pair' is empty" in str(collect(InputOptions(inputs_file=path))[1].problem)


@pytest.mark.slow
def test_both_texts_are_shown_with_their_side(run: Run, bert: Path, tmp_path: Path) -> None:
    options = ("-m", bert, *PAIR, *QUICK)
    ran = run("explain", *options, "--html", tmp_path / "page.html", "--plot", tmp_path / "figure.png")
    assert ran.code == 0, ran.stderr
    assert '"Is the film good?" + "The film was great."' in ran.stdout
    lines = [line.strip() for line in ran.stdout.splitlines()]
    shown = [line for line in lines if line.startswith(("first: ", "second: "))]
    plain = [line.replace("[", "").replace("]", "") for line in shown]
    assert plain == [f"first: {FIRST}", f"second: {SECOND}"]
    assert sum(line.count("[") for line in shown) == 3
    page = (tmp_path / "page.html").read_text("utf-8")
    assert page.count(">first:<") == page.count(">second:<") == 1
    ran = run("explain", *options, "--format", "markdown", "--explain-side", "second")
    assert f"> **first, always kept:** {FIRST}" in ran.stdout
    assert "> **second:** " in ran.stdout
    assert ran.stdout.count("\\[") == 3


@pytest.mark.slow
def test_a_test_report_and_flips_name_the_sides(run: Run, bert: Path, tmp_path: Path) -> None:
    folder = tmp_path / "flips"
    mask = tmp_path / "mask.json"
    mask.write_text(json.dumps([1, 0, 0, 0, 0, 0, 1, 0, 0, 0]))
    options = (
        "-m",
        bert,
        *PAIR,
        "--mask",
        mask,
        "-r",
        4,
        "--min-rate",
        0.999,
        "--n-samples",
        200,
        "--save-flips",
        folder,
    )
    ran = run("certify-soft", *options, "--junit", tmp_path / "junit.xml")
    assert ran.code == 1, ran.stderr
    assert "first: [Is] the film good?\nsecond: The [film] was great." in (tmp_path / "junit.xml").read_text("utf-8")
    texts = [path.read_text("utf-8") for path in folder.glob("*.txt")]
    assert texts
    assert all(text.startswith("first: Is") and "\nsecond: " in text for text in texts)


@pytest.mark.slow
def test_what_is_left_without_features_is_named(run: Run, bert: Path) -> None:
    ran = run("explain", "-m", bert, *PAIR, *QUICK, "--explain-side", "second")
    record = explained(run, bert, *PAIR, "--explain-side", "second")
    assert record["explanation"]["vacuous"] is True
    assert "with the second text dropped" in ran.stdout
    ran = run("certify-soft", "-m", bert, *PAIR, *QUICK, "--explain-side", "second", "--min-rate", 0.1, "-r", 1)
    assert "on the first text alone" in ran.stdout


@pytest.mark.slow
def test_the_user_is_told_that_pairs_need_a_model_of_pairs(run: Run, bert: Path) -> None:
    assert "whether it was trained on pairs" in run("explain", "-m", bert, *PAIR, *QUICK).stderr
    assert "pairs" not in run("explain", "-m", bert, "-t", FIRST, *QUICK).stderr


@pytest.mark.slow
@pytest.mark.parametrize("side", ["both", "first", "second"])
def test_records_of_pairs_are_sources_of_masks_and_can_be_verified(
    run: Run, bert: Path, tmp_path: Path, side: str
) -> None:
    explanation = run("explain", "-m", bert, *PAIR, *QUICK, "--explain-side", side, "--json", "-q").stdout
    certified = run("certify-soft", "--from", "-", "-r", 2, "--json", "-q", stdin=explanation)
    assert certified.code == 0, certified.stderr
    record = records(certified.stdout)[0]
    assert record["explanation"]["masking"]["explain_side"] == side
    for more in ((), ("--fast",)):
        ran = run("certify-soft", "--verify", "-", *more, stdin=certified.stdout)
        assert (ran.code, "NOT VERIFIED" in ran.stdout) == (0, False), ran.stdout
    hard = run("certify-hard", "--from", "-", "--json", "-q", "--quantization", 16, "-l", "1/4", stdin=explanation)
    ran = run("certify-hard", "--verify", "-", "--fast", stdin=hard.stdout)
    assert (ran.code, "NOT VERIFIED" in ran.stdout) == (0, False), ran.stdout


@pytest.mark.slow
def test_a_cross_encoder_with_one_logit_is_what_the_pipeline_computes(run: Run, tmp_path: Path) -> None:
    import transformers

    network, tokenizer = tiny_network("bert", n_classes=1), wordpiece_tokenizer()
    model = save(network, tmp_path / "model", tokenizer)
    record = records(run("certify-soft", "-m", model, *PAIR, *QUICK, "-r", 1, "--json", "-q").stdout)[0]
    pipeline = transformers.pipeline("text-classification", model=network, tokenizer=tokenizer, device="cpu")
    expected = pipeline({"text": FIRST, "text_pair": SECOND})["score"]
    assert record["prediction"]["label"].startswith("LABEL_0: on") is (expected > 0.5)
    assert record["prediction"]["probability"] == pytest.approx(max(expected, 1 - expected), abs=1e-5)


def _spoiled(record: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """A record with one value changed, by what the check is called."""
    info, explanation = record["input"], record["explanation"]
    last = explanation["features"][-1]
    moved = [*explanation["features"][:-1], {**last, "side": "first"}]
    nowhere = [{name: value for name, value in one.items() if name != "side"} for one in explanation["features"]]
    masking = explanation["masking"]
    single = {name: value for name, value in info.items() if not name.startswith("text_")}
    return {
        "input.sha256": {"input": {**info, "text_pair": "The film was bad."}},
        "input.text_sha256": {"input": {**info, "text_sha256": "0" * 64}},
        "input.text_pair_sha256": {"input": {**info, "text_pair_sha256": "0" * 64}},
        "explain_side": {"input": single},
        "masking.explain_side": {"explanation": {**explanation, "masking": {**masking, "explain_side": "third"}}},
        "side": {"explanation": {**explanation, "features": nowhere}},
        "features": {"explanation": {**explanation, "features": moved}},
        "explanation.n": {"explanation": {**explanation, "masking": {**masking, "explain_side": "second"}}},
    }


@pytest.mark.slow
@pytest.mark.parametrize("what", ["input.sha256", "input.text_sha256", "explain_side", "side", "features"])
def test_a_changed_record_of_a_pair_is_not_verified(run: Run, bert: Path, what: str) -> None:
    mask_record = run("certify-soft", "-m", bert, *PAIR, *QUICK, "-r", 1, "--json", "-q").stdout
    record = records(mask_record)[0]
    ran = run("certify-soft", "--verify", "-", "--fast", stdin=json.dumps(record | _spoiled(record)[what]) + "\n")
    assert ran.code == 1, ran.stdout
    assert "NOT VERIFIED" in ran.stdout
    assert what in ran.stdout


@pytest.mark.slow
def test_a_record_with_the_other_side_is_not_reproduced(run: Run, bert: Path) -> None:
    out = run("certify-soft", "-m", bert, *PAIR, *QUICK, "-r", 1, "--json", "-q", "--explain-side", "first").stdout
    record = records(out)[0]
    record["explanation"]["masking"]["explain_side"] = "second"
    ran = run("certify-soft", "--verify", "-", stdin=json.dumps(record) + "\n")
    assert (ran.code, "NOT VERIFIED" in ran.stdout or "Error" in ran.stderr) in ((1, True), (3, True))


@pytest.mark.slow
def test_other_commands_read_pairs(run: Run, bert: Path, tmp_path: Path) -> None:
    file = tmp_path / "pairs.jsonl"
    file.write_text(
        json.dumps({"id": "a", "text": FIRST, "text_pair": SECOND, "label": "negative"})
        + "\n"
        + json.dumps({"id": "b", "text": "Was it bad?", "text_pair": "It was not good.", "label": "positive"})
    )
    ran = run(
        *("smooth-eval", "--inputs", file, "-m", bert, "--method", "random", "--lambdas", "1,0.5", "--draws", 4),
        *("--n-samples", 2, "--radii", 1, "-q"),
    )
    assert (ran.code, "2 inputs" in ran.stdout) == (0, True), ran.stderr
    ran = run("fourier", "--inputs", file, "-m", bert, "--method", "random", "--limit", 1, "-q", "--top", 3)
    assert (ran.code, "(first)" in ran.stdout or "(second)" in ran.stdout) == (0, True), ran.stderr
    ran = run("adapt", "--inputs", file, "-m", bert, "--out", tmp_path / "out")
    assert (ran.code, "is a pair. Leave the second texts out" in ran.stderr) == (2, True)
