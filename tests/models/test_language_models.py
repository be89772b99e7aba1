"""Language models as classifiers by their answers, against a plain computation token by token."""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from stabcert import certify_soft, load_model
from stabcert.core.decisions import decide
from stabcert.core.types import Masks, Probs
from stabcert.errors import InputError, ModelError, ParameterError
from stabcert.models.base import ModelPredictor
from stabcert.models.hub import LoadedModel
from stabcert.models.language_model import AnswerNetwork, answering
from stabcert.models.networks import TextNetwork
from stabcert.models.predictors import load_predictor
from stabcert.models.prefix import SharedPrefix
from stabcert.models.prompt import make_prompt
from stabcert.models.text import MaskedText
from stabcert.models.wording import Wording
from tests.oracles import stability_rate
from tests.tiny_language_models import (
    ROTARY,
    language_tokenizer,
    masks_of,
    plain_probabilities,
    save_language_model,
    tiny_language_model,
)
from tests.tiny_models import save, save_tiny_bert, seeded
from tests.tiny_tokenizers import wordpiece_tokenizer

CPU = torch.device("cpu")
TEXT = "A goood film, bad and good a"
PROMPT = "Is it? {input}\n:"
SEVERAL = ("xa", "yb", "zc")
"""Answers of three tokens, of which the first is the same."""
ONE = ("good", "a", "x")
"""Two answers of one token, and one of two."""
CASES = [
    ("qwen2", False, 4),
    *(
        pytest.param(*case, marks=pytest.mark.slow)
        for case in (("gpt2", False, 2), ("gpt2", True, 0), ("llama", True, 3), ("llama", False, 2))
    ),
]


@cache
def language_model(family: str, begins: bool, seed: int, *, classes: tuple[str, ...] = SEVERAL) -> LoadedModel:
    return in_memory(tiny_language_model(family, seed=seed), language_tokenizer(begins=begins), classes)


def in_memory(
    network: Any, tokenizer: Any, classes: tuple[str, ...], prompt: str | None = PROMPT, *, chat: bool = False
) -> LoadedModel:
    loaded = answering("tiny", network, tokenizer, Wording.of(classes, prompt, chat), CPU)
    return LoadedModel(
        id="tiny",
        kind="text",
        revision=None,
        sha256=None,
        config_sha256=None,
        class_names=loaded.class_names,
        device=CPU,
        dtype=torch.float32,
        notes=loaded.notes,
        network=loaded.network,
        settings=loaded.settings,
    )


def plain(model: LoadedModel, predictor: ModelPredictor, masks: Masks, *, text: str = TEXT) -> Probs:
    assert isinstance(model.network, TextNetwork)
    assert isinstance(model.network.module, AnswerNetwork)
    answers = [one["text"] for one in model.settings["answers"]]
    frame = model.settings["text"]
    inner, tokenizer = model.network.module.network, model.network.tokenizer
    return plain_probabilities(inner, tokenizer, frame, text, predictor.features, answers, masks)


@pytest.mark.parametrize("classes", [SEVERAL, ONE], ids=["several", "one"])
@pytest.mark.parametrize(("family", "begins", "seed"), CASES)
def test_probabilities_equal_a_computation_token_by_token(
    family: str, begins: bool, seed: int, classes: tuple[str, ...]
) -> None:
    model = language_model(family, begins, seed, classes=classes)
    predictor = model.predictor(TEXT)
    masks = masks_of(predictor.n_features)
    found = predictor(masks)
    np.testing.assert_allclose(found, plain(model, predictor, masks), atol=1e-5)
    assert len(set(found.argmax(axis=1))) > 1
    np.testing.assert_allclose(predictor.alone(masks), found, atol=1e-5)
    small = model.predictor(TEXT, batch_size=3)
    np.testing.assert_allclose(small(masks), found, atol=1e-5)
    assert predictor.masked_input.settings["removal"] == "tokens removed, kept tokens keep their positions"


