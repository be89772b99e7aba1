"""`--verify --fast`: what a record shows of its input, and every forgery of it that the record itself contradicts."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from stabcert.core.soft import fixed
from tests.cli.verify_cases import Path_, Record, at, call, changed, lines, make, verify

FEATURES: Path_ = ("explanation", "features")


def refused(command: str, record: Record) -> list[str]:
    """Names of what does not stand."""
    _, (found,) = verify(command, record, fast=True)
    return [check["name"] for check in found["checks"] if not check["ok"]]


def moved(record: Record, number: int, start: int, end: int, text: str | None = None) -> Record:
    """A feature at another place of the text, with the text that stands there."""
    again = copy.deepcopy(record)
    feature = again["explanation"]["features"][number]
    feature |= {"start": start, "end": end, "text": record["input"]["text"][start:end] if text is None else text}
    return again


@pytest.fixture(scope="module")
def words(bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Record:
    """the movie was not bad, a great film; features 0 (the) and 2 (was)."""
    return make("certify-soft", bert, tmp_path_factory.mktemp("words"), "-r", 1)


@pytest.fixture(scope="module")
def image(picture: Path) -> Record:
    options = ("--method", "random", "-r", 1, "--n-samples", 5, "--features", "grid:4", "-k", 3, "--json", "-q")
    code, out, err = call("certify-soft", picture, *options)
    assert code == 0, err
    (record,) = _records(out)
    return record


def _records(out: str) -> list[Record]:
    import json

    return [json.loads(line) for line in out.splitlines()]


def test_the_cases_stand(words: Record, image: Record) -> None:
    assert refused("certify-soft", words) == []
    assert refused("certify-soft", image) == []


@pytest.mark.parametrize(
    ("number", "start", "end", "text"),
    [
        (0, 0, 3, "cat"),  # not what stands there
        (1, 10, 400, None),  # beyond the text
        (1, 10, 10, ""),  # nothing
        (1, 0, 3, None),  # the same place twice
        (1, 1, 5, None),  # overlapping
        (1, 11, 13, None),  # a part of a word
        (1, 4, 9, None),  # feature 2 has only one word before it
        (0, 10, 13, None),  # feature 0 with words before it that it would share
    ],
)
def test_a_feature_that_is_not_where_it_is_said_to_be(
    words: Record, number: int, start: int, end: int, text: str | None
) -> None:
    forged = moved(words, number, start, end, text)
    assert forged != words
    names = refused("certify-soft", forged)
    assert any(name.startswith("explanation.features") for name in names), names


def test_features_in_another_order_than_the_text(words: Record) -> None:
    forged = copy.deepcopy(words)
    first, second = forged["explanation"]["features"]
    for name in ("start", "end", "text"):
        first[name], second[name] = second[name], first[name]
    assert "explanation.features: spans" in refused("certify-soft", forged)


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (("explanation", "feature_kind"), "sentence", "explanation.masking.features"),
        (("explanation", "feature_kind"), "patch", "explanation.feature_kind"),
        (("explanation", "masking", "features"), "token", "explanation.masking.features"),
        ((*FEATURES, 0, "score"), 0.5, "explanation.features: score"),
        (("explanation", "tie"), {"kept": 1, "left_out": 1}, "explanation.tie.kept"),
        (("prediction", "probability"), 0.2, "prediction.probability"),
        (("explanation", "masked_prediction", "probability"), 0.001, "explanation.masked_prediction.probability"),
        (("explanation", "empty_prediction", "probability"), 0.0, "explanation.empty_prediction.probability"),
        (("run", "evaluations"), 3, "run.evaluations"),
    ],
)
def test_what_a_text_contradicts(words: Record, path: Path_, value: Any, named: str) -> None:
    assert named in refused("certify-soft", changed(words, path, value))


def test_more_words_than_the_text_has(words: Record, bert: Path, tmp_path: Path) -> None:
    text = words["input"]["text"]
    assert words["explanation"]["n"] == 9  # the comma is one
    record = make("certify-soft", bert, tmp_path, "-r", 0)
    forged = changed(record, ("explanation", "n"), 10)
    assert "explanation.n" in refused("certify-soft", forged), text


def test_a_text_feature_with_a_box_and_without_a_text(words: Record) -> None:
    with_box = copy.deepcopy(words)
    with_box["explanation"]["features"][0]["box"] = [0, 0, 1, 1]
    assert "explanation.features[0]: span" in refused("certify-soft", with_box)
    without = copy.deepcopy(words)
    del without["explanation"]["features"][0]["start"]
    assert "explanation.features[0]: span" in refused("certify-soft", without)


def test_probabilities_of_equal_masks_are_equal(words: Record) -> None:
    nothing_kept = copy.deepcopy(words)
    nothing_kept["explanation"] |= {"k": 0, "selected": [], "features": []}
    names = refused("certify-soft", nothing_kept)
    assert any("as of explanation.empty_prediction" in name for name in names), names


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "value"),
    [
        ((*FEATURES, 0, "box"), [0, 0, 300, 300]),
        ((*FEATURES, 0, "box"), [0, 0, 0, 0]),
        ((*FEATURES, 1, "box"), [1, 0, 57, 56]),
        (("explanation", "masking", "features"), "grid:5"),
        (("explanation", "masking", "features"), "grid:x"),
        (("explanation", "masking", "features"), "patch"),
        (("explanation", "masking", "features"), "slic:16"),
        (("explanation", "masking", "input_size"), [100, 100]),
        (("explanation", "masking", "input_size"), "large"),
        (("explanation", "feature_kind"), "word"),
        (("prediction", "probability"), 0.0009),
    ],
)
def test_what_a_picture_contradicts(image: Record, path: Path_, value: Any) -> None:
    assert at(image, path) != value
    assert refused("certify-soft", changed(image, path, value)) != []


@pytest.mark.slow
def test_impossible_probabilities_of_a_hard_record(hard_records: dict[str, Record]) -> None:
    record = hard_records["defaults"]
    for path in (("result", "unsmoothed_prediction"), ("explanation", "empty_prediction")):
        place = (*path, "probability")
        assert f"{'.'.join(path)}.probability" in refused("certify-hard", changed(record, place, 0.1))


@pytest.mark.slow
def test_shares_of_votes_are_shares(soft_records: dict[str, Record]) -> None:
    record = soft_records["smoothed"]
    forged = changed(record, ("explanation", "empty_prediction", "probability"), 0.9)
    assert "explanation.empty_prediction.probability" in refused("certify-soft", forged)


def test_tokens_that_share_a_character_stand(bert: Path) -> None:
    options = ("-m", bert, "--method", "random", "-r", 1, "--features", "token", "-k", 2, "--json", "-q")
    _, out, _ = call("certify-soft", "-t", "unbelievably good film", *options)
    assert refused("certify-soft", _records(out)[0]) == []


def test_a_chosen_seed_is_marked(words: Record) -> None:
    assert "run.default_seed" in refused("certify-soft", changed(words, ("run", "default_seed"), False))


def test_sentences_and_truncated_texts_stand(bert: Path) -> None:
    for text, options in (
        ("A good film. Not a bad one! Was it?", ("--features", "sentence")),
        ("good film " * 400, ("--truncate",)),
    ):
        _, out, err = call(
            "certify-soft", "-t", text, "-m", bert, "--method", "random", "-k", 2, "-r", 1, "--n-samples", 5,
            "--json", "-q", *options
        )  # fmt: skip
        (record,) = _records(out)
        assert refused("certify-soft", record) == [], err
        later = changed(record, ("explanation", "n"), 10**5)
        assert refused("certify-soft", later) != []


def test_a_bound_that_the_provers_code_gets_wrong_is_found(
    bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The recount imports it, and agrees; the definition of the bound does not."""
    right = fixed.hypergeometric_lower
    monkeypatch.setattr(fixed, "hypergeometric_lower", lambda *counts: right(*counts) + 2)
    record = make("certify-soft", bert, tmp_path, "-r", 5, "--n-samples", 60)
    assert record["result"]["rates"][0]["matches"] > 0
    assert refused("certify-soft", record) == ["result.rates[0].lower"]


