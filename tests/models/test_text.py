"""Texts as masked inputs: what a dropped word is, for each family of networks."""

from __future__ import annotations

import logging
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st

from stabcert.core.types import Masks, Probs
from stabcert.errors import InputError, ModelError, ParameterError
from stabcert.models.base import ModelPredictor
from stabcert.models.sequences import (
    TokenSequence,
    default_positions,
    hides_dropped_tokens,
    make_sequence,
    padded_length,
)
from stabcert.models.text import MaskedText, removes_tokens_exactly
from tests.tiny_models import FAMILIES, tiny_network
from tests.tiny_tokenizers import tiny_tokenizer, wordpiece_tokenizer

CPU = torch.device("cpu")
TEXT = "the movie was not good, the film was unbelievable! bad good"
EXACT = ("bert", "roberta", "xlm-roberta", "camembert", "distilbert", "electra", "albert")
FALLBACK = ("mpnet", "deberta", "deberta-v2", "deberta-v3", "modernbert")


@cache
def network(family: str) -> transformers.PreTrainedModel:
    return tiny_network(family)


@cache
def precise_network(family: str) -> transformers.PreTrainedModel:
    return tiny_network(family).double()


@cache
def removes(family: str) -> bool:
    return removes_tokens_exactly(network(family), tiny_tokenizer(family), CPU)


def masked(text: str, family: str = "bert", **options: Any) -> MaskedText:
    options = {"removes_tokens": removes(family), **options}
    return MaskedText(network(family), tiny_tokenizer(family), text, device=CPU, dtype=torch.float32, **options)


def precise(family: str, **options: Any) -> MaskedText:
    """In float64, so that what differs is not rounding."""
    options = {"removes_tokens": removes(family), **options}
    tokenizer = tiny_tokenizer(family)
    return MaskedText(precise_network(family), tokenizer, TEXT, device=CPU, dtype=torch.float64, **options)


def labels(text: MaskedText) -> list[str]:
    return [feature.label for feature in text.features.items]


def random_masks(n_features: int, shares: tuple[float, ...], rows: int = 6) -> Masks:
    rng = np.random.default_rng(0)
    return np.concatenate([rng.random((rows, n_features)) < share for share in shares])


def inputs_of(text: MaskedText, family: str, masks: Masks) -> dict[str, torch.Tensor]:
    """What the network is given for these masks."""
    seen: dict[str, torch.Tensor] = {}
    hook = network(family).register_forward_pre_hook(lambda _, args, kwargs: seen.update(kwargs), with_kwargs=True)
    try:
        with torch.inference_mode():
            text.logits(masks)
    finally:
        hook.remove()
    return seen


def full_logits(text: str, family: str) -> torch.Tensor:
    with torch.inference_mode():
        logits: torch.Tensor = network(family)(**tiny_tokenizer(family)(text, return_tensors="pt")).logits
    return logits


# Removing tokens