@pytest.mark.slow
@pytest.mark.parametrize("features", ["token", "sentence", "passage", r"regex:\w+,?"])
def test_other_features_are_dropped_in_the_same_way(features: str) -> None:
    text = "A film. Good a.\n\nIt is bad.\n\nGood, so good."
    model = language_model("llama", True, 3)
    predictor = model.predictor(text, features=features)
    masks = masks_of(predictor.n_features)
    np.testing.assert_allclose(predictor(masks), plain(model, predictor, masks, text=text), atol=1e-5)


def test_passages_can_be_a_list() -> None:
    model = language_model("llama", True, 3)
    predictor = model.predictor(["a good film", "bad"], features="passage")
    assert [one.label for one in predictor.features.items] == ["a good film", "bad"]
    assert predictor.features.nouns == ("passage", "passages")


# Where the space before the text is a part of its first token, as in any sentence, it is dropped with it.
@pytest.mark.parametrize(("text", "left"), [(TEXT, "Is it? \n:"), ("good film", "Is it?\n:")])
def test_no_token_of_the_prompt_is_ever_dropped(text: str, left: str) -> None:
    model = language_model("qwen2", False, 4)
    masked = model.predictor(text).masked_input
    assert isinstance(masked, MaskedText)
    nothing = masked.inputs(np.zeros((1, len(masked.features)), dtype=np.bool_))
    assert isinstance(model.network, TextNetwork)
    assert model.network.tokenizer.decode(nothing["input_ids"][0]) == left


@pytest.mark.slow
def test_a_certificate_equals_brute_force_over_the_plain_computation() -> None:
    text = "good a bad x y film a"
    model = language_model("qwen2", False, 4)
    predictor = model.predictor(text)

    def answers(masks: Masks, /) -> Probs:
        return plain(model, predictor, masks, text=text)

    rates = set()
    for kept in ([0], [1, 4], [2, 3]):
        mask = np.zeros(predictor.n_features, dtype=np.bool_)
        mask[kept] = True
        found = certify_soft(predictor, mask, radius=2, rng=np.random.default_rng(0), n_samples=1000)
        assert found.rates[0].enumerated
        assert found.rates[0].rate == pytest.approx(float(stability_rate(answers, mask, 2)))
        rates.add(found.rates[0].rate)
    assert len(rates) > 1


@pytest.mark.slow
@pytest.mark.parametrize(("family", "begins", "seed"), [("gpt2", False, 2), ("llama", True, 3)])
def test_a_tie_of_two_answers_is_decided_by_the_mask_alone(family: str, begins: bool, seed: int) -> None:
    """Two tokens with nearly the same weights in the head. Llama computes in float32 whatever its weights are."""
    network, tokenizer = tiny_language_model(family, seed=seed), language_tokenizer(begins=begins)
    good, a = (tokenizer(text)["input_ids"][-1] for text in (" good", " a"))
    with torch.no_grad():
        network.lm_head.weight[a] = network.lm_head.weight[good]
        network.lm_head.weight[good] += 1e-7
    predictor = in_memory(network, tokenizer, ("good", "a")).predictor(TEXT)
    masks = masks_of(predictor.n_features)
    decisions = decide(predictor, masks)
    if family == "llama":
        assert decisions.near_tie.all()
        return
    assert predictor.rechecked == len(masks)
    assert not decisions.near_tie.all()
    alone = np.concatenate([decide(predictor, masks[i : i + 1]).classes for i in range(len(masks))])
    np.testing.assert_array_equal(decisions.classes, alone)


def test_the_tolerance_grows_with_the_logits_of_the_network() -> None:
    network, tokenizer = tiny_language_model("llama", seed=3), language_tokenizer(begins=True)
    with torch.no_grad():
        network.lm_head.weight *= 1000
    model = in_memory(network, tokenizer, ("good", "a"))
    predictor = model.predictor(TEXT)
    logits = predictor.masked_input.logits(masks_of(predictor.n_features))
    assert logits.abs().amax(dim=1).min() > 100


