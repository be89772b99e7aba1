"""What holds for every test: reproducible examples, and global random states that nobody touches."""

from __future__ import annotations

import os
import random
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import rich.style  # noqa: F401 - draws one number when first imported; that is not a test's doing
from hypothesis import HealthCheck, settings

from tests.warm import Warm

# Neither a slow example nor slow drawing is a failure: both depend on the machine.
settings.register_profile("stabcert", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("stabcert")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write tables and values that are compared anew")


@pytest.fixture(scope="session")
def warm() -> Iterator[Warm]:
    """Runs commands in forks of a process that has imported torch."""
    with tempfile.TemporaryDirectory(prefix="warm-") as folder:
        process = Warm(Path(folder))
        yield process
        process.close()


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[str]:
    """The address of a real Ray cluster of two CPUs on this machine, one for all tests."""
    import ray

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    before = signal.getsignal(signal.SIGTERM)
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=100 * 2**20)
    signal.signal(signal.SIGTERM, before)  # Ray's handler would outlive these tests, and end others
    yield ray.get_runtime_context().gcs_address
    ray.shutdown()


def _global_random_state() -> tuple[object, ...]:
    name, keys, *rest = np.random.get_state()  # noqa: NPY002 - reading the state that must not change
    return (random.getstate(), name, keys.tobytes() if isinstance(keys, np.ndarray) else keys, *rest)


@pytest.fixture(autouse=True)
def _the_handler_of_sigterm_is_put_back() -> Iterator[None]:
    """Ray installs one that ends the process, and would end the tests after it."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    if signal.getsignal(signal.SIGTERM) is not before:
        signal.signal(signal.SIGTERM, before)


@pytest.fixture(autouse=True)
def _global_random_states_are_untouched() -> Iterator[None]:
    """Fails a test in which the global random state of numpy or of Python changed."""
    before = _global_random_state()
    yield
    if _global_random_state() != before:
        pytest.fail("the global random state of numpy or of Python was changed; use a Generator that somebody owns")
