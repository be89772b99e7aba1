"""Write a changed demo:text into a directory: the same network with its weights rounded to a few values each."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from stabcert.models.demo import load_demo_text


def round_weights(network: torch.nn.Module, levels: int) -> None:
    """Each row of a matrix keeps ``levels`` values on either side of zero, as a careless quantization does."""
    with torch.no_grad():
        for name, weights in network.named_parameters():
            if weights.ndim == 2 and "embeddings" not in name:
                step = weights.abs().amax(dim=1, keepdim=True) / levels
                weights.copy_(torch.round(weights / step) * step)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--levels", type=int, default=3, help="values on either side of zero (default: 3)")
    options = parser.parse_args()
    demo = load_demo_text()
    round_weights(demo.network, options.levels)
    demo.network.half().save_pretrained(options.directory)
    demo.tokenizer.save_pretrained(options.directory)


if __name__ == "__main__":
    main()
