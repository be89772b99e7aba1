"""Models with labels, one output or numbers: each question against an independent computation of its two answers."""

from __future__ import annotations

import math
from itertools import chain, combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from stabcert import certify_soft, explain, top_k_mask
from stabcert.core.decisions import decide
from stabcert.core.smoothing import SmoothedPredictor
from stabcert.core.types import Mask, Masks
from stabcert.errors import ParameterError
from stabcert.explainers import METHODS
from stabcert.models.base import ModelPredictor
from stabcert.models.heads import Outputs, Question
from stabcert.models.hub import LoadedModel, load_model
from stabcert.models.neighbours import shifted
from tests.models.tiny_images import picture
from tests.tiny_models import save_bert, save_vit, seeded
from tests.tiny_tokenizers import word_tokenizer

TEXT = "the film is not very good a b"
LABELS = {0: "toxic", 1: "insult, slur", 2: "threat"}
HEADS: dict[str, dict[str, Any]] = {
    "labels": {"problem_type": "multi_label_classification", "id2label": LABELS},
    "one": {"id2label": {0: "LABEL_0"}},
    "number": {"problem_type": "regression", "id2label": {0: "LABEL_0"}},
    "numbers": {"problem_type": "regression", "id2label": {0: "valence", 1: "arousal"}},
}
ASKED: list[tuple[str, dict[str, Any], str, str]] = [
    ("labels", {"target": "threat"}, "threat: off (probability at most 0.5)", "threat: on (probability above 0.5)"),
    (
        "labels",
        {"target": 1, "threshold": 0.25},
        "insult; slur: off (probability at most 0.25)",
        "insult; slur: on (probability above 0.25)",
    ),
    ("one", {}, "LABEL_0: off (probability at most 0.5)", "LABEL_0: on (probability above 0.5)"),
    ("one", {"threshold": 0.75}, "LABEL_0: off (probability at most 0.75)", "LABEL_0: on (probability above 0.75)"),
    ("number", {"threshold": 0.1}, "value at most 0.1", "value above 0.1"),
    ("number", {"tolerance": 0.2}, "value at least 0.2 from {}", "value within 0.2 of {}"),
    ("one", {"tolerance": 0.2}, "value at least 0.2 from {}", "value within 0.2 of {}"),
    ("numbers", {"target": "arousal", "tolerance": 0.5}, "arousal at least 0.5 from {}", "arousal within 0.5 of {}"),
]


