"""Results of Python as records, screens, pages and figures: of every door, against the schema and the certificate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import torch

import stabcert
from stabcert import InputError, ParameterError
from stabcert.report.document import Chart
from stabcert.report.record import load_schema
from tests.known_model import call
from tests.models.tiny_images import picture
from tests.tiny_models import save_bert, seeded, tiny_network
from tests.tiny_tokenizers import tiny_tokenizer

VALIDATOR = jsonschema.Draft202012Validator(load_schema())
WEIGHTS = np.array([2.0, -1.0, 0.5, 0.25])


def logistic(table: Any) -> Any:
    positive = 1 / (1 + np.exp(-(np.asarray(table) @ WEIGHTS - 0.4)))
    return np.stack([1 - positive, positive], axis=1)


def of_table() -> Any:
    return stabcert.from_estimator(logistic, np.ones(4), np.zeros((2, 4)), names=["age", "income", "job", "town"])


def of_tensor() -> Any:
    network = seeded(lambda: torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, 3))).eval()
    return stabcert.from_module(network, torch.linspace(-1, 1, 192).view(3, 8, 8), features="grid:2")


def of_text() -> Any:
    return stabcert.from_pipeline(tiny_network("bert"), "A fine dog film.", tokenizer=tiny_tokenizer("bert"))


def of_function() -> Any:
    return stabcert.from_function(logistic, 4, class_names=["no", "yes"])


DOORS = {"table": of_table, "tensor": of_tensor, "text": of_text, "function": of_function}


@pytest.mark.parametrize("kind", DOORS)
def test_the_record_is_valid_and_has_the_numbers_of_the_certificate(kind: str) -> None:
    predictor = DOORS[kind]()
    attribution = stabcert.explain(predictor, "occlusion")
    mask = stabcert.top_k_mask(attribution.scores, 2)
    certificate = stabcert.certify_soft(predictor, mask, radius=1, rng=np.random.default_rng(0))
    shown = stabcert.present(predictor, mask, certificate, attribution=attribution, name="mine")
    record = json.loads(json.dumps(shown.record))
    VALIDATOR.validate(record)
    assert record["input"]["kind"] == kind
    assert record["result"]["rates"][0]["matches"] == certificate.rates[0].matches
    assert record["explanation"]["selected"] == np.flatnonzero(mask).tolist()
    assert record["explanation"]["features"][0]["score"] == attribution.scores[np.flatnonzero(mask)[0]]
    assert record["prediction"]["label"] == predictor.class_names[record["prediction"]["id"]]
    alone = stabcert.present(predictor, mask, attribution=attribution)
    VALIDATOR.validate(json.loads(json.dumps(alone.record)))
    assert alone.record["command"] == "explain"
    assert len(alone.record["explanation"]["features"]) == predictor.n_features
    assert "occlusion" in str(alone)


def test_columns_are_named_on_the_screen_and_in_the_record() -> None:
    predictor = of_table()
    mask = np.array([True, False, True, False])
    certificate = stabcert.certify_soft(predictor, mask, radius=2, rng=np.random.default_rng(0))
    shown = stabcert.present(predictor, mask, certificate, name="row 7", model="credit")
    assert "kept: age, job" in str(shown)
    assert str(shown).startswith("row 7 ")
    assert "credit" in str(shown)
    assert [one["name"] for one in shown.record["explanation"]["features"]] == ["age", "job"]
    attribution = stabcert.explain(predictor, "occlusion")
    blocks = stabcert.present(predictor, mask, certificate, attribution=attribution).document.blocks
    (described,) = [part.description for part in blocks if isinstance(part, Chart) and "scores" in part.title]
    assert "age" in described
    assert "(kept)" in described


def test_pages_figures_and_records_are_written(tmp_path: Path) -> None:
    for kind in ("table", "tensor"):
        predictor = DOORS[kind]()
        mask = np.array([True, True, False, False])
        certificate = stabcert.certify_soft(predictor, mask, radius=1, rng=np.random.default_rng(0))
        attribution = stabcert.explain(predictor, "occlusion")
        shown = stabcert.present(predictor, mask, certificate, attribution=attribution, name=f"my {kind}")
        page = shown.save(tmp_path / f"{kind}.html").read_text()
        assert f"my {kind}" in page
        assert ("data:image/png" in page) == (kind == "tensor")
        assert shown.save(tmp_path / f"{kind}.png").read_bytes().startswith(b"\x89PNG")
        assert json.loads(shown.save(tmp_path / f"{kind}.json").read_text()) == shown.record
    assert repr(shown) == str(shown)
    assert repr(predictor).startswith("<")
    assert predictor.class_names[0] in repr(predictor)
    with pytest.raises(InputError, match="format"):
        shown.save(tmp_path / "result")
    with pytest.raises(ParameterError, match=r"print\(shown\)"):
        shown.save(tmp_path / "result.txt")


def test_a_threshold_that_is_met_for_nothing_is_not_certified() -> None:
    predictor = stabcert.from_function(lambda masks: np.tile([0.2, 0.8], (len(masks), 1)), 4)
    mask = np.array([True, False, False, False])
    certificate = stabcert.certify_soft(predictor, mask, radius=1, min_rate=0.9, rng=np.random.default_rng(0))
    assert certificate.verdict == "certified"
    assert stabcert.present(predictor, mask, certificate).record["status"] == "vacuous"


def test_a_predictor_by_name_is_presented_too() -> None:
    image = stabcert.from_pipeline(
        stabcert.PythonModel("image", lambda images: [[0.3, 0.7]] * len(images), ["dark", "light"]),
        picture(),
        features="grid:2",
    )
    attribution = stabcert.explain(image, "occlusion")
    mask = stabcert.top_k_mask(attribution.scores, 1)
    assert stabcert.present(image, mask, attribution=attribution).record["input"]["size"] == [32, 32]


@pytest.mark.parametrize("kind", ["table", "text"])
def test_a_hard_certificate_has_its_radii_and_votes(kind: str) -> None:
    base = DOORS[kind]()
    n = base.n_features
    noise = stabcert.quantized_keep_masks(n, keep=12, quantization=16, rng=np.random.default_rng(1))
    smoothed = stabcert.SmoothedPredictor(base, noise)
    mask = np.arange(n) < 2
    for decremental in (True, False):
        certificate = stabcert.certify_hard(smoothed, mask, refine=50, decremental=decremental)
        shown = stabcert.present(smoothed, mask, certificate)
        record = json.loads(json.dumps(shown.record))
        VALIDATOR.validate(record)
        result = record["result"]
        assert result["radius_incremental"] == certificate.radius_incremental
        assert result["radius_decremental"] == certificate.radius_decremental
        assert sum(one["votes"] for one in result["votes"]) == 16
        assert result["lambda"] == "12/16"
        assert "smoothed" in str(shown)
    with pytest.raises(InputError, match="certify_hard"):
        stabcert.present(base, mask, certificate)
    with pytest.raises(InputError, match="same predictor and mask"):
        stabcert.present(smoothed, np.arange(n) < 1, certificate)


def test_what_is_refused() -> None:
    predictor, mask = of_function(), np.array([True, False, False, False])
    certificate = stabcert.certify_soft(predictor, mask, radius=1, rng=np.random.default_rng(0))
    smoothed = stabcert.SmoothedPredictor(predictor, np.ones((2, 4), dtype=bool))
    wrong: list[tuple[Any, ...]] = [
        (smoothed, mask, certificate),
        (logistic, mask, certificate),
        (predictor, ~mask, certificate),
        (predictor, mask, stabcert.certify_hard(smoothed, mask)),
        (predictor, mask),
        (predictor, mask[:2], certificate),
    ]
    for arguments in wrong:
        with pytest.raises(InputError):
            stabcert.present(*arguments)
    other = stabcert.explain(
        stabcert.from_function(lambda masks: logistic(np.pad(masks, ((0, 0), (0, 1)))), 3), "random"
    )
    with pytest.raises(InputError, match="scores"):
        stabcert.present(predictor, mask, attribution=other)


def test_commands_refuse_records_of_memory_plainly(tmp_path: Path) -> None:
    predictor, mask = of_table(), np.array([True, False, True, False])
    certificate = stabcert.certify_soft(predictor, mask, radius=1, rng=np.random.default_rng(0))
    file = stabcert.present(predictor, mask, certificate).save(tmp_path / "soft.json")
    code, _, said = call("certify-soft", "--verify", file)
    assert code == 3
    assert "cannot be reproduced" in said
    attribution = stabcert.explain(predictor, "occlusion")
    file = stabcert.present(predictor, mask, attribution=attribution).save(tmp_path / "explain.json")
    code, _, said = call("certify-soft", "--from", file, "-r", 1)
    assert code == 3
    assert "Certify it in Python" in said


def test_a_question_and_the_number_that_decides_are_in_the_record(tmp_path: Path) -> None:
    save_bert(tmp_path, problem_type="regression", id2label={0: "LABEL_0"})
    whole = stabcert.load_predictor(str(tmp_path), "a good film", device="cpu", tolerance=0.25)
    mask = np.array([False, True, True])
    predictor = whole.around(mask)
    certificate = stabcert.certify_soft(predictor, mask, radius=1, rng=np.random.default_rng(0))
    shown = stabcert.present(predictor, mask, certificate)
    record = shown.record
    VALIDATOR.validate(record)
    question, masked = record["model"]["question"], record["explanation"]["masked_prediction"]
    assert (question["kind"], question["tolerance"], question["reference_of"]) == ("within", 0.25, "mask")
    assert question["reference"] == masked["output"]
    assert question["reference"] != whole.around().question.reference  # type: ignore[union-attr]
    assert masked["label"] == question["answers"][1]
