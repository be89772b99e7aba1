"""Train the changes of ``demo:image-masked``: ``demo:image`` learns to keep its class on masked photos.

::

    python -m tests.training.demo_image_masked --data DIR --out FILE

``DIR`` contains photos, of any classes and without labels: the unchanged model is the teacher. An eighth of them is not
trained on and chooses the epoch and the point between the original and the trained weights.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from PIL import Image

from stabcert.adapt.examples import Example
from stabcert.adapt.settings import AdaptSettings
from stabcert.errors import InputError
from stabcert.models.decode import decode_image
from stabcert.models.demo import file_sha256
from stabcert.models.hub import load_model
from tests.training.changes import packed, train, written

log = logging.getLogger(__name__)

SETTINGS = AdaptSettings(
    method="full",
    # The first layers and the depthwise ones are half of the time of a step, and change little.
    freeze=("conv_stem", "bn1", "blocks.0", "blocks.1", "*.conv_dw"),
    epochs=7,
    learning_rate=2.5e-4,
    batch_size=10,
    copies=2,
    clean_weight=1 / 3,
    # Labels are few and the classes many: at a high temperature every logit of the teacher counts, not the best alone.
    temperature=8.0,
    lambdas=(Fraction(1, 2), Fraction(1, 4)),
    mask_kinds=("uniform", "blocks", "smoothing"),
    further_features=("grid:7", "grid:14"),
    clean_loss=0.045,
    held_out=0.125,
    interpolations=tuple(i / 20 for i in range(4, 21)),
)


def read_photos(directory: Path) -> list[Example]:
    """Read the JPEG and PNG files of a folder, in the order of their names.

    Raises:
        InputError: there is none.
    """
    paths = sorted(path for path in directory.iterdir() if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    if not paths:
        raise InputError(f"{directory} contains no photos (.jpg, .jpeg, .png). Give a folder that does")
    return [_example(path.name, decode_image(path).image) for path in paths]


def _example(name: str, image: Image.Image) -> Example:
    digest = hashlib.sha256(f"{image.width}x{image.height}".encode() + image.tobytes()).hexdigest()
    return Example(name, image, None, digest)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train on a folder, write the changes, and log how they were chosen and their hash."""
    parser = argparse.ArgumentParser(description="Train the changes of demo:image-masked.")
    parser.add_argument("--data", type=Path, required=True, help="folder of photos")
    parser.add_argument("--out", type=Path, required=True, help="safetensors file to write")
    parser.add_argument("--epochs", type=int, default=SETTINGS.epochs)
    parser.add_argument("--seed", type=int, default=SETTINGS.seed)
    parser.add_argument("--checkpoint", type=Path, help="file for the state after each epoch, to continue from")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    model = load_model("demo:image", device="cpu")
    photos = read_photos(options.data)
    settings = replace(SETTINGS, epochs=options.epochs, seed=options.seed)
    adapted = train(model, photos, settings, checkpoint=options.checkpoint, resume=options.checkpoint is not None)
    log.info("%s", adapted.reason)
    written(options.out, packed(model.network.module, adapted.module), adapted, base=model.sha256)
    log.info("%s: %d bytes, SHA-256 %s", options.out, options.out.stat().st_size, file_sha256(options.out))


if __name__ == "__main__":
    main()