@pytest.fixture(scope="module")
def directories(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("heads")
    texts = {name: save_bert(folder / name, **head) for name, head in HEADS.items()}
    return texts | {f"image {name}": save_vit(folder / f"image-{name}", **head) for name, head in HEADS.items()}


def all_masks(n: int) -> Masks:
    return (np.arange(2**n)[:, None] >> np.arange(n)) % 2 == 1


def text_outputs(directory: Path, masks: Masks) -> NDArray[np.float64]:
    """The outputs of transformers' own network in float64, each mask alone, for the tokens that are left."""
    import transformers

    network = transformers.AutoModelForSequenceClassification.from_pretrained(directory).double().eval()
    ids = np.array(word_tokenizer()(TEXT)["input_ids"])
    rows = []
    for mask in masks:
        kept = np.flatnonzero(np.concatenate([[True], mask, [True]]))
        with torch.no_grad():
            found = network(input_ids=torch.tensor(ids[kept][None]), position_ids=torch.tensor(kept[None]))
        rows.append(found.logits[0].numpy())
    return np.stack(rows)


def image_outputs(model: LoadedModel, directory: Path, predictor: ModelPredictor, masks: Masks) -> NDArray[np.float64]:
    """The same for an image whose dropped patches are 0 after normalisation."""
    import transformers

    network = transformers.AutoModelForImageClassification.from_pretrained(directory).double().eval()
    pixels = predictor.masked_input.point.double()
    kept = torch.from_numpy(masks).view(-1, 1, 4, 4).repeat_interleave(8, 2).repeat_interleave(8, 3)
    with torch.no_grad():
        found: NDArray[np.float64] = network(pixel_values=pixels * kept).logits.numpy()
    return found


def margins(question: Question, outputs: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far the affirmative answer is ahead, as the documentation defines it."""
    value = outputs[:, question.output]
    if question.kind == "probability":
        return value - math.log(question.threshold / (1 - question.threshold))  # type: ignore[operator]
    if question.kind == "value":
        return value - question.threshold
    return question.tolerance - np.abs(value - question.reference)  # type: ignore[operator]


@pytest.mark.parametrize(("head", "options", "no", "yes"), ASKED)
def test_text_probabilities_are_those_of_the_documented_function(
    directories: dict[str, Path], head: str, options: dict[str, Any], no: str, yes: str
) -> None:
    predictor = load_model(str(directories[head]), device="cpu", **options).predictor(TEXT)
    question = predictor.question
    assert question is not None
    masks = np.concatenate([np.random.default_rng(0).random((20, 8)) < 0.5, np.ones((1, 8), dtype=bool)])
    outputs = text_outputs(directories[head], masks)
    if question.kind == "within":
        assert question.reference == pytest.approx(outputs[-1, question.output], abs=1e-5)
        no, yes = (name.format(f"{question.reference:.2f}") for name in (no, yes))
    assert predictor.class_names == question.answers == (no, yes)
    expected = 1 / (1 + np.exp(-margins(question, outputs)))
    np.testing.assert_allclose(predictor(masks)[:, 1], expected, atol=2e-6)
    np.testing.assert_allclose(predictor.alone(masks)[:, 1], expected, atol=2e-6)
    shown = outputs[:, question.output]
    shown = 1 / (1 + np.exp(-shown)) if question.kind == "probability" else shown
    found = predictor.outputs(masks)
    assert found is not None
    np.testing.assert_allclose(found, shown, atol=1e-5)
    # Both answers occur, so that the comparison is about decisions too.
    assert len({*predictor(all_masks(8)[::5]).argmax(axis=1)}) == 2


@pytest.mark.slow
@pytest.mark.parametrize(("head", "options", "no", "yes"), ASKED)
def test_image_probabilities_are_those_of_the_documented_function(
    directories: dict[str, Path], head: str, options: dict[str, Any], no: str, yes: str
) -> None:
    directory = directories[f"image {head}"]
    model = load_model(str(directory), device="cpu", **options)
    predictor = model.predictor(Image.fromarray(np.asarray(picture())))
    assert predictor.question is not None
    masks = np.random.default_rng(1).random((20, 16)) < 0.5
    outputs = image_outputs(model, directory, predictor, masks)
    expected = 1 / (1 + np.exp(-margins(predictor.question, outputs)))
    np.testing.assert_allclose(predictor(masks)[:, 1], expected, atol=5e-6)


@pytest.mark.slow
@pytest.mark.parametrize("head", ["labels", "one", "number"])
@pytest.mark.parametrize("kind", ["", "image "])
def test_outputs_are_those_of_the_pipeline_of_transformers(directories: dict[str, Path], kind: str, head: str) -> None:
    import transformers

    directory, options = directories[kind + head], {"target": 2} if head == "labels" else {}
    options |= {"tolerance": 1.0} if head == "number" else {}
    source = picture() if kind else TEXT
    predictor = load_model(str(directory), device="cpu", **options).predictor(source)
    found = predictor.outputs(np.ones((1, predictor.n_features), dtype=np.bool_))
    task = "image-classification" if kind else "text-classification"
    (row,) = [
        row
        for row in transformers.pipeline(task, str(directory), device="cpu")(source, top_k=3)
        if row["label"] in ("threat", "LABEL_0")
    ]
    assert found is not None
    assert float(found[0]) == pytest.approx(row["score"], abs=1e-5)


@pytest.mark.slow
def test_a_network_of_timm_with_one_output_is_the_logit_of_a_label(tmp_path: Path) -> None:
    import timm

    network = seeded(lambda: timm.create_model("test_vit", num_classes=1))
    with torch.no_grad():
        network.head.weight.normal_(generator=torch.Generator().manual_seed(0))
    timm.models.save_for_hf(network, str(tmp_path), model_args={"num_classes": 1}, safe_serialization=True)
    predictor = load_model(str(tmp_path), device="cpu").predictor(picture(), features="grid:3")
    masks = np.random.default_rng(2).random((20, 9)) < 0.5
    with torch.no_grad():
        expected = torch.sigmoid(network(predictor.masked_input.batch(masks)))[:, 0].numpy()  # type: ignore[attr-defined]
    np.testing.assert_allclose(predictor(masks)[:, 1], expected, atol=1e-5)
    assert predictor.class_names[1] == "class 0: on (probability above 0.5)"
    assert expected.std() > 0.01


@pytest.mark.parametrize(("head", "options"), [(head, options) for head, options, *_ in ASKED])
def test_stability_rates_equal_those_of_all_additions(
    directories: dict[str, Path], head: str, options: dict[str, Any]
) -> None:
    mask = np.zeros(8, dtype=np.bool_)
    mask[[1, 3]] = True
    predictor = load_model(str(directories[head]), device="cpu", **options).predictor(TEXT).around(mask)
    assert predictor.question is not None
    free = np.flatnonzero(~mask)
    additions = [*chain.from_iterable(combinations(free, r) for r in range(1, 3))]
    rows = np.repeat(mask[None], len(additions) + 1, axis=0)
    for row, added in zip(rows[1:], additions, strict=True):
        row[list(added)] = True
    outputs = text_outputs(directories[head], rows)
    question = predictor.question
    if question.kind == "within":
        # The mask is its own reference, so that it gives the affirmative answer with the whole tolerance as margin.
        assert question.reference_of == "mask"
        assert question.reference == pytest.approx(outputs[0, question.output], abs=1e-5)
        assert predictor.alone(mask[None])[0, 1] == pytest.approx(1 / (1 + math.exp(-options["tolerance"])), abs=1e-9)
    said = margins(question, outputs) > 0
    found = certify_soft(predictor, mask, radius=2, rng=np.random.default_rng(0))
    (rate,) = found.rates
    # The addition of nothing counts among those of up to 2 features.
    assert rate.enumerated
    assert rate.samples == len(rows)
    assert rate.matches == int((said == said[0]).sum())
    assert rate.near_ties == 0


@pytest.mark.parametrize("kind", ["probability", "value", "within"])
def test_outputs_at_the_limit_are_near_ties_and_count_against_the_certificate(
    directories: dict[str, Path], kind: str
) -> None:
    mask = np.zeros(8, dtype=np.bool_)
    mask[2] = True
    added = mask.copy()
    added[5] = True
    outputs = text_outputs(directories["number"], np.stack([mask, added]))[:, 0]
    limits = {
        "probability": ("one", {"threshold": 1 / (1 + math.exp(-outputs[1]))}),
        "value": ("number", {"threshold": outputs[1]}),
        "within": ("number", {"tolerance": abs(outputs[1] - outputs[0])}),
    }
    head, options = limits[kind]
    predictor = load_model(str(directories[head]), device="cpu", **options).predictor(TEXT)
    if kind == "within":  # measured in float64, where float32 would put the limit elsewhere
        assert predictor.question is not None
        predictor = predictor.with_question(predictor.question.around(float(outputs[0]), "mask"))
    decided = decide(predictor, np.stack([mask, added]))
    assert decided.near_tie.tolist() == [False, True]
    assert predictor.rechecked == 1
    (rate,) = certify_soft(predictor, mask, radius=1, rng=np.random.default_rng(0)).rates
    assert rate.near_ties == 1
    votes = SmoothedPredictor(predictor, np.ones((3, 8), dtype=np.bool_))
    assert votes.decide(added[None]).near_tie.tolist() == [True]


@pytest.mark.slow
def test_numbers_of_any_size_are_decided_like_small_ones(directories: dict[str, Path], tmp_path: Path) -> None:
    import transformers

    large = 2.0**24
    network = transformers.AutoModelForSequenceClassification.from_pretrained(directories["number"])
    with torch.no_grad():
        network.classifier.weight *= large
        network.classifier.bias *= large
    network.save_pretrained(tmp_path)
    word_tokenizer().save_pretrained(tmp_path)
    masks = all_masks(8)
    small = load_model(str(directories["number"]), device="cpu", tolerance=0.2).predictor(TEXT)
    scaled = load_model(str(tmp_path), device="cpu", tolerance=0.2 * large).predictor(TEXT)
    assert (decide(small, masks).classes == decide(scaled, masks).classes).all()
    assert (scaled.alone(masks[:9])[:, 1] > 0.5).tolist() == (small.alone(masks[:9])[:, 1] > 0.5).tolist()
    # A float32 of this size is exact to a few units, and float64 settles what is closer to the limit.
    assert scaled.drift_tolerance > 10
    assert 1e-9 <= scaled.decision_tolerance < 1e-3
    first, second = (explain(one, "lime", n_samples=200) for one in (small, scaled))
    np.testing.assert_allclose(first.scores, second.scores, atol=1e-4)
    assert second.settings["number_scale"] == pytest.approx(large * first.settings["number_scale"], rel=1e-4)


@pytest.mark.parametrize(
    "method",
    [one if one in ("lime", "intgrad", "mfaba") else pytest.param(one, marks=pytest.mark.slow) for one in METHODS],
)
@pytest.mark.parametrize(
    ("head", "options"), [("labels", {"target": 0}), ("number", {"threshold": 0.1}), ("number", {"tolerance": 0.2})]
)
def test_every_method_explains_a_question(
    directories: dict[str, Path], method: str, head: str, options: dict[str, Any]
) -> None:
    predictor = load_model(str(directories[head]), device="cpu", **options).predictor(TEXT)
    if method == "mfaba" and "tolerance" in options:
        with pytest.raises(ParameterError, match=r"mfaba is not possible with a tolerance.*Use another method"):
            explain(predictor, method)
        return
    before = predictor.evaluations
    found = explain(predictor, method, **({"n_samples": 40} if method in ("lime", "kernelshap", "shap") else {}))
    assert len(found.scores) == 8
    assert top_k_mask(found.scores, 2).sum() == 2
    assert ("number_scale" in found.settings) == (head == "number" and method != "mfaba")
    if method != "random":
        assert predictor.evaluations > before
        assert np.ptp(found.scores) > 0


def test_the_explained_number_points_from_the_empty_input_to_the_full_one(directories: dict[str, Path]) -> None:
    predictor = load_model(str(directories["number"]), device="cpu", tolerance=1e-3).predictor(TEXT)
    masks = all_masks(8)[::17]  # the empty input first, and the full one last
    outputs = predictor.outputs(masks)
    assert outputs is not None
    direction = np.sign(outputs[-1] - outputs[0])
    scored = predictor.scored()(masks)[:, 1]
    order = np.argsort(direction * outputs)
    assert (np.diff(scored[order]) >= -1e-7).all()
    assert scored[-1] == pytest.approx(0.5)
    # The probabilities of a tolerance this small would all be close to 0, and those of the number are not.
    assert 0.1 < scored.min() < scored.max() < 0.9
    assert predictor.scored().evaluations == 0
    assert not (load_model(str(directories["one"]), device="cpu").predictor(TEXT)).scored().scored_settings


def test_gradients_are_those_of_the_margin(directories: dict[str, Path]) -> None:
    predictor = load_model(str(directories["labels"]), device="cpu", target=2, threshold=0.25).predictor(TEXT)
    weights = torch.full((1, 8), 0.7, requires_grad=True)
    raw = predictor.masked_input.relaxed_logits(weights)[0, 2]
    (expected,) = torch.autograd.grad(raw, weights)
    logits = predictor.relaxed(weights)
    assert logits.shape == (1, 2)
    (found,) = torch.autograd.grad(logits[0, 1] - logits[0, 0], weights)
    assert float(logits[0, 1].detach()) == pytest.approx(float(raw.detach()) + math.log(3), abs=1e-5)
    torch.testing.assert_close(found, expected)
    at_point = predictor.logits_at(predictor.masked_input.point)
    assert at_point.shape == (1, 2)


def test_a_neighbour_is_asked_the_same_question(directories: dict[str, Path]) -> None:
    predictor = load_model(str(directories["number"]), device="cpu", tolerance=0.2).predictor(TEXT)
    still = shifted(predictor, torch.zeros_like(predictor.masked_input.point))
    assert still.question == predictor.question
    masks = all_masks(8)[::17]
    np.testing.assert_allclose(still(masks), predictor(masks), atol=1e-5)


def test_a_predictor_without_a_question_is_its_own_everything() -> None:
    predictor = load_model("demo:text", device="cpu").predictor("what a lovely day")
    full: Mask = np.ones(predictor.n_features, dtype=np.bool_)
    assert predictor.question is None
    assert predictor.outputs(full[None]) is None
    assert predictor.around(full) is predictor
    assert predictor.scored() is predictor


def test_a_question_that_is_missing_is_named_by_the_predictor(directories: dict[str, Path]) -> None:
    model = load_model(str(directories["labels"]), device="cpu")
    assert model.outputs == Outputs("labels", tuple(LABELS.values()))
    with pytest.raises(ParameterError, match="predicts 3 labels"):
        model.predictor(TEXT)
    asked = model.asking(target="toxic").predictor(TEXT)
    assert asked.class_names[1] == "toxic: on (probability above 0.5)"