@pytest.mark.slow
@pytest.mark.parametrize("classes", [SEVERAL, ONE], ids=["several", "one"])
def test_gradients_are_those_of_the_joint_log_probability(classes: tuple[str, ...]) -> None:
    predictor = language_model("gpt2", False, 2, classes=classes).predictor(TEXT)
    masked = predictor.masked_input.in_float64()
    assert masked is not None
    n = predictor.n_features
    ones = torch.ones(1, n, dtype=torch.float64)
    np.testing.assert_allclose(
        masked.relaxed_logits(ones).detach().softmax(-1).numpy(), predictor(np.ones((1, n), dtype=np.bool_)), atol=1e-5
    )
    weights = torch.full((1, n), 0.7, dtype=torch.float64, requires_grad=True)
    logits = masked.relaxed_logits(weights)
    (logits[0, 0] - logits[0, 2]).backward()  # type: ignore[no-untyped-call]
    assert weights.grad is not None
    step = 1e-5
    for feature in range(n):
        moved = weights.detach().repeat(2, 1)
        moved[0, feature] += step
        moved[1, feature] -= step
        around = masked.relaxed_logits(moved)
        slope = ((around[0] - around[1])[0] - (around[0] - around[1])[2]) / (2 * step)
        assert float(weights.grad[0, feature]) == pytest.approx(float(slope.detach()), rel=1e-4, abs=1e-6)


def test_a_chat_template_is_the_prompt_around_the_prompt() -> None:
    network, tokenizer = tiny_language_model("llama", seed=3), language_tokenizer(begins=True)
    model = in_memory(network, tokenizer, SEVERAL, "Is it? {input} ", chat=True)
    # The template trims the message; the input stands where it stands.
    assert model.settings["text"] == "<s>user: Is it? {input}</s>answer:\n"
    assert [one["text"] for one in model.settings["answers"]] == list(SEVERAL)
    predictor = model.predictor(TEXT)
    masks = masks_of(predictor.n_features)
    bare = partial(tokenizer, add_special_tokens=False)
    frame = model.settings["text"]
    want = plain_probabilities(network, bare, frame, TEXT, predictor.features, SEVERAL, masks)
    np.testing.assert_allclose(predictor(masks), want, atol=1e-5)
    unused = in_memory(network, language_tokenizer(begins=True), SEVERAL)
    assert "has a chat template, which is not used" in unused.notes[0]


def test_a_chat_template_prints_the_same_date_every_day() -> None:
    tokenizer = language_tokenizer(begins=True)
    tokenizer.chat_template = "{{ strftime_now('%d %B %Y') }}: {{ messages[0]['content'] }}"
    prompt = make_prompt("m", tokenizer, Wording.of(("x", "y"), "Is it {input}?", True))
    assert prompt.text == "26 Jul 2024: Is it {input}?"


def test_an_input_without_a_prompt_follows_a_token_that_is_always_kept() -> None:
    network = tiny_language_model("gpt2", seed=2)
    model = in_memory(network, language_tokenizer(begins=False), SEVERAL, None)
    assert model.settings["start"] == "</s>"
    predictor = model.predictor(TEXT)
    nothing = predictor(np.zeros((1, predictor.n_features), dtype=np.bool_))
    rows = []
    for answer in SEVERAL:
        ids = [2, *language_tokenizer(begins=False)(" " + answer)["input_ids"]]
        logs = network(torch.tensor([ids])).logits[0].double().log_softmax(-1)
        rows.append(sum(float(logs[place, token].detach()) for place, token in enumerate(ids[1:])))
    np.testing.assert_allclose(nothing[0], torch.tensor(rows).softmax(-1).numpy(), atol=1e-5)
    begun = in_memory(network, language_tokenizer(begins=True), SEVERAL, None)
    assert "start" not in begun.settings


def test_a_text_that_is_too_long_is_cut_at_its_end_and_the_prompt_is_not() -> None:
    model = language_model("llama", True, 3)
    text = "good " * 250
    with pytest.raises(InputError, match="254 before its answer"):  # 256 positions, and two tokens of the answer
        model.predictor(text)
    masked = model.predictor(text, truncate=True).masked_input
    assert isinstance(masked, MaskedText)
    assert masked.truncated
    assert masked.n_tokens_kept == 254
    ids = masked.inputs(np.ones((1, len(masked.features)), dtype=np.bool_))["input_ids"][0]
    assert isinstance(model.network, TextNetwork)
    assert model.network.tokenizer.decode(ids[-2:]) == "\n:"


