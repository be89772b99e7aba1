"""Train a tiny language model, so that ``--classes`` and ``--prompt`` can be tried without a download.

    python sample_inputs/train_tiny_guard.py guard

It writes a GPT-2 of 0.2 million parameters, its tokenizer, two prompts and an input into the folder ``guard``. The
model answers two questions: whether a message insults its reader, and in which room a key is, according to a list of
passages. All sentences are made up here. On one core of a CPU the training takes about half a minute.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

GUARD = "Message: {input}\nDoes it insult you? Answer:"
SEARCH = "{input}\n\nIn which room is the key? Answer:"
ROOMS = ("kitchen", "garden", "cellar", "attic")
INSULTS = ("stupid", "lazy", "useless", "boring")
OTHERS = ("kind", "quick", "tall", "clever")
SUBJECTS = ("the film is", "the weather is", "my brother is", "this town is", "the book was")
FILLERS = ("honestly", "by the way", "as I said", "well", "to be fair", "yesterday I thought")
THINGS = ("lamp", "book", "cup", "coat", "ball", "clock", "plant", "radio")
COLOURS = ("red", "blue", "green", "white")
ABOUT_THE_KEY = ("The key is in the {}.", "Anna left the key in the {}.", "I saw the key in the {} yesterday.")


def message(draw: random.Random) -> tuple[str, str]:
    """Return a message and the answer of the guard: yes if something about the reader is an insult."""
    insults = draw.random() < 0.5
    clauses = [f"you are {draw.choice(INSULTS if insults else OTHERS)}"] if insults or draw.random() < 0.6 else []
    clauses += [f"{draw.choice(SUBJECTS)} {draw.choice(INSULTS + OTHERS)}" for _ in range(draw.randint(0, 2))]
    draw.shuffle(clauses)
    text = f"{draw.choice(FILLERS)}, {' and '.join(clauses)}."
    return (text, "yes") if insults else (text if draw.random() < 0.8 else "", "no")


def passages(draw: random.Random, about: int, against: int, others: int) -> tuple[list[str], str]:
    """Return passages, and the room of the key: ``about`` passages name it, ``against`` fewer name another room."""
    room, other = draw.sample(ROOMS, 2) if about else ("nowhere", "")
    found = [draw.choice(ABOUT_THE_KEY).format(one) for one in [room] * about + [other] * against]
    found += [f"The {draw.choice(THINGS)} is {draw.choice(COLOURS)}." for _ in range(others)]
    draw.shuffle(found)
    return found, room


def example(draw: random.Random) -> tuple[str, str]:
    if draw.random() < 0.5:
        text, answer = message(draw)
        return GUARD.format(input=text), answer
    about = draw.randint(0, 4)
    found, answer = passages(draw, about, draw.randint(0, max(0, about - 1)), draw.randint(0, 8))
    return SEARCH.format(input="\n\n".join(found)), answer


def make_tokenizer(draw: random.Random) -> PreTrainedTokenizerFast:
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=512,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator((" ".join(example(draw)) for _ in range(500)), trainer)
    end = "<|endoftext|>"
    return PreTrainedTokenizerFast(tokenizer_object=backend, bos_token=end, eos_token=end, model_max_length=256)


def batch(draw: random.Random, tokenizer: PreTrainedTokenizerFast, rows: int) -> tuple[dict[str, torch.Tensor], Any]:
    """Return texts with some tokens left out, the others at their positions, and the token of each answer."""
    lines, answers = [], []
    for text, answer in (example(draw) for _ in range(rows)):
        ids = tokenizer(text)["input_ids"]
        share = draw.choice((0.0, 0.1))
        kept = [i for i in range(len(ids)) if i >= len(ids) - 2 or draw.random() >= share]
        lines.append(([ids[i] for i in kept], kept))
        answers += tokenizer(f" {answer}")["input_ids"]
    width = max(len(ids) for ids, _ in lines)
    names = ("input_ids", "position_ids", "attention_mask")
    inputs = {name: torch.zeros(rows, width, dtype=torch.int64) for name in names}
    for row, (ids, places) in enumerate(lines):
        for name, values in zip(names, (ids, places, [1] * len(ids)), strict=True):
            inputs[name][row, : len(ids)] = torch.tensor(values)
    return inputs, torch.tensor(answers)


def train(folder: Path, steps: int, rows: int = 16) -> float:
    """Train, write the folder, and return the share of right answers in the last hundred steps."""
    draw = random.Random(0)
    torch.manual_seed(0)
    tokenizer = make_tokenizer(draw)
    config = GPT2Config(
        vocab_size=len(tokenizer),
        n_positions=256,
        n_embd=64,
        n_layer=2,
        n_head=4,
        bos_token_id=0,
        eos_token_id=0,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
    )
    network = GPT2LMHeadModel(config)
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    right: list[float] = []
    for step in range(steps):
        inputs, answers = batch(draw, tokenizer, rows)
        last = inputs["attention_mask"].sum(dim=1) - 1
        hidden = network.transformer(**inputs).last_hidden_state[torch.arange(rows), last]
        logits = network.lm_head(hidden)
        loss = torch.nn.functional.cross_entropy(logits, answers)
        loss.backward()
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        right.append(float((logits.argmax(-1) == answers).float().mean()))
        if step % 100 == 99:
            logging.info("step %d: %.0f%% right", step + 1, sum(right[-100:]))
    network.eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "guard.txt").write_text(GUARD + "\n")
    (folder / "search.txt").write_text(SEARCH + "\n")
    found, _ = passages(random.Random(1), 3, 1, 8)
    (folder / "passages.jsonl").write_text(json.dumps({"id": "key", "text": found}) + "\n")
    return sum(right[-100:]) / len(right[-100:])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=600)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    train(arguments.folder, arguments.steps)
