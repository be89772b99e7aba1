"""Models with labels, one output or numbers on the command line: screens, records, keys, draws and verification."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stabcert.core.streams import model_digest
from stabcert.models.heads import Question
from stabcert.report.wording import recorded_prediction
from stabcert.verify.question import question_checks
from tests.cli.conftest import Ran, Run, without_run
from tests.tiny_models import save_bert

TEXT = ("-t", "the film is not very good a b", "--device", "cpu")
QUICK = ("--method", "occlusion")
LABELS = {0: "toxic", 1: "insult", 2: "threat"}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("questions")
    save_bert(folder / "labels", problem_type="multi_label_classification", id2label=LABELS)
    save_bert(folder / "one", id2label={0: "LABEL_0"})
    save_bert(folder / "number", problem_type="regression", id2label={0: "LABEL_0"})
    return folder


def saved(folder: Path, ran: Ran, **changes: Any) -> Path:
    """The record of a call in a file, with other values of its question."""
    record = ran.record
    record["model"]["question"] |= changes
    path = folder / "records.jsonl"
    path.write_text(json.dumps(record) + "\n")
    return path


def test_the_target_is_the_label_and_the_explained_class_is_that_it_is_on(run: Run, models: Path) -> None:
    ran = run("certify-soft", *TEXT, "-m", models / "labels", "--target", "INSULT", "-r", 1, "--json")
    record, question = ran.record, ran.record["model"]["question"]
    assert ran.code == 0
    assert record["model"]["labels"] == 2
    assert question == {
        "kind": "probability",
        "output": 1,
        "outputs": 3,
        "name": "insult",
        "threshold": 0.5,
        "answers": ["insult: off (probability at most 0.5)", "insult: on (probability above 0.5)"],
    }
    assert record["explanation"]["target"] == 1
    assert record["explanation"]["target_label"] == question["answers"][1]
    for said in (record["prediction"], *(record["explanation"][f"{name}_prediction"] for name in ("masked", "empty"))):
        assert said["id"] == int(said["output"] > 0.5)
        # At a threshold of 0.5 the probability of the class is that of the label, or the rest.
        assert said["probability"] == pytest.approx(max(said["output"], 1 - said["output"]), abs=1e-6)
    by_number = run("certify-soft", *TEXT, "-m", models / "labels", "--target", "id:1", "-r", 1, "--json").record
    assert by_number["result"] == record["result"]


@pytest.mark.slow
def test_screens_and_pages_name_the_question_in_words(run: Run, models: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    ran = run("certify-soft", *TEXT, *QUICK, "-m", models / "number", "--tolerance", 0.2, "-r", 1, "--html", page)
    for shown in (ran.stdout, page.read_text()):
        assert "value within 0.2 of " in shown
        assert "Classes: the value is less than 0.2 from " in shown
        assert "its value for the mask alone" in shown
    ran = run("certify-hard", *TEXT, *QUICK, "-m", models / "labels", "--target", "threat", "--threshold", 0.4)
    assert "Classes: the probability of threat (one of 3 outputs) is above 0.4 (on), or not (off)" in ran.stdout
    assert "Each noise mask casts a vote" in ran.stdout
    ran = run("fourier", *TEXT, *QUICK, "-m", models / "number", "--threshold", 0.1)
    assert "The probability of a class is the logistic function of the number minus the threshold" in ran.stdout


def test_one_output_without_a_problem_type_is_said_to_be_a_logit(run: Run, models: Path) -> None:
    ran = run("explain", *TEXT, *QUICK, "-m", models / "one", "--json")
    assert "has one output and no problem_type" in ran.stderr
    assert "read as the logit of a label" in ran.stderr
    # The predicted class is explained, not always that the label is on.
    assert ran.record["explanation"]["target"] == ran.record["prediction"]["id"]
    ran = run("explain", *TEXT, *QUICK, "-m", models / "one", "--tolerance", 0.5, "--target", "value", "--json")
    assert "read as a number" in ran.stderr
    assert ran.record["explanation"]["target"] == 1


@pytest.mark.parametrize(
    ("command", "of", "reference"),
    [("explain", "full", "prediction"), ("fourier", "full", "prediction"), ("certify-soft", "mask", "masked")],
)
def test_the_reference_of_a_tolerance_is_the_value_on_the_mask_or_on_the_input(
    run: Run, models: Path, command: str, of: str, reference: str
) -> None:
    record = run(command, *TEXT, *QUICK, "-m", models / "number", "--tolerance", 0.3, "--json").record
    question, explanation = record["model"]["question"], record["explanation"]
    said = record["prediction"] if reference == "prediction" else explanation["masked_prediction"]
    assert question["reference_of"] == of
    assert question["reference"] == said["output"]
    assert said["id"] == 1
    assert said["label"] == question["answers"][1]


CALLS = [
    ("certify-soft", "number", ("--tolerance", 0.3, "-r", 2)),
    ("certify-soft", "labels", ("--target", "threat", "--threshold", 0.4, "-r", 1)),
    ("certify-soft", "number", ("--tolerance", 0.3, "-r", 1, "--smooth", 0.5)),
    ("certify-hard", "number", ("--tolerance", 0.3)),
    ("certify-hard", "number", ("--threshold", 0.1, "--scores", "probability", "--attack", 256)),
    ("certify-hard", "one", ()),
]


@pytest.mark.slow
@pytest.mark.parametrize(("command", "model", "options"), CALLS)
def test_records_are_reproduced_and_checked_by_arithmetic(
    run: Run, models: Path, tmp_path: Path, command: str, model: str, options: tuple[object, ...]
) -> None:
    path = saved(tmp_path, run(command, *TEXT, *QUICK, "-m", models / model, *options, "--json"))
    for fast in ((), ("--fast",)):
        ran = run(command, "--verify", path, *fast)
        assert (ran.code, "VERIFIED" in ran.stdout) == (0, True), ran.stdout


_ASKED = (
    Question("within", 1, "u, v", 2, tolerance=0.3, reference=-1.23456, reference_of="mask"),
    Question("within", 0, "value", 1, tolerance=2e-14, reference=1 / 3),
    Question("value", 0, "value", 1, threshold=-1e-7),
    Question("probability", 2, "c", 3, threshold=0.2),
)


@pytest.mark.parametrize("question", _ASKED)
def test_answers_in_words_belong_to_one_question(question: Question) -> None:
    def wrong(**changes: Any) -> list[str]:
        asked = json.loads(json.dumps(question.record())) | changes
        explanation = {"masked_prediction": {"id": 0, "label": question.answers[0]}}
        explanation["empty_prediction"] = explanation["masked_prediction"]
        record = {"model": {"labels": 2, "question": asked}, "prediction": explanation["masked_prediction"]}
        return [check.name for check in question_checks(record | {"explanation": explanation}) if not check.ok]

    assert wrong() == []
    assert wrong(name="other")[0] == "model.question.answers"
    assert wrong(output=3)[0] == "model.question.output"
    for limit in ("threshold", "tolerance", "reference"):
        if limit in question.record():
            changed = 1.5 * (getattr(question, limit) or 0.0)
            assert ("model.question.answers" in wrong(**{limit: changed})) == (getattr(question, limit) is not None)


@pytest.mark.slow
def test_another_limit_in_a_record_of_votes_is_found_without_the_model(run: Run, models: Path, tmp_path: Path) -> None:
    for model, option in (("number", "--threshold"), ("number", "--tolerance"), ("one", "--threshold")):
        ran = run("certify-hard", *TEXT, *QUICK, "-m", models / model, option, 0.3, "--json")
        assert run("certify-hard", "--verify", saved(tmp_path, ran), "--fast").code == 0
        assert run("certify-hard", "--verify", saved(tmp_path, ran, **{option[2:]: 0.31}), "--fast").code == 1


@pytest.mark.slow
def test_another_reference_or_question_is_found(run: Run, models: Path, tmp_path: Path) -> None:
    call = ("certify-soft", *TEXT, *QUICK, "-m", models / "number", "--tolerance", 0.3, "-r", 1, "--json")
    ran = run(*call)
    reference = ran.record["model"]["question"]["reference"]
    for changes in ({"reference": reference + 0.1}, {"reference_of": "full"}):
        assert run("certify-soft", "--verify", saved(tmp_path, ran, **changes)).code == 1
    for changes in ({"reference": reference + 0.1}, {"answers": ["a", "b"]}):
        assert run("certify-soft", "--verify", saved(tmp_path, ran, **changes), "--fast").code == 1
    # No vote changes, and yet it is another function.
    hard = run("certify-hard", *TEXT, *QUICK, "-m", models / "number", "--tolerance", 0.3, "--json")
    for moved, code in ((1e-7, 0), (2e-3, 1)):
        changed = {"reference": hard.record["model"]["question"]["reference"] + moved}
        assert run("certify-hard", "--verify", saved(tmp_path, hard, **changed)).code == code
    labels = run("certify-soft", *TEXT, *QUICK, "-m", models / "labels", "--target", "toxic", "--json")
    for changes in ({"output": 1}, {"threshold": 0.9999}):
        assert run("certify-soft", "--verify", saved(tmp_path, labels, **changes)).code == 1
    beyond = run("certify-soft", "--verify", saved(tmp_path, labels, output=3))
    assert beyond.code == 1
    assert "0 to 2, got 3" in beyond.stdout + beyond.stderr


@pytest.mark.slow
def test_a_question_is_not_added_to_a_model_of_classes_or_taken_from_one_of_labels(
    run: Run, models: Path, bert: Path, tmp_path: Path
) -> None:
    call = ("certify-soft", *TEXT, *QUICK, "--json")
    classes, labels = (run(*call, "-m", bert).record, run(*call, "-m", models / "labels", "--target", "toxic").record)
    path = tmp_path / "records.jsonl"
    for record, question in ((classes, labels["model"]["question"]), (labels, None)):
        record["model"] = {name: value for name, value in record["model"].items() if name != "question"}
        record["model"] |= {} if question is None else {"question": question}
        path.write_text(json.dumps(record) + "\n")
        assert run("certify-soft", "--verify", path).code == 1
        assert run("certify-soft", "--verify", path, "--fast").code == 1


@pytest.mark.slow
def test_a_record_of_explain_brings_its_question(run: Run, models: Path, tmp_path: Path) -> None:
    asked = ("-m", models / "number", "--tolerance", 0.3)
    path = saved(tmp_path, run("explain", *TEXT, *QUICK, *asked, "--json"))
    certified = run("certify-soft", "--from", path, "-r", 1, "--json", "--device", "cpu").record
    direct = run("certify-soft", *TEXT, *QUICK, *asked, "-r", 1, "--json").record
    assert certified["model"] == direct["model"]
    assert certified["model"]["question"]["reference_of"] == "mask"
    assert certified["result"] == direct["result"]
    assert run("smooth-eval", "--from", path, "--json", "--device", "cpu").code == 0
    refused = run("certify-soft", "--from", path, "--threshold", 0.0)
    assert (refused.code, "leave out --threshold" in refused.stderr) == (2, True)


def test_a_mask_of_ones_own_needs_the_label_and_a_threshold(run: Run, models: Path, tmp_path: Path) -> None:
    mask = tmp_path / "mask.json"
    mask.write_text("[1, 0, 1, 0, 0, 0, 0, 0]")
    labels = ("certify-soft", *TEXT, "-m", models / "labels", "--mask", mask, "-r", 1)
    refused = run(*labels, "--target", "toxic")
    assert (refused.code, "add --threshold 0.5" in refused.stderr) == (2, True)
    assert run(*labels, "--target", "toxic", "--threshold", 0.5, "--json").record["model"]["question"]["output"] == 0
    missing = run(*labels)
    assert missing.code == 2
    assert "Use --target toxic, or another of toxic, insult, threat" in missing.stderr


@pytest.mark.slow
def test_another_question_has_another_key_and_other_draws(run: Run, models: Path) -> None:
    # Few samples, so that not every addition is tested.
    call = ("certify-soft", *TEXT, "--method", "random", "-m", models / "number", "-r", 5, "--n-samples", 20, "--json")
    records = [run(*call, *asked).record for asked in (("--threshold", 0.1), ("--threshold", 0.2), ("--tolerance", 9))]
    assert len({record["key"] for record in records}) == 3
    assert without_run(run(*call, "--threshold", 0.1).record) == without_run(records[0])


def test_the_question_enters_the_draws_without_its_reference(
    run: Run, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def digest(*arguments: Any) -> str:
        seen.append(arguments[-1])
        return model_digest(*arguments)

    monkeypatch.setattr("stabcert.cli.opening.model_digest", digest)
    call = ("explain", "-t", "a good film", "--device", "cpu", "--method", "random", "-m", models / "number", "--json")
    for asked in (("--threshold", 0.1), ("--tolerance", 0.1), ("--tolerance", 0.2)):
        assert run(*call, *asked).code == 0
    kinds = [(one["question"]["kind"], one["question"].get("tolerance")) for one in seen]
    assert kinds == [("value", None), ("within", 0.1), ("within", 0.2)]
    assert not any("reference" in one["question"] or "answers" in one["question"] for one in seen)


@pytest.mark.slow
def test_smooth_eval_sums_up_answers_of_all_inputs(run: Run, models: Path) -> None:
    call = ("smooth-eval", *TEXT, "-t", "a b film c", *QUICK, "-m", models / "number", "--tolerance", 0.3, "--draws", 4)
    ran = run(*call, "--lambdas", "1,0.5", "--json")
    *inputs, whole = ran.records
    references = [record["model"]["question"]["reference"] for record in inputs]
    assert len(set(references)) == 2
    assert "reference" not in whole["model"]["question"]
    assert whole["model"]["question"]["tolerance"] == 0.3
    assert "Classes: the value is less than 0.3 from its value for the full input" in run(*call).stdout


def test_predictions_show_the_number_that_decides(run: Run, models: Path) -> None:
    found = {"id": 1, "label": "value above 3", "probability": 0.6}
    assert recorded_prediction({**found, "output": 3.41234}) == "value above 3: 3.412"
    assert recorded_prediction(found) == "value above 3 (0.60)"


REFUSED: list[tuple[str, tuple[object, ...], int, str]] = [
    ("labels", (), 2, "predicts 3 labels, each of which is on or off.*Use --target toxic, or another of toxic, insult"),
    ("labels", ("--target", "rude"), 2, "the model has no class 'rude'"),
    ("labels", ("--target", "toxic", "--tolerance", 1), 2, "--tolerance must be left out.*Use --threshold 0.5"),
    ("labels", ("--target", "toxic", "--threshold", 50), 2, "--threshold must be a probability above 0 and below 1"),
    ("number", (), 2, "predicts a number .value.*Use --tolerance 0.1 to ask .* or --threshold 0.5"),
    ("one", ("--threshold", 2), 2, "regression"),
]


@pytest.mark.parametrize(("model", "options", "code", "message"), REFUSED)
def test_questions_that_are_not_possible_name_what_to_type(
    run: Run, models: Path, model: str, options: tuple[object, ...], code: int, message: str
) -> None:
    import re

    ran = run("explain", *TEXT, *QUICK, "-m", models / model, *options)
    assert ran.code == code
    assert re.search(message, ran.stderr), ran.stderr


@pytest.mark.slow
def test_a_model_of_labels_is_not_adapted(run: Run, models: Path, tmp_path: Path) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("\n".join(f"the film is {one} {two}" for one in "abc" for two in ("good", "bad", "very", "not")))
    ran = run("adapt", "--inputs", texts, "-m", models / "labels", "--out", tmp_path / "out", "--device", "cpu")
    assert ran.code != 0
    assert "a model that predicts one of several classes" in ran.stderr
