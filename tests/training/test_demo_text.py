"""The training of demo:text moves what it says, drops what it says, and writes what the loader merges."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from stabcert.errors import InputError
from stabcert.models.demo import merge_deltas, read_deltas
from tests.training import demo_text as training

pytestmark = pytest.mark.slow


def tiny_network(n_classes: int = 2) -> Any:
    from transformers import BertConfig, BertForSequenceClassification

    config = BertConfig(
        vocab_size=20,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=16,
        num_labels=n_classes,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        network = BertForSequenceClassification(config)
    return network.eval()


def tiny_sentences(n: int, seed: int) -> training.Sentences:
    """Class 1 has the token 7 in it at least twice; 1 and 2 play the special tokens."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, size=n)
    inner = [[int(rng.integers(8, 20)) for _ in range(rng.integers(2, 8))] for _ in range(n)]
    token_ids = [[1, *([7, *words, 7] if label else words), 2] for words, label in zip(inner, labels, strict=True)]
    return training.Sentences(token_ids, labels)


TINY = training.TrainingSettings(epochs=2, batch_size=8, learning_rate=1e-2, rank=3)


def test_low_rank_changes_begin_at_nothing() -> None:
    network, sentences = tiny_network(), tiny_sentences(4, seed=0)
    batch = training.collate(sentences.token_ids, [training.kept_positions(len(ids)) for ids in sentences.token_ids])
    with torch.inference_mode():
        before = network.bert(**batch).pooler_output
        training.prepare(network, TINY, torch.Generator().manual_seed(0))
        assert torch.equal(network.bert(**batch).pooler_output, before)


def test_one_step_lowers_the_loss_and_moves_only_what_is_trained() -> None:
    network, sentences = tiny_network(), tiny_sentences(16, seed=0)
    parameters = training.prepare(network, TINY, torch.Generator().manual_seed(0))
    before = {name: parameter.detach().clone() for name, parameter in network.named_parameters()}
    batch = training.collate(sentences.token_ids, [training.kept_positions(len(ids)) for ids in sentences.token_ids])
    labels = torch.from_numpy(sentences.labels)
    optimizer = torch.optim.Adam(parameters, lr=0.01)
    losses = [training.train_step(network, optimizer, batch, labels) for _ in range(2)]
    assert losses[1] < losses[0]
    moved = {name for name, parameter in network.named_parameters() if not torch.equal(parameter, before[name])}
    # `down` gets its first gradient when `up` is no longer zero: in the second step.
    factors = {
        f"bert.encoder.layer.{i}.attention.self.{m}.{f}"
        for i in (0, 1)
        for m in ("query", "value")
        for f in ("down", "up")
    }
    assert moved == factors | {f"{m}.{p}" for m in ("bert.pooler.dense", "classifier") for p in ("weight", "bias")}


def test_training_learns_and_its_merged_deltas_predict_the_same() -> None:
    network, validation = tiny_network(), tiny_sentences(64, seed=1)
    settings = replace(TINY, epochs=12)
    deltas, epoch = training.train(network, tiny_sentences(256, seed=0), validation, settings)
    merged = tiny_network()
    assert training.evaluate(merged, validation).accuracy < 0.8
    merge_deltas(merged, {name: value.float() for name, value in deltas.items()}, scale=settings.scale)
    assert 1 <= epoch <= 12
    assert training.evaluate(merged, validation).accuracy > 0.95


def test_merging_is_what_the_low_rank_modules_compute() -> None:
    network = tiny_network()
    training.prepare(network, TINY, torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if parameter.requires_grad:
                random = torch.randn(parameter.shape, generator=generator)
                parameter.copy_(random.half())
                assert name in training.trained_deltas(network)
    merged = tiny_network()
    deltas = {name: value.float() for name, value in training.trained_deltas(network).items()}
    merge_deltas(merged, deltas, scale=TINY.scale)
    ids = torch.arange(3, 11)[None]
    with torch.inference_mode():
        assert torch.allclose(merged(input_ids=ids).logits, network(input_ids=ids).logits, rtol=0, atol=1e-4)


def test_the_same_seed_trains_the_same_deltas_whatever_the_global_generator_which_stays_as_it_was() -> None:
    sentences = tiny_sentences(32, seed=0)
    runs = []
    for seed, global_seed in ((5, 1), (5, 2), (6, 1)):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(global_seed)
            state = torch.get_rng_state()
            runs.append(training.train(tiny_network(), sentences, sentences, replace(TINY, seed=seed))[0])
            assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(runs[0][name], runs[1][name]) for name in runs[0])
    assert not all(torch.equal(runs[0][name], runs[2][name]) for name in runs[0])


def test_special_tokens_are_never_dropped() -> None:
    assert training.kept_positions(5, np.array([True, False, True])) == [0, 2, 4]
    assert training.kept_positions(4, np.array([True, True])) == [0, 3]
    assert training.kept_positions(2) == [0, 1]
    rng = np.random.default_rng(0)
    for length in (2, 3, 9):
        for kept in (training.drop_at_random(length, rng), training.drop_half(length, rng)):
            assert (kept[0], kept[-1]) == (0, length - 1)
            assert kept == sorted(set(kept))


@pytest.mark.parametrize(("length", "kept"), [(2, 2), (3, 3), (4, 3), (9, 6), (10, 6)])
def test_half_is_exactly_half_rounded_down(length: int, kept: int) -> None:
    assert len(training.drop_half(length, np.random.default_rng(0))) == kept


