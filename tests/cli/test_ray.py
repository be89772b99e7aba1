"""What needs a real Ray cluster, in one file: it takes ten seconds to begin.

Every result once, the dead replaced, what waits is bounded; and ``--workers`` gives the records, the pages and the
streams of a run without workers.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from stabcert.errors import ParameterError
from stabcert.sweep.pool import ATTEMPTS
from tests.cli.conftest import VALIDATOR, Run, without_run
from tests.cli.test_workers import SENTENCES
from tests.sweep.squares import Square, squares
from tests.waiting import finish, wait_for_lines, wait_until_blocked


@pytest.fixture
def notes() -> list[str]:
    return []


@pytest.mark.slow
def test_every_result_comes_once_with_its_position(ray_cluster: str, tmp_path: Path, notes: list[str]) -> None:
    found = list(squares(Square(tmp_path), notes, range(10, 30)))
    assert sorted((position, value) for position, (value, _) in found) == [(i - 10, i * i) for i in range(10, 30)]
    assert len({process for _, (_, process) in found}) == 2


@pytest.mark.slow
def test_a_dead_worker_is_replaced_and_its_input_done(ray_cluster: str, tmp_path: Path, notes: list[str]) -> None:
    found = dict(squares(Square(tmp_path, deadly=(1, 4)), notes, range(6)))
    assert [found[i][0] for i in range(6)] == [0, 1, 4, 9, 16, 25]
    assert sum("a worker died" in note for note in notes) == 2


@pytest.mark.slow
def test_nothing_of_ray_reaches_stdout(ray_cluster: str, tmp_path: Path) -> None:
    """Ray prints the death of a worker to sys.stdout, from a thread."""
    code = (
        "from pathlib import Path\nimport time\nfrom stabcert.sweep.pool import Pool\n"
        "from tests.sweep.squares import Square, gave_up\n"
        f"with Pool(Square(Path({str(tmp_path)!r}), deadly=(0,)), gave_up, workers=1, notify=lambda note: None,\n"
        f"          address={ray_cluster!r}) as pool:\n    assert [v for _, (v, _) in pool.run([0, 1])] == [0, 1]\n"
        "    time.sleep(1)\nprint('mine')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("mine\n", "")


@pytest.mark.slow
def test_an_input_that_kills_every_worker_is_given_up(ray_cluster: str, tmp_path: Path, notes: list[str]) -> None:
    found = dict(squares(Square(tmp_path, deadly=(1,), lives=99), notes, range(4)))
    assert [found[i][0] for i in range(4)] == [0, -1, 4, 9]
    assert len(list(tmp_path.glob("1-*"))) == ATTEMPTS


@pytest.mark.slow
def test_nobody_runs_far_ahead_of_a_slow_input(ray_cluster: str, tmp_path: Path, notes: list[str]) -> None:
    """The first input ends when the last that may overtake it has begun: 4 for each of the 2 workers."""
    positions = [position for position, _ in squares(Square(tmp_path, slow={0: 7}), notes, range(40))]
    assert sorted(positions) == list(range(40))
    assert 6 <= positions.index(0) < 8


@pytest.mark.slow
def test_more_workers_than_the_cluster_has_room_for_are_refused(
    ray_cluster: str, tmp_path: Path, notes: list[str]
) -> None:
    with pytest.raises(ParameterError, match="Use --workers 2"):
        list(squares(Square(tmp_path), notes, range(2), workers=3))


@pytest.fixture
def one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Here and in the workers: last digits of scores depend on how many threads share a sum."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
def test_two_workers_give_what_one_process_gives(ray_cluster: str, run: Run, bert: Path, tmp_path: Path) -> None:
    arguments = ["certify-soft", *SENTENCES, "-m", bert, "--method", "occlusion", "-r", "1:2", "--keep-going", "--json"]
    serial = run(*arguments, "-o", tmp_path / "serial.jsonl", "--html", tmp_path / "serial.html")
    spread = run(*arguments, "-o", tmp_path / "spread.jsonl", "--html", tmp_path / "spread.html", "--workers", 2)
    assert serial.code == spread.code == 4
    assert [without_run(r) for r in spread.records] == [without_run(r) for r in serial.records]
    assert (tmp_path / "spread.jsonl").read_text() == spread.stdout
    assert spread.stderr.count('Error: "not bad"') == 1
    assert (tmp_path / "spread.html").read_text().count("<section") == 5


@pytest.fixture
def many(bert: Path, tmp_path: Path) -> list[str]:
    listed = tmp_path / "texts.txt"
    listed.write_text("\n".join(f"a film number {i}" for i in range(400)))
    arguments = ["explain", "--inputs", str(listed), "-m", str(bert), "--method", "random", "--json", "--workers", "2"]
    return [sys.executable, "-m", "stabcert", *arguments, "-o", str(tmp_path / "out.jsonl")]


@pytest.mark.slow
def test_ctrl_c_on_a_cluster_of_ones_own_keeps_what_is_finished(
    ray_cluster: str, run: Run, many: list[str], tmp_path: Path
) -> None:
    output = tmp_path / "out.jsonl"
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    process = subprocess.Popen(
        [*many, "--ray-address", ray_cluster], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    )
    # Nobody reads its standard output, which holds some forty of the records: it cannot be done before the signal.
    # Blocked there, it cannot lose the signal inside of Ray, either.
    wait_for_lines(output, 3, process)
    wait_until_blocked(output, process)
    process.send_signal(signal.SIGINT)
    out, errors = finish(process)
    assert process.returncode == 130
    assert errors.decode().rstrip().endswith("Error: interrupted")
    assert "Traceback" not in errors.decode()
    shown, kept = out.decode().splitlines(), output.read_text().splitlines()
    for line in kept:
        VALIDATOR.validate(json.loads(line))
    assert set(shown) <= set(kept)
    assert 2 < len(kept) < 400
