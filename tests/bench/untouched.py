"""The plain implementation in a process whose allocator was left as it is."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import torch

from tests.bench import plain, timing
from tests.bench.inputs import Input, photo


def plain_seconds(given: Input, *, runs: int) -> list[float]:
    """Seconds of each of ``runs`` soft certificates at radius 4, without setting anything."""
    side = timing.Side(lambda _: plain.soft(given.classify, given.any_mask(), 4, rng=np.random.default_rng(0)))
    return [timing.seconds(side) for _ in range(runs)]


def seconds_elsewhere(runs: int) -> list[float]:
    """`plain_seconds` of a process of its own, with clock and threads of this one; a first run is left out."""
    arguments = [str(runs), timing.clock_name(), str(torch.get_num_threads())]
    command = [sys.executable, "-m", "tests.bench.untouched", *arguments]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    times: list[float] = json.loads(printed)
    return times


def main() -> None:
    runs, clock, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    timing.set_clock(clock)
    print(json.dumps(plain_seconds(photo(), runs=int(runs) + 1)[1:]))  # noqa: T201


if __name__ == "__main__":
    main()