def test_the_drop_rate_is_uniform() -> None:
    # With a uniform rate the number of dropped tokens out of m is uniform on 0..m.
    rng = np.random.default_rng(0)
    counts = np.bincount([6 - len(training.drop_at_random(6, rng)) for _ in range(5000)], minlength=5)
    assert (((counts - 1000) ** 2) / 1000).sum() < 18.5  # chi-squared with 4 degrees of freedom, p = .001


def test_a_batch_keeps_tokens_at_their_places() -> None:
    batch = training.collate([[1, 15, 16, 2], [1, 17, 2]], [[0, 2, 3], [0, 2]])
    assert batch["input_ids"].tolist() == [[1, 16, 2], [1, 2, 0]]
    assert batch["position_ids"].tolist() == [[0, 2, 3], [0, 2, 0]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 1, 0]]


def test_buckets_hold_every_sentence_once_and_similar_lengths() -> None:
    lengths = [int(n) for n in np.random.default_rng(1).integers(2, 60, size=130)]
    batches = list(training.buckets(lengths, 8, np.random.default_rng(0)))
    assert sorted(i for batch in batches for i in batch) == list(range(130))
    # 128 sentences are one sorted group: its batches do not overlap in length.
    spans = sorted((min(lengths[i] for i in b), max(lengths[i] for i in b)) for b in batches if len(b) == 8)
    assert len(spans) == 16
    assert all(a[1] <= b[0] for a, b in pairwise(spans))


def test_the_learning_rate_rises_then_falls_to_zero() -> None:
    factors = [training.learning_rate_factor(step, 20, 0.1) for step in range(21)]
    assert factors[:3] == [0.5, 1.0, 1.0]
    assert factors[11] == 0.5
    assert factors[20] == 0
    assert training.learning_rate_factor(0, 1, 0.1) == 1


def test_quality_is_macro_f1_and_accuracy() -> None:
    result = training.quality(np.array([0, 0, 1, 1, 1]), np.array([0, 1, 1, 1, 2]), 3)
    assert result == pytest.approx((((2 / 3) + (4 / 6) + 0) / 3, 3 / 5))


def write_folder(folder: Path) -> None:
    (folder / "mapping.txt").write_text("0\tcalm\n1\tloud \n", encoding="utf-8")
    for split in ("train", "val"):
        (folder / f"{split}_text.txt").write_text("bang go\na quiet\u2028day\n\nbang bang\n", encoding="utf-8")
        (folder / f"{split}_labels.txt").write_text("1\n0\n0\n1\n", encoding="utf-8")


@pytest.fixture
def tiny_tokenizer() -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    words = {w: i for i, w in enumerate(["[PAD]", "[CLS]", "[SEP]", "[UNK]", "bang", "go", "a", "quiet", "day"])}
    rules = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    rules.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    rules.post_processor = processors.BertProcessing(("[SEP]", 2), ("[CLS]", 1))
    return PreTrainedTokenizerFast(tokenizer_object=rules, unk_token="[UNK]", pad_token="[PAD]")


def test_a_folder_is_read_line_by_line(tmp_path: Path, tiny_tokenizer: Any) -> None:
    write_folder(tmp_path)
    assert training.read_class_names(tmp_path) == ("calm", "loud")
    sentences = training.read_sentences(tmp_path, "val", tiny_tokenizer, max_tokens=4)
    assert sentences.token_ids == [[1, 4, 5, 2], [1, 6, 7, 2], [1, 2], [1, 4, 4, 2]]
    assert sentences.labels.tolist() == [1, 0, 0, 1]
    (tmp_path / "val_labels.txt").write_text("1\n", encoding="utf-8")
    with pytest.raises(InputError, match="4 texts and 1 labels in the split val"):
        training.read_sentences(tmp_path, "val", tiny_tokenizer, max_tokens=4)


@pytest.fixture
def quiet_root_logger() -> Iterator[None]:
    # The script configures logging for the process; a test must not.
    before = logging.getLogger().handlers[:], logging.getLogger().level
    yield
    logging.getLogger().handlers[:], level = before
    logging.getLogger().setLevel(level)


def test_the_script_writes_deltas_that_say_how_they_were_made(
    tmp_path: Path, tiny_tokenizer: Any, monkeypatch: pytest.MonkeyPatch, quiet_root_logger: None
) -> None:
    write_folder(tmp_path)
    monkeypatch.setattr(training, "load_text_encoder", lambda names: (tiny_network(len(names)), tiny_tokenizer))
    out = [tmp_path / "a.safetensors", tmp_path / "b.safetensors"]
    for path in out:
        training.main(["--data", str(tmp_path), "--out", str(path), "--epochs", "1", "--seed", "3"])
    assert out[0].read_bytes() == out[1].read_bytes()
    deltas, settings = read_deltas(out[0])
    assert settings["class_names"] == ["calm", "loud"]
    assert (settings["epochs"], settings["seed"], settings["best_epoch"]) == (1, 3, 1)
    assert deltas["classifier.weight"].shape == (2, 16)
    assert deltas["bert.encoder.layer.1.attention.self.value.down"].shape == (8, 16)


def test_the_script_refuses_to_train_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        training.main(["--data", str(tmp_path), "--out", str(tmp_path / "x"), "--epochs", "0"])
    assert "--epochs 0 trains nothing" in capsys.readouterr().err
