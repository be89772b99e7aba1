"""Tests of an accelerator: collected where torch finds CUDA, and nowhere else.

``STABCERT_ACCELERATOR=cpu`` (or another device of torch) collects those that any device can pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from stabcert.models.full_precision import full_precision
from tests.accelerator.networks import DEVICE, save_networks

collect_ignore = []
if DEVICE == "cuda" and not torch.cuda.is_available():
    collect_ignore = [path.name for path in Path(__file__).parent.glob("test_*.py")]
elif DEVICE != "cuda":
    collect_ignore = ["test_memory.py", "test_workers.py"]
if any(find_spec(name) is None for name in ("typer", "pydantic")):
    collect_ignore += ["test_command.py", "test_workers.py"]
if find_spec("ray") is None:
    collect_ignore += ["test_workers.py"]


@pytest.fixture(scope="session")
def networks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Directories of tiny models by family."""
    return save_networks(tmp_path_factory.mktemp("networks"))


@pytest.fixture(autouse=True)
def _settings_of_the_process_are_put_back() -> Iterator[None]:
    """Fails a test after which products have another precision than before."""
    before = torch.backends.cudnn.allow_tf32, torch.get_float32_matmul_precision()
    with full_precision():
        yield
    if (torch.backends.cudnn.allow_tf32, torch.get_float32_matmul_precision()) != before:
        pytest.fail("the precision of products was changed; put it back")