@pytest.mark.parametrize("classes", [ONE, pytest.param(SEVERAL, marks=pytest.mark.slow)], ids=["one", "several"])
@pytest.mark.parametrize(
    ("family", "begins", "seed"),
    [
        ("qwen2", False, 4),
        *(pytest.param(*case, marks=pytest.mark.slow) for case in (("gpt2", True, 0), ("llama", True, 3))),
    ],
)
def test_a_long_prompt_is_read_once_for_all_masks(
    family: str, begins: bool, seed: int, classes: tuple[str, ...]
) -> None:
    network, prompt = tiny_language_model(family, seed=seed), "Read the text and decide. Is it? {input}\n:"
    model = in_memory(network, language_tokenizer(begins=begins), classes, prompt)
    predictor = model.predictor(TEXT)
    masks = masks_of(predictor.n_features)
    read: list[int] = []
    handle = network.register_forward_pre_hook(lambda _, given: read.append(given[0].numel()))
    found = predictor(masks)
    handle.remove()
    assert isinstance(model.network, TextNetwork)
    assert isinstance(model.network.module, AnswerNetwork)
    calls = len(model.network.module.branches)
    everything = calls * predictor.masked_input.cost(masks).sum()
    assert sum(read) <= everything - calls * len(masks) * 25
    np.testing.assert_allclose(found, plain(model, predictor, masks), atol=1e-5)
    np.testing.assert_allclose(predictor.alone(masks), found, atol=1e-5)
    model.network.module.prefix = SharedPrefix(())
    np.testing.assert_allclose(model.predictor(TEXT)(masks), found, atol=1e-5)


def test_a_network_that_keeps_something_else_than_keys_and_values_reads_its_prompt_each_time() -> None:
    config = transformers.MistralConfig(vocab_size=300, sliding_window=16, **ROTARY)
    network = seeded(lambda: transformers.MistralForCausalLM(config))
    model = in_memory(network, language_tokenizer(begins=False), ONE, "Read the text and decide. Is it? {input}\n:")
    assert isinstance(model.network, TextNetwork)
    assert isinstance(model.network.module, AnswerNetwork)
    module, ids = model.network.module, model.network.module.prefix.ids
    assert len(ids) > 16
    with torch.inference_mode():
        assert module.prefix.cache(network, 2, CPU) is None


def test_what_defines_the_function_is_recorded() -> None:
    settings = language_model("llama", True, 3, classes=ONE).settings
    assert settings["kind"] == "language model"
    assert settings["classes"] == list(ONE)
    assert settings["prompt"] == settings["text"] == PROMPT
    assert settings["answers"][2] == {"text": " x", "ids": [225, 92], "tokens": ["Ġ", "x"]}


@pytest.mark.parametrize(
    ("classes", "prompt", "message"),
    [
        (("a", "an"), "{input}:", "begin those of"),
        (("xa", "x"), "{input}:", "begin those of"),
        (ONE, "{input} Answer: ", "Remove the white space at its end"),
        (("a", "oo"), "{input} Is it g\u200b", None),
    ],
)
def test_answers_that_cannot_be_told_apart_are_refused(
    classes: tuple[str, ...], prompt: str, message: str | None
) -> None:
    tokenizer = language_tokenizer(begins=True)
    if message is None:
        assert make_prompt("m", tokenizer, Wording.of(classes, prompt)).answers == (" a", " oo")
        return
    with pytest.raises(ParameterError, match=message):
        make_prompt("m", tokenizer, Wording.of(classes, prompt))


def test_tokens_across_a_border_are_refused() -> None:
    network, tokenizer = tiny_language_model("llama", seed=3), language_tokenizer(begins=True)
    model = in_memory(network, tokenizer, ("xa", "yb"), "Is it b{input}?")
    assert model.predictor("x good").n_features == 2
    with pytest.raises(InputError, match="joins 'ba', a part of the prompt and of the text"):
        model.predictor("a good")


