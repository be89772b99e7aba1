"""Train the changes of ``demo:text-masked``: ``demo:text`` learns to name the emotion of sentences with words missing.

::

    python -m tests.training.demo_text_masked --data DIR --out FILE

``DIR`` is in the layout of TweetEval (https://github.com/cardiffnlp/tweeteval). Only its training split is read. A tenth
of it is not trained on and chooses the epoch and the point between the original and the trained weights;
``val_text.txt`` plays no part.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from stabcert.adapt.examples import Example
from stabcert.adapt.settings import AdaptSettings
from stabcert.errors import InputError
from stabcert.models.demo import file_sha256
from stabcert.models.hub import load_model
from tests.training.changes import factored, train, written

log = logging.getLogger(__name__)

SETTINGS = AdaptSettings(
    method="lora",
    epochs=3,
    learning_rate=5e-4,
    batch_size=16,
    copies=2,
    clean_weight=1 / 3,
    temperature=2.0,
    label_weight=0.5,
    lambdas=(),
    mask_kinds=("uniform",),
    clean_loss=0.01,
    held_out=0.1,
    interpolations=(0.25, 0.5, 0.75, 1.0),
)


def read_texts(directory: Path, split: str) -> list[Example]:
    """Read one split of a folder in TweetEval's layout.

    Raises:
        InputError: a different number of texts and labels.
    """
    # splitlines() would also split at the rarer line ends that occur inside the texts.
    texts = (directory / f"{split}_text.txt").read_text(encoding="utf-8").removesuffix("\n").split("\n")
    labels = [int(line) for line in (directory / f"{split}_labels.txt").read_text(encoding="utf-8").split()]
    if len(texts) != len(labels):
        raise InputError(f"{directory} has {len(texts)} texts and {len(labels)} labels in the split {split}")
    found: dict[str, Example] = {}
    for number, (text, label) in enumerate(zip(texts, labels, strict=True), 1):
        digest = hashlib.sha256(text.encode()).hexdigest()
        found.setdefault(digest, Example(f"{split} {number}", text, label, digest))
    return list(found.values())


def main(arguments: Sequence[str] | None = None) -> None:
    """Train on a folder, write the changes, and log how they were chosen and their hash."""
    parser = argparse.ArgumentParser(description="Train the changes of demo:text-masked.")
    parser.add_argument("--data", type=Path, required=True, help="folder in the layout of TweetEval")
    parser.add_argument("--out", type=Path, required=True, help="safetensors file to write")
    parser.add_argument("--epochs", type=int, default=SETTINGS.epochs)
    parser.add_argument("--seed", type=int, default=SETTINGS.seed)
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    model = load_model("demo:text", device="cpu")
    settings = replace(SETTINGS, epochs=options.epochs, seed=options.seed)
    adapted = train(model, read_texts(options.data, "train"), settings, features="token", baseline="remove")
    log.info("%s", adapted.reason)
    written(options.out, factored(model.network.module, adapted.module, settings.rank), adapted, base=model.sha256)
    log.info("%s: %d bytes, SHA-256 %s", options.out, options.out.stat().st_size, file_sha256(options.out))


if __name__ == "__main__":
    main()
