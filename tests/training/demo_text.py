"""Train the deltas of ``demo:text``: low-rank changes of query and value, and a new pooler and classifier.

::

    python -m tests.training.demo_text --data DIR --out FILE

``DIR`` is in the layout of TweetEval (https://github.com/cardiffnlp/tweeteval): ``mapping.txt``, ``train_text.txt``,
``train_labels.txt``, ``val_text.txt``, ``val_labels.txt``. While training, tokens are removed at random, because a
certificate asks the model about sentences with words missing.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from stabcert.errors import InputError
from stabcert.models.demo import ENCODER_SHA256, file_sha256, load_text_encoder, merge_deltas, read_deltas

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingSettings:
    """Everything that decides the result, besides the data and the versions of the libraries."""

    epochs: int = 8
    batch_size: int = 32
    learning_rate: float = 1e-3
    """Peak; reached linearly in the ``warm_up`` share of the steps, then linearly down to 0."""
    warm_up: float = 0.1
    weight_decay: float = 0.01
    rank: int = 8
    scale: float = 2.0
    """Factor of the product of the low-rank factors."""
    max_tokens: int = 128
    """Longer training texts are cut."""
    seed: int = 0


class Sentences(NamedTuple):
    """Token ids of each sentence, special tokens first and last, and the class of each."""

    token_ids: list[list[int]]
    labels: NDArray[np.int64]


class Quality(NamedTuple):
    macro_f1: float
    accuracy: float


class LowRankLinear(torch.nn.Module):
    """A frozen linear module plus ``scale * up @ down``; equal to the module itself before training."""

    def __init__(self, linear: torch.nn.Linear, *, rank: int, scale: float, generator: torch.Generator) -> None:
        super().__init__()
        self.linear = linear
        self.scale = scale
        spread = linear.in_features**-0.5
        down = torch.empty(rank, linear.in_features).uniform_(-spread, spread, generator=generator)
        self.down = torch.nn.Parameter(down)
        self.up = torch.nn.Parameter(torch.zeros(linear.out_features, rank))

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        changed: torch.Tensor = self.linear(hidden) + self.scale * (hidden @ self.down.T @ self.up.T)
        return changed


def prepare(network: Any, settings: TrainingSettings, generator: torch.Generator) -> list[torch.nn.Parameter]:
    """Freeze ``network`` but for its pooler, classifier and new low-rank changes; return what is to be trained."""
    network.requires_grad_(False)
    for layer in network.bert.encoder.layer:
        attention = layer.attention.self
        for name in ("query", "value"):
            linear = getattr(attention, name)
            low_rank = LowRankLinear(linear, rank=settings.rank, scale=settings.scale, generator=generator)
            setattr(attention, name, low_rank)
    with torch.no_grad():
        network.classifier.weight.normal_(0, network.config.initializer_range, generator=generator)
    network.bert.pooler.requires_grad_(True)
    network.classifier.requires_grad_(True)
    return [parameter for parameter in network.parameters() if parameter.requires_grad]


def trained_deltas(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    """What was trained, as float16, under the names that `stabcert.models.demo.merge_deltas` expects."""
    return {
        name: parameter.detach().to(torch.float16).clone()
        for name, parameter in network.named_parameters()
        if parameter.requires_grad
    }


def kept_positions(length: int, drop: NDArray[np.bool_] | None = None) -> list[int]:
    """Positions that stay when the inner tokens marked in ``drop`` ``(length - 2,)`` are removed.

    The first and the last token are special and always stay.
    """
    inner = range(1, length - 1)
    return [0, *(i for i in inner if drop is None or not drop[i - 1]), length - 1]


def drop_at_random(length: int, rng: np.random.Generator) -> list[int]:
    """`kept_positions` where each inner token is dropped at one rate, itself uniform in [0, 1]."""
    return kept_positions(length, rng.random(length - 2) < rng.random())


def drop_half(length: int, rng: np.random.Generator) -> list[int]:
    """`kept_positions` without a random half (rounded down) of the inner tokens."""
    drop = np.zeros(length - 2, dtype=np.bool_)
    drop[rng.permutation(length - 2)[: (length - 2) // 2]] = True
    return kept_positions(length, drop)


def collate(token_ids: Sequence[Sequence[int]], kept: Sequence[Sequence[int]]) -> dict[str, torch.Tensor]:
    """The kept tokens of each sentence at their original position ids, padded to the longest."""
    shape = (len(kept), max(len(positions) for positions in kept))
    batch = {name: torch.zeros(shape, dtype=torch.long) for name in ("input_ids", "position_ids", "attention_mask")}
    for row, (ids, positions) in enumerate(zip(token_ids, kept, strict=True)):
        n = len(positions)
        batch["input_ids"][row, :n] = torch.tensor([ids[i] for i in positions])
        batch["position_ids"][row, :n] = torch.tensor(positions)
        batch["attention_mask"][row, :n] = 1
    return batch


def buckets(lengths: Sequence[int], batch_size: int, rng: np.random.Generator) -> Iterator[list[int]]:
    """All indices in batches of similar length: shuffled, sorted within groups of 16 batches, batches shuffled."""
    order = rng.permutation(len(lengths))
    batches: list[list[int]] = []
    for start in range(0, len(order), 16 * batch_size):
        group = sorted((int(i) for i in order[start : start + 16 * batch_size]), key=lengths.__getitem__)
        batches.extend(group[i : i + batch_size] for i in range(0, len(group), batch_size))
    for i in rng.permutation(len(batches)):
        yield batches[i]


def learning_rate_factor(step: int, steps: int, warm_up: float) -> float:
    """Share of the peak learning rate at ``step`` of ``steps``: linear warm-up, then linear decay to 0."""
    rise = max(1, math.ceil(warm_up * steps))
    return min((step + 1) / rise, (steps - step) / max(1, steps - rise))


def train_step(
    network: Any, optimizer: torch.optim.Optimizer, batch: dict[str, torch.Tensor], labels: torch.Tensor
) -> float:
    """One step of cross-entropy; returns the loss before it."""
    loss = torch.nn.functional.cross_entropy(network(**batch).logits, labels)
    optimizer.zero_grad()
    torch.autograd.backward(loss)
    optimizer.step()
    return loss.item()


def quality(predicted: NDArray[np.int64], labels: NDArray[np.int64], n_classes: int) -> Quality:
    """Macro-F1 (a class that is neither predicted nor present counts 0) and accuracy."""
    f1 = []
    for c in range(n_classes):
        both = np.sum((predicted == c) & (labels == c))
        f1.append(2 * both / max(1, np.sum(predicted == c) + np.sum(labels == c)))
    return Quality(float(np.mean(f1)), float(np.mean(predicted == labels)))


def evaluate(network: Any, sentences: Sentences, *, half_dropped_seed: int | None = None) -> Quality:
    """Quality on the sentences as they are, or with a random half of the tokens of each removed."""
    rng = None if half_dropped_seed is None else np.random.default_rng(half_dropped_seed)
    kept = [kept_positions(len(ids)) if rng is None else drop_half(len(ids), rng) for ids in sentences.token_ids]
    order = sorted(range(len(kept)), key=lambda i: len(kept[i]))
    predicted = np.empty(len(kept), dtype=np.int64)
    network.eval()
    with torch.inference_mode():
        for start in range(0, len(order), 64):
            rows = order[start : start + 64]
            batch = collate([sentences.token_ids[i] for i in rows], [kept[i] for i in rows])
            predicted[rows] = network(**batch).logits.argmax(dim=-1).numpy()
    return quality(predicted, sentences.labels, network.config.num_labels)


def train(
    network: Any, training: Sentences, validation: Sentences, settings: TrainingSettings
) -> tuple[dict[str, torch.Tensor], int]:
    """Train ``network`` in place; return the float16 deltas of the epoch with the best validation macro-F1.

    Dropout inside the network draws from torch's global generator, which is seeded here and restored afterwards.
    """
    generator = torch.Generator().manual_seed(settings.seed)
    rng = np.random.default_rng(settings.seed)
    parameters = prepare(network, settings, generator)
    optimizer = torch.optim.AdamW(parameters, lr=settings.learning_rate, weight_decay=settings.weight_decay)
    steps = settings.epochs * math.ceil(len(training.labels) / settings.batch_size)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: learning_rate_factor(step, steps, settings.warm_up)
    )
    best: tuple[float, int, dict[str, torch.Tensor]] = (-1.0, 0, {})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        for epoch in range(1, settings.epochs + 1):
            network.train()
            kept = [drop_at_random(len(ids), rng) for ids in training.token_ids]
            losses = []
            for rows in buckets([len(positions) for positions in kept], settings.batch_size, rng):
                batch = collate([training.token_ids[i] for i in rows], [kept[i] for i in rows])
                losses.append(train_step(network, optimizer, batch, torch.from_numpy(training.labels[rows])))
                schedule.step()
            result = evaluate(network, validation)
            log.info("epoch %d: loss %.3f, validation macro-F1 %.4f, accuracy %.4f", epoch, np.mean(losses), *result)
            if result.macro_f1 > best[0]:
                best = (result.macro_f1, epoch, trained_deltas(network))
    return best[2], best[1]


def read_class_names(directory: Path) -> tuple[str, ...]:
    """Names of ``mapping.txt``, whose lines are a class number, a tab and a name, in order."""
    lines = (directory / "mapping.txt").read_text(encoding="utf-8").splitlines()
    return tuple(line.split("\t")[1].strip() for line in lines if line.strip())


def read_sentences(directory: Path, split: str, tokenizer: Any, max_tokens: int) -> Sentences:
    """One split of a folder in TweetEval's layout, tokenized.

    Raises:
        InputError: a different number of texts and labels.
    """
    # splitlines() would also split at the rarer line ends that occur inside the texts.
    texts = (directory / f"{split}_text.txt").read_text(encoding="utf-8").removesuffix("\n").split("\n")
    labels = [int(line) for line in (directory / f"{split}_labels.txt").read_text(encoding="utf-8").split()]
    if len(texts) != len(labels):
        raise InputError(
            f"{directory} has {len(texts)} texts and {len(labels)} labels in the split {split}; each line of "
            f"{split}_text.txt needs its line in {split}_labels.txt"
        )
    token_ids = tokenizer(texts, truncation=True, max_length=max_tokens)["input_ids"]
    return Sentences(token_ids, np.array(labels, dtype=np.int64))


def main(arguments: Sequence[str] | None = None) -> None:
    """Train on a folder, write the deltas, and log their quality on the validation split and their hash."""
    parser = argparse.ArgumentParser(description="Train the deltas of demo:text.")
    parser.add_argument("--data", type=Path, required=True, help="folder in the layout of TweetEval")
    parser.add_argument("--out", type=Path, required=True, help="safetensors file to write")
    parser.add_argument("--epochs", type=int, default=TrainingSettings.epochs)
    parser.add_argument("--seed", type=int, default=TrainingSettings.seed)
    options = parser.parse_args(arguments)
    if options.epochs < 1:
        parser.error(f"--epochs {options.epochs} trains nothing; use 1 or more")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    from safetensors.torch import save_file

    settings = TrainingSettings(epochs=options.epochs, seed=options.seed)
    class_names = read_class_names(options.data)
    network, tokenizer = load_text_encoder(class_names)
    training, validation = (read_sentences(options.data, s, tokenizer, settings.max_tokens) for s in ("train", "val"))
    deltas, epoch = train(network, training, validation, settings)
    record = {
        **asdict(settings),
        "best_epoch": epoch,
        "class_names": class_names,
        "encoder_sha256": ENCODER_SHA256,
        "torch": str(torch.__version__),
    }
    # One entry, because safetensors writes several in an order that changes from run to run.
    save_file(deltas, options.out, metadata={"settings": json.dumps(record, sort_keys=True)})

    merged, _ = load_text_encoder(class_names)
    read, written = read_deltas(options.out)
    merge_deltas(merged, read, scale=written["scale"])
    log.info("epoch %d, as written: validation macro-F1 %.4f, accuracy %.4f", epoch, *evaluate(merged, validation))
    halves = np.mean([evaluate(merged, validation, half_dropped_seed=seed) for seed in range(5)], axis=0)
    log.info("half of the tokens removed (mean of 5 draws): macro-F1 %.4f, accuracy %.4f", *halves)
    log.info("%s: %d bytes, SHA-256 %s", options.out, options.out.stat().st_size, file_sha256(options.out))


if __name__ == "__main__":
    main()