@pytest.mark.slow
@pytest.mark.parametrize("family", EXACT)
def test_leaving_tokens_out_equals_an_attention_mask_of_zero_in(family: str) -> None:
    assert removes(family)
    removed, hidden = precise(family), precise(family, removes_tokens=False)
    assert removed.settings["removal"] == "tokens removed"
    assert hidden.settings["removal"] == "attention mask"
    masks = random_masks(len(removed.features), (1.0, 0.75, 0.5, 0.0))
    with torch.inference_mode():
        expected = hidden.logits(masks)
        torch.testing.assert_close(removed.logits(masks), expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("family", EXACT)
def test_a_wrong_position_would_have_been_seen_in(family: str) -> None:
    text = masked(TEXT, family)
    masks = np.ones((1, len(text.features)), dtype=np.bool_)
    masks[0, :4] = False
    inputs = inputs_of(text, family, masks)
    moved = inputs | {"position_ids": inputs["position_ids"][:, :1] + torch.arange(inputs["position_ids"].shape[1])}
    with torch.inference_mode():
        right, wrong = network(family)(**inputs).logits, network(family)(**moved).logits
    assert (right - wrong).abs().max() > 0.01 * right.abs().max()


@pytest.mark.parametrize("family", FALLBACK)
def test_the_attention_mask_is_used_instead_in(family: str) -> None:
    assert not removes(family)
    text = masked(TEXT, family)
    assert text.settings["removal"] == "attention mask"
    masks = random_masks(len(text.features), (0.5,))
    inputs = inputs_of(text, family, masks)
    kept = inputs["attention_mask"].bool().numpy()
    np.testing.assert_array_equal(kept.sum(axis=1), masked(TEXT, family, removes_tokens=True).cost(masks))
    assert kept[:, [0, -1]].all()
    np.testing.assert_array_equal(text.cost(masks), [text.n_tokens_total] * len(masks))


@pytest.mark.parametrize(("window", "exact"), [(16, False), (40, False), (1000, True)])
def test_a_window_of_attention_is_found_however_short_the_other_probe(window: int, exact: bool) -> None:
    changes = {"local_attention": window}
    assert removes_tokens_exactly(tiny_network("modernbert", changes=changes), wordpiece_tokenizer(), CPU) is exact


def test_a_text_longer_than_the_probe_is_hidden_by_the_attention_mask() -> None:
    tokenizer = wordpiece_tokenizer(model_max_length=600)
    long = tiny_network("bert", n_tokens=600)
    assert removes_tokens_exactly(long, tokenizer, CPU)
    removal = {}
    for n_words in (510, 511):
        text = MaskedText(long, tokenizer, "good " * n_words, removes_tokens=True, device=CPU, dtype=torch.float32)
        removal[text.n_tokens_total] = text.settings["removal"]
    assert removal == {512: "tokens removed", 513: "attention mask"}


def test_the_probe_works_for_half_precision_and_leaves_weights_and_generator_alone() -> None:
    half = tiny_network("bert").to(torch.bfloat16)
    before = {name: value.clone() for name, value in half.state_dict().items()}
    state = torch.get_rng_state()
    assert removes_tokens_exactly(half, wordpiece_tokenizer(), CPU)
    assert torch.equal(state, torch.get_rng_state())
    after = half.state_dict()
    assert {value.dtype for value in after.values()} == {torch.bfloat16}
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.slow
@pytest.mark.parametrize("family", [*EXACT, *FALLBACK])
def test_batches_order_and_duplicates_change_nothing_in(family: str) -> None:
    masks = random_masks(len(precise(family).features), (0.0, 0.3, 0.7, 1.0))

    def evaluate(rows: Masks, batch_size: int) -> Probs:
        predictor = ModelPredictor(
            precise(family), ("a", "b", "c"), device=CPU, dtype=torch.float64, batch_size=batch_size
        )
        return predictor(rows)

    alone = evaluate(masks, 1)
    assert alone.std(axis=0).max() > 1e-3
    np.testing.assert_allclose(evaluate(masks, 3), alone, rtol=0, atol=1e-6)
    np.testing.assert_allclose(evaluate(masks, 64), alone, rtol=0, atol=1e-6)
    order = np.random.default_rng(1).permutation(np.repeat(np.arange(len(masks)), 2))
    np.testing.assert_allclose(evaluate(masks[order], 5), alone[order], rtol=0, atol=1e-6)


@pytest.mark.parametrize("family", [*EXACT, *FALLBACK])
@pytest.mark.parametrize("baseline", ["remove", "mask", "pad", "unk"])
def test_the_full_mask_is_the_plain_model(family: str, baseline: str) -> None:
    text = masked(TEXT, family, baseline=baseline)
    with torch.inference_mode():
        logits = text.logits(np.ones((2, len(text.features)), dtype=np.bool_))
    torch.testing.assert_close(logits, full_logits(TEXT, family).expand(2, -1), rtol=0, atol=1e-5)


def test_the_empty_mask_leaves_the_special_tokens_at_their_places() -> None:
    text = masked(TEXT)
    last = text.n_tokens_total - 1
    with torch.inference_mode():
        expected = network("bert")(input_ids=torch.tensor([[2, 3]]), position_ids=torch.tensor([[0, last]])).logits
        logits = text.logits(np.zeros((1, len(text.features)), dtype=np.bool_))
    torch.testing.assert_close(logits, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", ["word", "token", "sentence"])
@pytest.mark.parametrize("family", ["bert", "roberta"])
def test_dropping_a_feature_removes_its_tokens_and_no_other(kind: str, family: str) -> None:
    string = "Good unbelievable movie!!! It was bad. 👍🏽 good"
    text = masked(string, family, features=kind)
    encoding = tiny_tokenizer(family)(string, return_offsets_mapping=True)
    offsets, ids = encoding["offset_mapping"], encoding["input_ids"]
    dropped_tokens: list[int] = []
    for index, feature in enumerate(text.features.items):
        masks = np.ones((1, len(text.features)), dtype=np.bool_)
        masks[0, index] = False
        first = 2 if family == "roberta" else 0
        inputs = inputs_of(text, family, masks)
        kept = inputs["input_ids"][inputs["attention_mask"] == 1].tolist()
        positions = inputs["position_ids"][inputs["attention_mask"] == 1].tolist()
        assert kept == [ids[position - first] for position in positions]
        dropped = sorted(set(range(len(ids))) - {position - first for position in positions})
        assert dropped
        assert feature.span is not None or kind == "token"
        for token in dropped:
            start, end = offsets[token]
            if start < end and feature.span is not None:
                assert feature.span[0] <= start < end <= feature.span[1]
        dropped_tokens += dropped
    assert sorted(dropped_tokens) == list(range(1, len(ids) - 1))


def test_removal_gathers_each_rows_tokens_in_order_and_fills_up_what_is_shorter() -> None:
    rng = np.random.default_rng(0)
    n_tokens = 300
    ids, types, positions = rng.integers(5, 1000, (3, n_tokens))
    sequence = TokenSequence(ids, types, special=np.zeros(n_tokens, dtype=np.bool_), filler=7)
    keep = rng.random((4, n_tokens)) < np.array([[0.2], [0.9], [0.5], [0.01]])
    inputs = sequence.removed(keep, positions)
    width = int(keep.sum(axis=1).max())
    for row, kept in enumerate(keep):
        n_kept = int(kept.sum())
        assert inputs["input_ids"][row].tolist() == [*ids[kept], *[7] * (width - n_kept)]
        assert inputs["attention_mask"][row].tolist() == [1] * n_kept + [0] * (width - n_kept)
        assert inputs["position_ids"][row, :n_kept].tolist() == positions[kept].tolist()
        assert inputs["token_type_ids"][row, :n_kept].tolist() == types[kept].tolist()


def test_cost_counts_the_tokens_of_each_row() -> None:
    text = masked("good unbelievable bad")
    assert labels(text) == ["good", "unbelievable", "bad"]
    masks = np.array([[1, 1, 1], [0, 1, 0], [0, 0, 0]], dtype=np.bool_)
    np.testing.assert_array_equal(text.cost(masks), [7, 5, 2])
    np.testing.assert_array_equal(masked("good unbelievable bad", baseline="mask").cost(masks), [7, 7, 7])


# Features


@pytest.mark.parametrize(
    ("string", "expected"),
    [
        ("Not GOOD, not good", ["Not", "GOOD", ",", "not", "good"]),
        ("cafe\u0301 crème", ["cafe\u0301", "crème"]),
        ("👨\u200d👩\u200d👧 ok 👍🏽", ["👨\u200d👩\u200d👧", "ok", "👍🏽"]),
        ("مرحبا بالعالم", ["مرحبا", "بالعالم"]),
        ("  我喜欢 film\n", ["我", "喜", "欢", "film"]),
        ("co\u00adoperate \u200b good", ["co\u00adoperate", "good"]),
    ],
)
@pytest.mark.parametrize("family", ["bert", "roberta"])
def test_words_are_pieces_of_the_users_own_text(string: str, expected: list[str], family: str) -> None:
    text = masked(string, family)
    assert labels(text) == expected
    assert [string[slice(*feature.span)] for feature in text.features.items if feature.span] == expected
    assert text.features.shape == (len(expected),)
    assert text.text == string


def test_a_repeated_word_is_a_feature_each_time() -> None:
    text = masked("good good good")
    assert [feature.span for feature in text.features.items] == [(0, 4), (5, 9), (10, 14)]


def test_tokens_and_sentences() -> None:
    tokens = masked("Unbelievable film.", features="token")
    assert labels(tokens) == ["Un", "believ", "able", "film", "."]
    assert tokens.features.kind == "token"
    sentences = masked("Good film. Was it? Yes", features="sentence")
    assert labels(sentences) == ["Good film.", "Was it?", "Yes"]
    assert sentences.features.kind == "sentence"


def test_a_token_without_characters_is_named_by_the_tokenizer() -> None:
    text = masked("a  <mask>", "roberta", features="token")
    assert labels(text) == ["a", "Ġ", "Ġ", "<mask>"]
    assert [feature.span for feature in text.features.items] == [(0, 1), None, None, (3, 9)]


@pytest.mark.parametrize(
    ("family", "string"),
    [("bert", "[MASK]"), ("bert", "[CLS]"), ("bert", "[SEP] [PAD]"), ("roberta", "<s>"), ("roberta", "</s><mask>")],
)
def test_a_special_token_that_the_user_typed_can_be_dropped(family: str, string: str) -> None:
    text = masked(string, family, features="token")
    assert "".join(labels(text)).replace("Ġ", " ") == string.replace(" ", "")
    np.testing.assert_array_equal(text.cost(np.zeros((1, len(text.features)), dtype=np.bool_)), [2])
    words = masked(string, family)
    np.testing.assert_array_equal(words.cost(np.zeros((1, len(words.features)), dtype=np.bool_)), [2])


def test_padding_that_the_user_typed_has_the_position_the_model_gives_it() -> None:
    string = "good<pad>bad<pad><pad>good"
    text = masked(string, "roberta")
    with torch.inference_mode():
        logits = text.logits(np.ones((1, len(text.features)), dtype=np.bool_))
    torch.testing.assert_close(logits, full_logits(string, "roberta"), rtol=0, atol=1e-5)
    ids = np.array([0, 9, 1, 8, 1, 1, 7, 2])
    assert default_positions(network("roberta"), ids).tolist() == [2, 3, 1, 4, 1, 1, 5, 6]


PIECES = ["good", "unbelievable", " ", "!", "👍🏽", "é", "e\u0301", "我", "ق", "[MASK]", "<s>", "\n", "\u200b", "🇩🇪"]


@pytest.mark.slow
@settings(max_examples=120, deadline=None, database=None)
@given(
    st.one_of(st.text(max_size=20), st.lists(st.sampled_from(PIECES), max_size=8).map("".join)),
    st.sampled_from(["bert", "roberta"]),
)
def test_every_own_token_of_any_text_is_in_one_feature_and_no_feature_is_without_effect(
    string: str, family: str
) -> None:
    try:
        text = masked(string, family, truncate=True)
    except InputError:
        return
    n = len(text.features)
    spans = [feature.span for feature in text.features.items if feature.span is not None]
    edges = [edge for span in spans for edge in span]
    assert edges == sorted(edges)
    assert labels(text) == [string[start:end] for start, end in spans]
    every, none = np.ones((1, n), dtype=np.bool_), np.zeros((1, n), dtype=np.bool_)
    removed_by_each = text.n_tokens_kept - text._kept_tokens(~np.eye(n, dtype=np.bool_)).sum(axis=1)
    assert (removed_by_each >= 1).all()
    assert removed_by_each.sum() == text.n_tokens_kept - 2
    np.testing.assert_array_equal(text._kept_tokens(np.concatenate([every, none])).sum(axis=1), [text.n_tokens_kept, 2])


# Substitutes


@pytest.mark.parametrize(("baseline", "token"), [("mask", 4), ("pad", 0), ("unk", 1)])
def test_a_substitute_takes_the_place_of_each_dropped_token(baseline: str, token: int) -> None:
    text = masked("good unbelievable bad", baseline=baseline)
    inputs = inputs_of(text, "bert", np.array([[True, False, True]]))
    ids = tiny_tokenizer("bert")("good unbelievable bad")["input_ids"]
    assert inputs["input_ids"].tolist() == [[*ids[:2], token, token, token, *ids[5:]]]
    assert inputs["attention_mask"].all()
    assert text.settings == {"features": "word", "baseline": baseline, "removal": None, "truncated": False}


@pytest.mark.parametrize("family", ["roberta", "xlm-roberta", "camembert", "mpnet"])
def test_padding_as_a_substitute_moves_no_other_word_in(family: str) -> None:
    text = masked("bad film good", family, baseline="pad")
    inputs = inputs_of(text, family, np.array([[True, False, True]]))
    assert (inputs["input_ids"] == 1).sum() > 0
    assert inputs["position_ids"].tolist() == [[*range(2, 2 + text.n_tokens_total)]]


# Networks that cannot hide tokens


def test_a_network_without_special_tokens_cannot_remove_words_but_substitutes() -> None:
    with pytest.raises(ParameterError, match=r"adds no special token.*Use baseline='unk'"):
        masked(TEXT, "gpt2")
    text = masked(TEXT, "gpt2", baseline="unk")
    masks = random_masks(len(text.features), (1.0, 0.5))
    with torch.inference_mode():
        logits = text.logits(masks)
        alone = torch.cat([text.logits(row[None, :]) for row in masks])
    assert torch.equal(logits, alone)
    torch.testing.assert_close(logits[:1], full_logits(TEXT, "gpt2"), rtol=0, atol=1e-5)


@pytest.mark.parametrize("family", ["fnet", "bart"])
def test_a_network_that_reads_hidden_tokens_is_refused_in(family: str) -> None:
    with pytest.raises(ParameterError, match=r"reads tokens even where its attention mask is 0.*Use baseline='.*mask"):
        masked(TEXT, family)
    text = masked(TEXT, family, baseline="mask")
    with torch.inference_mode():
        logits = text.logits(np.ones((1, len(text.features)), dtype=np.bool_))
    torch.testing.assert_close(logits, full_logits(TEXT, family), rtol=0, atol=1e-5)


@pytest.mark.parametrize("family", [*EXACT, *FALLBACK])
def test_an_attention_mask_of_zero_hides_tokens_in(family: str) -> None:
    tokenizer = tiny_tokenizer(family)
    sequence = make_sequence(network(family), tokenizer, tokenizer(TEXT, return_special_tokens_mask=True))
    assert hides_dropped_tokens(network(family), tokenizer, sequence, CPU)


# Relaxed masks


@pytest.mark.parametrize("family", [*EXACT, *FALLBACK])
def test_relaxed_ones_are_the_full_text_and_gradients_reach_every_feature(family: str) -> None:
    text = masked(TEXT, family)
    weights = torch.ones(2, len(text.features), requires_grad=True)
    logits = text.relaxed_logits(weights)
    torch.testing.assert_close(logits, full_logits(TEXT, family).expand(2, -1), rtol=0, atol=1e-5)
    (gradient,) = torch.autograd.grad(logits[0, 0], weights)
    assert (gradient[0] != 0).all()
    assert (gradient[1] == 0).all()


@pytest.mark.parametrize("baseline", ["mask", "pad", "unk"])
@pytest.mark.parametrize("family", ["bert", "roberta", "mpnet", "deberta-v3"])
def test_relaxed_zeros_and_ones_are_the_substituted_text(family: str, baseline: str) -> None:
    text = masked(TEXT, family, baseline=baseline)
    masks = random_masks(len(text.features), (0.0, 0.5, 1.0))
    with torch.inference_mode():
        expected = text.logits(masks)
        relaxed = text.relaxed_logits(torch.tensor(masks, dtype=torch.float64))
    torch.testing.assert_close(relaxed, expected, rtol=0, atol=1e-5)
    assert text.relaxation == f"embeddings interpolated to that of the {baseline} token; every token attended to"


def test_relaxed_weights_interpolate_embeddings() -> None:
    text = masked("good bad", "bert")
    table = network("bert").get_input_embeddings().weight
    good, bad = (tiny_tokenizer("bert").convert_tokens_to_ids(word) for word in ("good", "bad"))
    embeddings = torch.stack([table[2], 0.25 * table[good] + 0.75 * table[4], table[bad], table[3]])[None]
    with torch.inference_mode():
        expected = network("bert")(inputs_embeds=embeddings).logits
        torch.testing.assert_close(text.relaxed_logits(torch.tensor([[0.25, 1.0]])), expected, rtol=0, atol=1e-5)


def test_the_relaxation_falls_back_to_unk_then_to_nothing() -> None:
    assert "unk token" in masked(TEXT, "gpt2", baseline="unk").relaxation
    tokenizer = wordpiece_tokenizer()
    tokenizer.mask_token = tokenizer.unk_token = tokenizer.pad_token = None
    text = MaskedText(network("bert"), tokenizer, "good", removes_tokens=True, device=CPU, dtype=torch.float32)
    assert text.relaxation.startswith("none")
    with pytest.raises(ParameterError, match=r"a mask, unk, pad or eos token .* Use a method without gradients"):
        text.relaxed_logits(torch.ones(1, 1))


def test_a_network_that_takes_no_embeddings_says_so() -> None:
    module: Any = tiny_network("bert")
    elsewhere = torch.nn.Embedding(*module.bert.embeddings.word_embeddings.weight.shape)
    module.get_input_embeddings = lambda: elsewhere
    text = MaskedText(module, tiny_tokenizer("bert"), TEXT, removes_tokens=True, device=CPU, dtype=torch.float32)
    with pytest.raises(ModelError, match=r"does not take embeddings.*Use a method without gradients"):
        text.relaxed_logits(torch.ones(1, len(text.features)))


# What is refused, and what is cut


@pytest.mark.parametrize("family", ["bert", "roberta"])
def test_a_text_that_is_too_long_is_refused_or_cut(family: str, caplog: pytest.LogCaptureFixture) -> None:
    string = "unbelievable good " * 40
    n_tokens = len(tiny_tokenizer(family)(string, verbose=False)["input_ids"])
    logger = logging.getLogger("transformers")
    logger.addHandler(caplog.handler)
    try:
        with pytest.raises(InputError, match=rf"the text has {n_tokens} tokens, .* at most 96\. .* truncate=True"):
            masked(string, family)
        text = masked(string, family, truncate=True)
    finally:
        logger.removeHandler(caplog.handler)
    assert caplog.records == []
    assert (text.truncated, text.n_tokens_total, text.n_tokens_kept) == (True, n_tokens, 96)
    assert text.settings["truncated"] is True
    cut = tiny_tokenizer(family)(
        string, truncation=True, max_length=96, return_tensors="pt", return_offsets_mapping=True
    )
    seen_to = int(cut.pop("offset_mapping")[0, -2, 1])
    last = text.features.items[-1].span
    assert last is not None
    assert last[1] == seen_to
    with torch.inference_mode():
        logits = text.logits(np.ones((1, len(text.features)), dtype=np.bool_))
        torch.testing.assert_close(logits, network(family)(**cut).logits, rtol=0, atol=1e-5)


def test_a_text_that_just_fits_is_not_cut() -> None:
    text = masked("good " * 94, truncate=True)
    assert (text.truncated, text.n_tokens_total, text.n_tokens_kept) == (False, 96, 96)
    with pytest.raises(InputError, match="97 tokens"):
        masked("good " * 95)


def test_the_tokenizers_own_limit_counts_too() -> None:
    tokenizer = wordpiece_tokenizer(model_max_length=8)
    with pytest.raises(InputError, match="has 9 tokens, but the model reads at most 8"):
        MaskedText(network("bert"), tokenizer, "good " * 7, removes_tokens=True, device=CPU, dtype=torch.float32)


@pytest.mark.parametrize("string", ["", "  \n\t"])
def test_an_empty_text_is_refused(string: str) -> None:
    with pytest.raises(InputError, match=r"the text is empty\. Give at least one word"):
        masked(string)


@pytest.mark.parametrize("kind", ["word", "token", "sentence"])
def test_a_text_without_a_token_is_refused(kind: str) -> None:
    with pytest.raises(InputError, match=f"has no {kind} that the model's tokenizer can read. Give another text"):
        masked("\u200b\u200b", features=kind)


def test_half_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(InputError, match="character 3 of the text is half of a surrogate pair"):
        masked("ok \ud83d")


def test_unknown_features_and_baselines_name_the_possible_ones() -> None:
    with pytest.raises(ParameterError, match=r"features 'patch' .* Use features='word\|token.*passage\|regex:PATTERN'"):
        masked(TEXT, features="patch")
    with pytest.raises(ParameterError, match=r"baseline 'blur' .* Use baseline='remove\|mask\|pad\|unk'"):
        masked(TEXT, baseline="blur")


def test_a_missing_token_names_the_baselines_that_are_there() -> None:
    tokenizer = wordpiece_tokenizer()
    tokenizer.mask_token = None
    with pytest.raises(ParameterError, match=r"has no mask token. Use baseline='remove\|pad\|unk'"):
        MaskedText(
            network("bert"), tokenizer, TEXT, baseline="mask", removes_tokens=True, device=CPU, dtype=torch.float32
        )


def test_padding_needs_position_ids() -> None:
    with pytest.raises(ParameterError, match=r"does not take position ids.*Use baseline='mask\|unk'$"):
        masked(TEXT, "bart", baseline="pad")


def test_a_tokenizer_without_offsets_is_refused() -> None:
    slow = SimpleNamespace(is_fast=False)
    with pytest.raises(ModelError, match="Use a model with a fast tokenizer"):
        MaskedText(network("bert"), slow, TEXT, removes_tokens=True, device=CPU, dtype=torch.float32)


def test_every_family_of_the_table_is_tried() -> None:
    assert set(FAMILIES) == {*EXACT, *FALLBACK, "fnet", "bart", "gpt2"}


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_padding_depends_on_the_length_alone_and_is_small(device: str) -> None:
    lengths = np.arange(1, 600)
    padded = padded_length(lengths, torch.device(device))
    assert (padded >= lengths).all()
    assert (np.diff(padded) >= 0).all()
    if device == "cpu":
        assert (padded[:31] == lengths[:31]).all()
        assert (padded - lengths <= lengths / 16).all()
        assert len(np.unique(padded[255:511])) == 16 + 1
    else:
        assert (padded % 32 == 0).all()


def test_a_row_gives_the_same_bits_whatever_shares_its_batch() -> None:
    text = masked("the movie was not bad a great film " * 5, "bert")
    masks = np.random.default_rng(0).random((64, len(text.features))) < 0.8
    costs = text.cost(masks)
    group = masks[costs == np.bincount(costs).argmax()]
    assert len(np.unique(text._kept_tokens(group).sum(axis=1))) > 1, "rows of several lengths"
    with torch.inference_mode():
        together, apart = text.logits(group[:8]), torch.cat([text.logits(group[:4]), text.logits(group[4:8])])
    assert torch.equal(together, apart)
