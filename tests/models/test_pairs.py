"""Pairs of texts: segments, separators and positions of each family, against transformers' own pipeline."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from tokenizers import processors

from stabcert.core.types import SIDES, Masks
from stabcert.errors import InputError, ModelError, ParameterError
from stabcert.models.base import ModelPredictor
from stabcert.models.neighbours import gaussian_neighbours
from stabcert.models.removal import HIDDEN, MOVED_TOGETHER, REMOVED, Removal
from stabcert.models.removal_probe import NoRemoval, removal_at_load
from stabcert.models.text import MaskedText
from tests.tiny_models import tiny_network
from tests.tiny_tokenizers import tiny_tokenizer, wordpiece_tokenizer

CPU = torch.device("cpu")
FIRST, SECOND = "is the movie good?", "the film was unbelievable, a great film"
FAMILIES = {
    # The name of the network, and how the special tokens and segments of a pair look.
    "bert": "C A0 S B1 S1",
    "albert": "C A0 S B1 S1",
    "electra": "C A0 S B1 S1",
    "deberta": "C A0 S B1 S1",
    "distilbert": "C A S B S",
    "roberta": "s A /s /s B /s",
    "bart": "s A /s /s B /s",
    "xlnet": "A0 S B1 S1 C2",
    "llama": "C A C B",
    "gpt2": "A B",
    "deberta-v3": "C A0 S B1 S1",
    "fnet": "C A0 S B1 S1",
    "modernbert": "C A S B S",
    "mpnet": "s A /s /s B /s",
    "longformer": "s A /s /s B /s",
    "t5": "s A /s /s B /s",
}
QUICK = ("bert", "roberta", "bart", "xlnet", "llama", "gpt2")
EVERY = [family if family in QUICK else pytest.param(family, marks=pytest.mark.slow) for family in FAMILIES]


@cache
def tokenizer(family: str) -> transformers.PreTrainedTokenizerFast:
    if family in ("roberta", "bart", "gpt2", "mpnet", "longformer", "t5"):
        return tiny_tokenizer(family)
    made = wordpiece_tokenizer()
    if family == "xlnet":
        single, pair = "$A:0 [SEP]:0 [CLS]:2", "$A:0 [SEP]:0 $B:1 [SEP]:1 [CLS]:2"
    elif family == "llama":
        single, pair = "[CLS]:0 $A:0", "[CLS]:0 $A:0 [CLS]:1 $B:1"
    else:
        single, pair = "[CLS]:0 $A:0 [SEP]:0", "[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1"
    special = [("[CLS]", 2), ("[SEP]", 3)]
    made.backend_tokenizer.post_processor = processors.TemplateProcessing(single, pair, special)
    if family in ("distilbert", "llama", "modernbert"):
        made.model_input_names = ["input_ids", "attention_mask"]
    return made


@cache
def network(family: str) -> transformers.PreTrainedModel:
    return tiny_network(family)


def pair(family: str, first: str = FIRST, second: str = SECOND, **options: Any) -> MaskedText:
    removes, leftover = removal(family)
    options = {"removes_tokens": removes, "leftover": leftover, **options}
    return MaskedText(
        network(family), tokenizer(family), first, text_pair=second, device=CPU, dtype=torch.float32, **options
    )


@cache
def removal(family: str) -> tuple[bool, Removal | NoRemoval | None]:
    return removal_at_load(network(family), tokenizer(family), CPU)


def documented(text: MaskedText, family: str, masks: Masks) -> torch.Tensor:
    """The logits by the documentation: each dropped token replaced, hidden, or out of what the tokenizer gives."""
    way, substitute = text.settings["removal"], text.settings["baseline"]
    encoding = tokenizer(family)(
        FIRST, SECOND, return_tensors="pt", return_offsets_mapping=True, return_special_tokens_mask=True
    )
    offsets, special = encoding.pop("offset_mapping")[0].tolist(), encoding.pop("special_tokens_mask")[0].tolist()
    owners: list[int | None] = []
    for side, (start, end), added in zip(encoding.sequence_ids(0), offsets, special, strict=True):
        here = [
            number
            for number, one in enumerate(text.features.items)
            if not added and one.side == SIDES[side] and one.span is not None
        ]
        spans = {number: text.features.items[number].span or (0, 0) for number in here}
        touched = [number for number, (low, high) in spans.items() if start < high and low < end]
        before = [number for number, (_, high) in spans.items() if high <= start]
        # White space between words belongs to the word before it.
        owners.append(touched[0] if touched else before[-1] if before else here[0] if here else None)
    rows = []
    for mask in masks:
        inputs = {name: value.clone() for name, value in encoding.items()}
        kept = [token for token, owner in enumerate(owners) if owner is None or mask[owner]]
        dropped = sorted({*range(len(owners))} - {*kept})
        if way is None:
            inputs["input_ids"][0, dropped] = getattr(tokenizer(family), f"{substitute}_token_id")
        elif way in (HIDDEN, REMOVED):
            inputs["attention_mask"][0, dropped] = 0
        else:  # one row without padding, so that nothing is left to an attention mask
            inputs = {name: value[:, kept] for name, value in inputs.items()}
            if way != MOVED_TOGETHER:
                inputs["position_ids"] = torch.tensor([kept])
        rows.append(network(family)(**inputs).logits)
    return torch.cat(rows)


@pytest.mark.slow
@pytest.mark.parametrize("side", ["both", *SIDES])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_pair_is_what_the_pipeline_of_transformers_computes(family: str, side: str) -> None:
    text = pair(family, explain_side=side)
    classify = transformers.pipeline(
        "text-classification", model=network(family), tokenizer=tokenizer(family), device="cpu"
    )
    expected = {one["label"]: one["score"] for one in classify({"text": FIRST, "text_pair": SECOND}, top_k=None)}
    names = tuple(network(family).config.id2label.values())
    predictor = ModelPredictor(text, names, device=CPU)
    found = predictor(np.ones((1, len(text.features)), dtype=np.bool_))[0]
    np.testing.assert_allclose(found, [expected[name] for name in names], rtol=0, atol=2e-6)


@pytest.mark.parametrize("baseline", ["remove", "unk"])
@pytest.mark.parametrize("side", ["both", *SIDES])
@pytest.mark.parametrize("family", EVERY)
def test_random_masks_are_an_independent_computation(family: str, side: str, baseline: str) -> None:
    text = pair(family, explain_side=side, baseline=baseline)
    masks = np.random.default_rng(0).random((20, len(text.features))) < 0.6
    with torch.inference_mode():
        expected = documented(text, family, masks)
        torch.testing.assert_close(text.logits(masks), expected, rtol=0, atol=1e-4)
    assert float(expected.std(dim=0).min()) > 0.01, "what is compared differs between masks"


@pytest.mark.parametrize("family", EVERY)
def test_separators_and_segments_of(family: str) -> None:
    text = pair(family)
    inputs = text.inputs(np.zeros((1, len(text.features)), dtype=np.bool_))
    kept = inputs["input_ids"][0][inputs["attention_mask"][0].astype(bool)]
    names = {"[CLS]": "C", "[SEP]": "S", "<s>": "s", "</s>": "/s"}
    found = [names[name] for name in tokenizer(family).convert_ids_to_tokens(kept.tolist())]
    expected = [part.rstrip("012") for part in FAMILIES[family].split() if part[0] not in "AB"]
    assert found == (expected or ["/s"])  # without special tokens, the empty text is one end-of-text token
    if "1" in FAMILIES[family]:
        types = text.inputs(np.ones((1, len(text.features)), dtype=np.bool_))["token_type_ids"][0]
        assert sorted({int(part[-1]) for part in FAMILIES[family].split() if part[-1].isdigit()} | {0}) == sorted(
            set(types.tolist())
        )


def test_words_know_their_side_and_spans_count_in_it() -> None:
    text = pair("bert", "good film", "a good film")
    assert [(one.side, one.label, one.span) for one in text.features.items] == [
        ("first", "good", (0, 4)),
        ("first", "film", (5, 9)),
        ("second", "a", (0, 1)),
        ("second", "good", (2, 6)),
        ("second", "film", (7, 11)),
    ]
    assert [one.label for one in pair("bert", "good film", "a bad film", explain_side="second").features.items] == [
        "a",
        "bad",
        "film",
    ]
    assert [one.side for one in pair("bert", "Good. Bad.", "A film.", features="sentence").features.items] == [
        "first",
        "first",
        "second",
    ]
    assert pair("bert", features="token").features.items[-1].side == "second"


def test_the_other_side_is_always_kept() -> None:
    text = pair("bert", "good film", "a bad film", explain_side="second")
    ids = text.inputs(np.zeros((1, 3), dtype=np.bool_))["input_ids"][0]
    assert tokenizer("bert").convert_ids_to_tokens(ids.tolist()) == ["[CLS]", "good", "film", "[SEP]", "[SEP]"]
    assert text.settings["explain_side"] == "second"


def test_one_text_has_the_settings_that_it_always_had() -> None:
    text = MaskedText(network("bert"), tokenizer("bert"), FIRST, removes_tokens=True, device=CPU, dtype=torch.float32)
    assert [*text.settings] == ["features", "baseline", "removal", "truncated"]
    assert {one.side for one in text.features.items} == {None}


def test_the_longer_text_is_cut_as_the_tokenizer_does_and_said() -> None:
    long = "good film " * 60
    with pytest.raises(InputError, match=r"the two texts together have 12\d tokens, .* at most 96\. .* the longer one"):
        pair("bert", FIRST, long)
    text = pair("bert", FIRST, long, truncate=True)
    assert text.settings["cut"] == ["second"]
    assert text.notes == ("the second text was cut from 120 to 87 tokens",)
    encoding = tokenizer("bert")(FIRST, long, truncation="longest_first", max_length=96, return_tensors="pt")
    with torch.inference_mode():
        expected = network("bert")(**encoding).logits
        torch.testing.assert_close(
            text.logits(np.ones((1, len(text.features)), dtype=np.bool_)), expected, rtol=0, atol=1e-5
        )
    assert pair("bert", long, long, truncate=True).settings["cut"] == ["first", "second"]
    assert "cut" not in pair("bert").settings


def test_a_tokenizer_without_a_separator_is_noted() -> None:
    assert pair("gpt2").notes == ("the tokenizer puts no separator between the two texts",)
    assert pair("bert").notes == ()


def test_segments_that_a_tokenizer_does_not_give_are_noted() -> None:
    without = wordpiece_tokenizer()
    without.model_input_names = ["input_ids", "attention_mask"]
    text = MaskedText(
        network("bert"), without, FIRST, text_pair=SECOND, removes_tokens=True, device=CPU, dtype=torch.float32
    )
    (note,) = text.notes
    assert "has 2 segments, and its tokenizer gives both texts the same one" in note
    assert pair("roberta").notes == pair("deberta").notes == pair("xlnet").notes == ()


def test_gradients_and_neighbours_read_the_segments() -> None:
    text = pair("bert", baseline="mask", explain_side="first")
    n = len(text.features)
    with torch.inference_mode():
        full = text.logits(np.ones((1, n), dtype=np.bool_))
        torch.testing.assert_close(text.relaxed_logits(torch.ones(1, n)), full, rtol=0, atol=1e-5)
        empty = text.logits(np.zeros((1, n), dtype=np.bool_))
        torch.testing.assert_close(text.relaxed_logits(torch.zeros(1, n)), empty, rtol=0, atol=1e-5)
    predictor = ModelPredictor(text, ("a", "b", "c"), device=CPU)
    (near,) = gaussian_neighbours(predictor, count=1, sigma=1e-6, rng=np.random.default_rng(0))
    masks = np.random.default_rng(0).random((4, n)) < 0.5
    np.testing.assert_allclose(near(masks), predictor(masks), rtol=0, atol=1e-4)


@pytest.mark.parametrize("second", ["", " \n", "\u200b"])
def test_a_second_text_without_a_word_is_refused(second: str) -> None:
    with pytest.raises(InputError, match=r"the second text .*(is empty|has no token)"):
        pair("bert", FIRST, second)


def test_a_side_that_is_not_there_is_refused() -> None:
    with pytest.raises(ParameterError, match="explain_side must be both, first or second, got 'third'"):
        pair("bert", explain_side="third")
    with pytest.raises(ParameterError, match="explain_side needs a pair of texts"):
        MaskedText(
            network("bert"),
            tokenizer("bert"),
            FIRST,
            explain_side="first",
            removes_tokens=True,
            device=CPU,
            dtype=torch.float32,
        )


def test_a_network_with_one_segment_does_not_read_pairs() -> None:
    single = tiny_network("bert", changes={"type_vocab_size": 1})
    with pytest.raises(ModelError, match="has 1 segment, but its tokenizer gives the two texts of a pair 2"):
        MaskedText(
            single, tokenizer("bert"), FIRST, text_pair=SECOND, removes_tokens=True, device=CPU, dtype=torch.float32
        )
