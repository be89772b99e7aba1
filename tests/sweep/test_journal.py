"""The file of records: whole lines whatever happens, one process at a time, nobody else's data touched."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from stabcert.errors import InputError, ParameterError
from stabcert.sweep.journal import Journal
from stabcert.sweep.lock import lock
from tests.sweep import journal_script

LINES = [journal_script.line(number) + "\n" for number in range(3)]


def failed(key: str, text: str = "") -> str:
    return f'{{"schema": "stabcert/1", "status": "failed", "key": "{key}", "text": "{text}"}}\n'


def interrupted(key: str) -> str:
    return f'{{"schema": "stabcert/1", "status": "undecided", "key": "{key}", "result": {{"interrupted": true}}}}\n'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "out.jsonl"


def test_records_are_there_before_the_file_is_closed(path: Path) -> None:
    with Journal(path) as journal:
        journal.write(LINES[0].strip(), "k0")
        assert path.read_text() == LINES[0]


def test_finished_records_are_found_again_by_key(path: Path) -> None:
    path.write_text(LINES[0] + failed("f") + interrupted("i") + LINES[2])
    with Journal(path, existing="resume") as journal:
        assert journal.finished == {"k0": "reported", "k2": "reported"}
        assert journal.notes == []


@pytest.mark.parametrize("kept", range(1, len(LINES[2].encode()) + 1))
def test_a_last_line_cut_anywhere_is_recovered_from(path: Path, kept: int) -> None:
    path.write_bytes((LINES[0] + LINES[1]).encode() + LINES[2].encode()[:kept])
    with Journal(path, existing="resume") as journal:
        if "k2" not in journal.finished:
            assert len(journal.notes) == 1
            journal.write(LINES[2].strip(), "k2")
        journal.arrange(["k0", "k1", "k2"])
    assert path.read_text() == "".join(LINES)


@pytest.mark.parametrize("kept", [1, 20, len(LINES[2].encode()) - 1])
def test_nothing_is_glued_to_a_line_that_was_cut(path: Path, kept: int) -> None:
    content = LINES[0].encode() + LINES[2].encode()[:kept]
    path.write_bytes(content)
    with pytest.raises(InputError, match="--resume"):
        Journal(path)
    assert path.read_bytes() == content


def test_appending_keeps_what_is_there(path: Path) -> None:
    path.write_text(LINES[0])
    with Journal(path) as journal:
        assert journal.finished == {}
        journal.write(LINES[0].strip(), "k0")
        journal.arrange(["k0"])
    assert path.read_text() == LINES[0] * 2


def test_arranging_without_resume_keeps_the_records_that_were_there(path: Path) -> None:
    path.write_text(failed("of another run") + LINES[0])
    with Journal(path) as journal:
        journal.write(LINES[2].strip(), "k2")
        journal.write(LINES[1].strip(), "k1")
        journal.arrange(["k1", "k2"])
    assert path.read_text() == failed("of another run") + "".join(LINES)


def test_each_record_is_synchronised_before_write_returns(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synchronised: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda file: synchronised.append(path.read_text()))
    with Journal(path) as journal:
        journal.write(LINES[0].strip(), "k0")
    assert synchronised == [LINES[0]]


@pytest.mark.parametrize("content", ["some notes\n", "some notes", "[1, 2]\n", '{"a": 1}\n', "notes\n" + LINES[0]])
@pytest.mark.parametrize("resume", [False, True])
def test_files_of_others_are_refused_and_left_alone(path: Path, content: str, resume: bool) -> None:
    path.write_text(content)
    with pytest.raises(InputError, match="not stabcert records"):
        Journal(path, existing="resume" if resume else "append")
    assert path.read_text() == content


def test_a_broken_line_in_the_middle_is_refused_and_named(path: Path) -> None:
    path.write_text(LINES[0] + LINES[1][:30] + "\n" + LINES[2])
    with pytest.raises(InputError, match="line 2"):
        Journal(path, existing="resume")


def test_long_records_are_recognised_when_appending(path: Path) -> None:
    long = '{"schema": "stabcert/1", "status": "reported", "key": "k", "text": "' + "x" * (3 << 20) + '"}\n'
    path.write_text(long)
    with Journal(path) as journal:
        journal.write(LINES[0].strip(), "k0")
    assert path.read_text() == long + LINES[0]


def test_records_are_arranged_in_the_order_of_the_inputs(path: Path) -> None:
    other = failed("of another run")
    path.write_text(LINES[2] + other + failed("retried") + LINES[0])
    path.chmod(0o640)
    with Journal(path, existing="resume") as journal:
        journal.write(LINES[1].strip(), "k1")
        journal.arrange(["k0", "k1", "k2"], {"retried"})
        journal.write(failed("after").strip(), "after")
    assert path.read_text() == other + "".join(LINES) + failed("after")
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(path.parent.iterdir()) == [path]


def test_a_failure_that_happens_again_is_recorded_once(path: Path) -> None:
    path.write_text(failed("f", "first") + LINES[0])
    with Journal(path, existing="resume") as journal:
        journal.write(failed("f", "again").strip(), "f")
        journal.arrange(["f", "k0"], {"f"})
    assert path.read_text() == failed("f", "again") + LINES[0]


def test_a_file_in_order_is_not_replaced(path: Path) -> None:
    path.write_text("".join(LINES))
    before = path.stat().st_ino
    with Journal(path, existing="resume") as journal:
        journal.arrange(["k0", "k1", "k2"])
    assert path.stat().st_ino == before


def test_a_second_process_is_refused(path: Path) -> None:
    code = f"from pathlib import Path\nfrom stabcert.sweep.journal import Journal\nJournal(Path({str(path)!r}))"
    with Journal(path) as journal:
        refused = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        journal.write(LINES[2].strip(), "k2")
        journal.write(LINES[1].strip(), "k1")
        journal.arrange(["k1", "k2"])  # another file in the same place: locked as well
        refused_again = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "another process is writing" in refused.stderr
    assert "another process is writing" in refused_again.stderr
    with Journal(path):
        pass


def test_a_file_that_was_replaced_while_it_was_opened_is_opened_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process that held the lock arranges its records between the opening and the locking of another one."""
    path.write_text(LINES[0])
    arranged = path.with_name("arranged")
    arranged.write_text(LINES[1])

    def after_the_other(file: int, place: Path) -> list[str]:
        if arranged.exists():
            arranged.replace(path)
        return lock(file, place)

    monkeypatch.setattr("stabcert.sweep.lock.lock", after_the_other)
    with Journal(path) as journal:
        journal.write(LINES[2].strip(), "k2")
    assert path.read_text() == LINES[1] + LINES[2]


