"""``--workers``, one GPU each, on a Ray cluster that the command starts."""

from __future__ import annotations

from pathlib import Path

import torch

from tests.accelerator.test_command import stabcert

TEXTS = [argument for text in ("a great film", "a bad film", "not bad", "the movie") for argument in ("--text", text)]


def test_one_worker_for_each_gpu_makes_the_records_of_one_process(networks: dict[str, Path]) -> None:
    arguments = ["explain", *TEXTS, "-m", networks["bert"], "--method", "occlusion", "--device", "cuda", "--json"]
    code, expected, errors = stabcert(*arguments)
    assert code == 0, errors
    code, found, errors = stabcert(*arguments, "--workers", torch.cuda.device_count())
    assert code == 0, errors
    for record in (*expected, *found):
        record.pop("run")
    assert found == expected


def test_more_workers_than_gpus_are_refused(networks: dict[str, Path]) -> None:
    number = torch.cuda.device_count() + 1
    arguments = ["explain", *TEXTS, "-m", networks["bert"], "--device", "cuda", "--workers", number]
    code, _, errors = stabcert(*arguments)
    assert code == 2
    assert "GPU" in errors