def test_words_that_the_tokenizer_does_not_know_are_refused() -> None:
    with pytest.raises(ParameterError, match="classes must be words that the model's tokenizer knows"):
        make_prompt("m", wordpiece_tokenizer(), Wording.of(("good", "✓"), "{input} is"))


@pytest.mark.slow
def test_models_that_are_not_causal_decoders_are_refused(tmp_path: Path) -> None:
    small = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    tokenizer = wordpiece_tokenizer()
    config = transformers.BertConfig(vocab_size=len(tokenizer), **small)
    bert = save(seeded(lambda: transformers.BertLMHeadModel(config)), tmp_path / "bert", tokenizer)
    with pytest.raises(ModelError, match="reads the tokens after the one that it predicts"):
        load_model(str(bert), classes=["good", "bad"], prompt="{input} is")
    sizes = {"d_model": 16, "d_kv": 8, "d_ff": 16, "num_layers": 1, "num_heads": 2, "vocab_size": len(tokenizer)}
    t5 = seeded(lambda: transformers.T5ForConditionalGeneration(transformers.T5Config(**sizes)))
    with pytest.raises(ModelError, match="T5ForConditionalGeneration, which does not continue a text"):
        load_model(str(save(t5, tmp_path / "t5", tokenizer)), classes=["good", "bad"], prompt="{input} is")
    with pytest.raises(ParameterError, match=r"has classes of its own \(negative, neutral, positive\)"):
        load_model(str(save_tiny_bert(tmp_path / "classifier")), classes=["good", "bad"])


@pytest.mark.slow
def test_a_directory_of_a_language_model_needs_classes_and_is_then_loaded(tmp_path: Path) -> None:
    directory = str(save_language_model(tmp_path, "llama", begins=True, seed=3))
    with pytest.raises(ModelError, match=r"LlamaForCausalLM, a language model. Name the words .* classes='yes,no'"):
        load_model(directory)
    model = load_model(directory, classes=SEVERAL, prompt=PROMPT)
    one_call = load_predictor(directory, TEXT, classes=SEVERAL, prompt=PROMPT)
    masks = np.ones((1, one_call.n_features), dtype=np.bool_)
    assert np.array_equal(one_call(masks), model.predictor(TEXT)(masks))
    assert (model.kind, model.class_names) == ("text", SEVERAL)
    predictor, memory = model.predictor(TEXT), language_model("llama", True, 3).predictor(TEXT)
    masks = masks_of(predictor.n_features)
    np.testing.assert_allclose(predictor(masks), memory(masks), atol=1e-5)
    with pytest.raises(InputError, match="a language model, which reads one text"):
        model.predictor(TEXT, text_pair=TEXT)
    half = load_model(directory, classes=SEVERAL, prompt=PROMPT, dtype="bfloat16").predictor(TEXT)
    assert np.abs(half(masks) - predictor(masks)).mean() < 0.1


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_reads_a_long_prompt_once_as_well(tmp_path: Path, dtype: str) -> None:
    directory = str(save_language_model(tmp_path, "llama", begins=True, seed=3))
    prompt = "Read the text and decide. Is it? {input}\n:"
    model = load_model(directory, classes=ONE, prompt=prompt, dtype=dtype)
    assert isinstance(model.network, TextNetwork)
    assert isinstance(model.network.module, AnswerNetwork)
    assert len(model.network.module.prefix.ids) > 25
    predictor = model.predictor(TEXT)
    masks = masks_of(predictor.n_features)
    found = predictor(masks)
    model.network.module.prefix = SharedPrefix(())
    apart = model.predictor(TEXT)(masks)
    margins = [np.log(probs[:, 0]) - np.log(probs[:, 1]) for probs in (found, apart)]
    assert np.abs(margins[0] - margins[1]).max() < 2 * predictor.decision_tolerance
    np.testing.assert_allclose(predictor.alone(masks), found, atol=0.01)
