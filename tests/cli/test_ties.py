"""A model built to sit on ties: no batch size changes its certificate, and what nobody can decide counts against it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.cli.conftest import SENTENCE, Run, without_run
from tests.tiny_models import save_tiny_bert


def on_ties(directory: Path, apart: float) -> Path:
    """A classifier whose classes 0 and 1 say the same but for ``apart`` times another random direction."""
    save_tiny_bert(directory)
    file = directory / "model.safetensors"
    weights = load_file(file)
    weight, bias = weights["classifier.weight"], weights["classifier.bias"]
    other = torch.randn(weight.shape[1], generator=torch.Generator().manual_seed(5))
    weight[1], bias[1] = weight[0] + apart * other, bias[0]
    weight[2], bias[2] = 0.0, bias[0] - 50.0
    save_file(weights, file, metadata={"format": "pt"})
    return directory


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [("certify-soft", "-r", "1:3"), ("certify-hard", "--refine", "200")])
def test_no_batch_size_changes_a_certificate_of_a_model_that_sits_on_ties(
    run: Run, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    # Margins of about 1e-6: far below what float32 keeps from batch to batch, far above what float64 needs.
    model = on_ties(tmp_path / "model", 1e-7)
    ask = [*arguments, "-t", SENTENCE, "-m", model, "--method", "random", "-k", "3", "--json"]
    records = [run(*ask, "--batch-size", size).record for size in ("1", "2", "3", "7", "32", "auto")]
    assert all(without_run(record) == without_run(records[0]) for record in records)
    assert all(record["run"]["rechecked"] > 20 for record in records)
    assert 0 < max(record["run"]["drift"] for record in records) < 1e-4
    if arguments[0] == "certify-soft":
        assert records[0]["result"]["near_ties"] == 0
        assert 0 < records[0]["result"]["rates"][0]["rate"] < 1, "both classes occur"


@pytest.mark.slow
def test_classes_that_are_equal_stay_too_close_to_call_and_count_against_the_certificate(
    run: Run, tmp_path: Path
) -> None:
    model = on_ties(tmp_path / "model", 0.0)
    ask = ("certify-soft", "-t", SENTENCE, "-m", model, "--method", "random", "-k", "3", "-r", "2", "--json")
    records = [run(*ask, "--batch-size", size).record for size in ("1", "7", "auto")]
    assert all(without_run(record) == without_run(records[0]) for record in records)
    (rate,) = records[0]["result"]["rates"]
    assert (rate["lower"], rate["matches"], rate["near_ties"]) == (0.0, 0, rate["samples"])
