"""From the shell to the first evaluations of a demo model, against importing what no command could do without."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.timing import Result, Side, interleaved, summary

REFERENCES = {
    "image": "import torch, timm; timm.create_model('tf_efficientnet_lite0')",
    "text": "import torch; from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast",
}
SENTENCE = "What a wonderful surprise"


def measure(photo: Path, repeats: int) -> list[Result]:
    """The whole command at radius 0, which evaluates three masks: not less than the time to the first of them."""
    with tempfile.TemporaryDirectory() as folder:
        help_times = interleaved(
            {"ours": Side(lambda _: _run(["-m", "stabcert", "--help"]), starts_process=True)}, repeats
        )
        results = [summary("stabcert --help", help_times, {})]
        results[0].ratios["seconds"] = results[0].seconds["ours"]
        results[0].targets["seconds"] = "<= 0.3"
        for kind, reference in REFERENCES.items():
            given = [str(photo)] if kind == "image" else ["--text", SENTENCE]
            mask = Path(folder) / f"{kind}.json"
            mask.write_text(json.dumps([1, *[0] * (48 if kind == "image" else 3)]))
            command = ["-m", "stabcert", "certify-soft", *given, "--mask", str(mask), "--radius", "0", "--quiet"]
            sides = {
                "ours": Side(lambda _, command=command: _run(command), starts_process=True),
                "imports alone": Side(lambda _, code=reference: _run(["-c", code]), starts_process=True),
            }
            name = f"from the shell to the first evaluations, demo:{kind}"
            results.append(
                summary(name, interleaved(sides, repeats), {"ours / imports alone": ("ours", "imports alone")})
            )
            results[-1].targets["ours / imports alone"] = "<= 1.3"
        return results


def _run(arguments: list[str]) -> None:
    subprocess.run([sys.executable, *arguments], capture_output=True, check=True)
