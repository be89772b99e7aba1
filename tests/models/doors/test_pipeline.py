"""Pipelines of transformers in memory, against the doors by name and the pipelines' own output."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from PIL import Image

from stabcert import explain, from_pipeline, load_predictor
from stabcert.errors import InputError, StabcertError
from tests.models.doors.all_masks import every_mask
from tests.tiny_models import save, seeded, tiny_network
from tests.tiny_tokenizers import tiny_tokenizer

TEXT = "A fine film about a dog."


@pytest.fixture(scope="module")
def bert() -> Any:
    return tiny_network("bert"), tiny_tokenizer("bert")


@pytest.fixture(scope="module")
def vit() -> Any:
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    config = transformers.ViTConfig(**sizes, image_size=16, patch_size=8, num_labels=3, initializer_range=0.5)
    network = seeded(lambda: transformers.ViTForImageClassification(config)).eval()
    return network, transformers.ViTImageProcessor(size={"height": 16, "width": 16})


def picture() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 255, (20, 30, 3), dtype=np.uint8))


def test_a_model_with_its_tokenizer_equals_removing_words_by_hand(bert: Any) -> None:
    network, tokenizer = bert
    predictor = from_pipeline(network, TEXT, tokenizer=tokenizer)
    encoded = tokenizer(TEXT, return_offsets_mapping=True)
    spans = [item.span for item in predictor.features.items]
    masks = every_mask(predictor.n_features)[::9]
    for mask, found in zip(masks, predictor(masks), strict=True):
        kept = [
            i
            for i, (start, end) in enumerate(encoded["offset_mapping"])
            if start == end or any(keep and a <= start < b for keep, (a, b) in zip(mask, spans, strict=True))
        ]
        ids = torch.tensor([[encoded["input_ids"][i] for i in kept]])
        with torch.no_grad():
            logits = network(input_ids=ids, position_ids=torch.tensor([kept])).logits
        assert np.abs(torch.softmax(logits.double(), -1)[0].numpy() - found).max() < 1e-5


def test_a_pipeline_has_the_same_function_and_gradients(bert: Any) -> None:
    network, tokenizer = bert
    pipeline = transformers.pipeline("text-classification", model=network, tokenizer=tokenizer)
    one, other = from_pipeline(pipeline, TEXT), from_pipeline(network, TEXT, tokenizer=tokenizer)
    masks = every_mask(one.n_features)[::7]
    assert np.abs(one(masks) - other(masks)).max() < 1e-6
    assert (explain(one, "saliency").scores > 0).all()
    assert all(parameter.requires_grad for parameter in network.parameters())
    assert one.class_names == ("LABEL_0", "LABEL_1", "LABEL_2")


def test_an_image_pipeline_equals_pixels_by_hand(vit: Any) -> None:
    network, processor = vit
    pipeline = transformers.pipeline("image-classification", model=network, image_processor=processor)
    predictor = from_pipeline(pipeline, picture())
    pixels = processor(picture(), return_tensors="pt")["pixel_values"]
    masks = every_mask(4)
    for mask, found in zip(masks, predictor(masks), strict=True):
        kept = torch.tensor(mask).view(2, 2).repeat_interleave(8, 0).repeat_interleave(8, 1)
        with torch.no_grad():
            logits = network(pixel_values=pixels * kept).logits
        assert np.abs(torch.softmax(logits.double(), -1)[0].numpy() - found).max() < 1e-5
    assert predictor.features.kind == "patch"


class _Doubling(transformers.TextClassificationPipeline):
    def preprocess(self, inputs: Any, **options: Any) -> Any:
        return super().preprocess(f"{inputs} {inputs}", **options)


def test_what_is_refused_and_what_the_message_names(bert: Any, vit: Any) -> None:
    network, tokenizer = bert
    sigmoid = transformers.pipeline(
        "text-classification", model=network, tokenizer=tokenizer, function_to_apply="sigmoid"
    )
    features = transformers.pipeline("feature-extraction", model=network, tokenizer=tokenizer)
    cases: list[tuple[Any, dict[str, Any], str]] = [
        (network, {}, "tokenizer="),
        (network, {"tokenizer": tokenizer, "processor": vit[1]}, "not both"),
        (torch.nn.Linear(2, 2).eval(), {"tokenizer": tokenizer}, "from_module"),
        ("demo:text", {}, "load_predictor"),
        (sigmoid, {}, "function_to_apply"),
        (features, {}, "feature-extraction"),
        (sigmoid, {"tokenizer": tokenizer}, "leave out tokenizer"),
        (_Doubling(model=network, tokenizer=tokenizer), {}, "_Doubling changes the pipeline"),
        (
            transformers.pipeline(
                "text-classification", model=network, tokenizer=tokenizer, truncation=True, max_length=4
            ),
            {},
            "plain classifier",
        ),
        (network, {"tokenizer": 3}, "fast tokenizer"),
        (vit[0], {"processor": 3}, "image processor"),
    ]
    for given, options, named in cases:
        with pytest.raises(StabcertError) as error:
            from_pipeline(given, picture() if given is vit[0] else TEXT, **options)
        assert named in str(error.value), str(error.value)
    with pytest.raises(InputError, match=r"PIL\.Image\.fromarray"):
        from_pipeline(vit[0], np.zeros((4, 4, 3), dtype=np.uint8), processor=vit[1])
    network.train()
    try:
        with pytest.raises(StabcertError, match=r"network\.eval\(\)"):
            from_pipeline(network, TEXT, tokenizer=tokenizer)
    finally:
        network.eval()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_model_in_half_precision_stays_the_same_model(dtype: torch.dtype) -> None:
    network, tokenizer = tiny_network("bert").to(dtype), tiny_tokenizer("bert")
    places = [one.data_ptr() for one in network.parameters()]
    first = from_pipeline(network, TEXT, tokenizer=tokenizer)
    assert [one.data_ptr() for one in network.parameters()] == places
    from_pipeline(network, "A dog.", tokenizer=tokenizer)
    assert first(np.ones((1, first.n_features), dtype=np.bool_)).shape == (1, len(first.class_names))


def test_a_pair_has_the_same_function_as_its_pipeline(bert: Any) -> None:
    network, tokenizer = bert
    pipeline = transformers.pipeline("text-classification", model=network, tokenizer=tokenizer)
    predictor = from_pipeline(pipeline, TEXT, text_pair="A dog.", explain_side="second")
    alone = from_pipeline(network, TEXT, tokenizer=tokenizer, text_pair="A dog.", explain_side="second")
    masks = every_mask(predictor.n_features)
    assert np.abs(predictor(masks) - alone(masks)).max() < 1e-6
    assert predictor.n_features < from_pipeline(pipeline, TEXT, text_pair="A dog.").n_features


@pytest.mark.parametrize(
    ("problem", "options"),
    [
        ("multi_label_classification", {"target": 1, "threshold": 0.4}),
        ("regression", {"target": 2, "tolerance": 0.3}),
        ("regression", {"target": 0, "threshold": 0.0}),
    ],
)
def test_a_pipeline_of_labels_or_numbers_has_the_answers_of_its_saved_model(
    tmp_path: Path, problem: str, options: dict[str, Any]
) -> None:
    network, tokenizer = tiny_network("bert", changes={"problem_type": problem}), tiny_tokenizer("bert")
    save(network, tmp_path, tokenizer)
    pipeline = transformers.pipeline("text-classification", model=network, tokenizer=tokenizer)
    found = from_pipeline(pipeline, TEXT, batch_size=7, **options)
    named = load_predictor(str(tmp_path), TEXT, device="cpu", **options)
    masks = every_mask(found.n_features)[::9]
    assert found.class_names == named.class_names
    assert found.batches.block(32) <= 7
    np.testing.assert_allclose(found(masks), named(masks), atol=1e-5)
    moved, expected = found.around(masks[3]), named.around(masks[3])
    assert moved.class_names == expected.class_names
    np.testing.assert_allclose(moved(masks), expected(masks), atol=1e-5)
    assert explain(found, "occlusion").scores.shape == (found.n_features,)
    scored = found.scored()
    with torch.no_grad():
        network.classifier.bias += 1
    for evaluate in (moved, moved.outputs, scored.alone):
        with pytest.raises(StabcertError, match=r"the weights of .* have changed"):
            evaluate(masks)


def test_a_pipeline_of_labels_needs_the_label(bert: Any) -> None:
    network, tokenizer = tiny_network("bert", changes={"problem_type": "multi_label_classification"}), bert[1]
    with pytest.raises(StabcertError, match=r"predicts 3 labels.*Use target='LABEL_0', or another of"):
        from_pipeline(network, TEXT, tokenizer=tokenizer)
    with pytest.raises(StabcertError, match="threshold must be left out"):
        from_pipeline(bert[0], TEXT, tokenizer=tokenizer, threshold=0.5)