def test_fewer_evaluations_than_the_certificate_takes_are_noticed(words: Record) -> None:
    _, (found,) = verify("certify-soft", changed(words, ("run", "evaluations"), 3))
    assert [check["name"] for check in found["checks"] if not check["ok"]] == ["run.evaluations"]


@pytest.mark.parametrize("fast", [True, False])
def test_what_nobody_can_check_is_listed(words: Record, fast: bool) -> None:
    """Forged, and it stands: so the list says it, on the screen and in --json."""
    forged = changed(words, ("input", "id"), "somebody else's text")
    forged = changed(forged, ("run", "device"), "abacus")
    forged = changed(forged, ("run", "versions", "torch"), "0.1")
    code, (found,) = verify("certify-soft", forged, fast=fast)
    assert code == 0
    said = "; ".join(found["not_checked"])
    for what in (
        "id",
        "device",
        "versions",
        "method, settings, scores",
        "chosen before",
        *(("the code",) if fast else ()),
    ):
        assert what in said, what
    options = ("--fast",) if fast else ()
    _, out, _ = call("certify-soft", "--verify", "-", *options, stdin=lines(forged))
    for what in found["not_checked"]:
        assert f"not checked: {what}" in out


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["word", "token", "sentence"])
@pytest.mark.parametrize(
    "text",
    [
        "Ünïcödé naïve café \U0001f469\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea !!! don't state-of-the-art",
        "你好世界。今天天气很好！",
        "ｆｕｌｌ ① ﬁne ﷺ e\u0301a\u0323\u0302",
        "a\u200bb c\u00ad d\n\nDr. Who. ok? yes",
        "مرحبا بالعالم 123.45 #tag @user_x",
        "  lead   and trail  ",
        "A. B. C. \u0378 new",
    ],
)
def test_honest_features_of_any_text_stand(bert: Path, kind: str, text: str) -> None:
    for model in (bert, "demo:text"):
        options = ("-m", model, "--method", "random", "-k", "100%", "-r", 0, "--features", kind, "--json", "-q")
        code, out, err = call("certify-soft", "-t", text, *options)
        assert code == 0, err
        assert refused("certify-soft", _records(out)[0]) == []