def test_a_full_disk_leaves_whole_lines(path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with Journal(path) as journal:
            journal.write(LINES[0].strip(), "k0")
            resource.setrlimit(resource.RLIMIT_FSIZE, (len(LINES[0].encode()) + 40, before[1]))
            with pytest.raises(InputError, match="cannot write"):
                journal.write(LINES[1].strip(), "k1")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_text() == LINES[0]


def test_no_room_for_the_arranged_copy_loses_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text(LINES[1] + LINES[0])

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    with Journal(path, existing="resume") as journal:
        monkeypatch.setattr(os, "replace", full)
        with pytest.raises(InputError, match=r"No space left.*--resume"):
            journal.arrange(["k0", "k1"])
    assert path.read_text() == LINES[1] + LINES[0]
    assert list(path.parent.iterdir()) == [path]


def test_what_is_no_file_is_written_to_but_not_resumed() -> None:
    with Journal(Path("/dev/null")) as journal:
        journal.write(LINES[0].strip(), "k0")
    with pytest.raises(ParameterError, match="regular file"):
        Journal(Path("/dev/null"), existing="resume")
    with Journal(Path("/dev/full")) as journal, pytest.raises(InputError, match="No space left"):
        journal.write(LINES[0].strip(), "k0")


@pytest.mark.slow
def test_killed_twenty_times_and_resumed_is_undisturbed(path: Path) -> None:
    rng = np.random.default_rng(0)
    command = [sys.executable, journal_script.__file__, str(path)]
    cut, whole = 0, 0
    for pieces in rng.integers(1, 20, size=20):
        process = subprocess.Popen([*command, str(pieces)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stdout.readline() == b"now\n"
        process.kill()
        process.communicate()
        cut += not path.read_bytes().endswith(b"\n")
        assert path.read_bytes().count(b"\n") >= whole, "a record that was written is gone"
        whole = path.read_bytes().count(b"\n")
    assert cut > 0, "no kill hit the middle of a line, so the test has shown nothing"
    subprocess.run(command, check=True, capture_output=True)
    assert path.read_text() == "".join(journal_script.line(number) + "\n" for number in range(25))
