"""`--verify`: honest records stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import VALIDATOR
from tests.cli.verify_cases import (
    HARD,
    SOFT,
    Record,
    call,
    lines,
    make,
    verify,
)


def differences(found: Record) -> list[Record]:
    return [check for check in found["checks"] if not check["ok"]]


@pytest.mark.slow
@pytest.mark.parametrize("fast", [False, True])
def test_honest_soft_records_stand(soft_records: dict[str, Record], fast: bool) -> None:
    code, found = verify("certify-soft", *soft_records.values(), fast=fast)
    for one in found:
        VALIDATOR.validate(one)
    assert {name: differences(one) for name, one in zip(SOFT, found, strict=True) if differences(one)} == {}
    assert code == 0
    assert {one["status"] for one in found} == {"stands"}
    assert all(one["mode"] == ("fast" if fast else "full") for one in found)


@pytest.mark.slow
@pytest.mark.parametrize("fast", [False, True])
def test_honest_hard_records_stand(hard_records: dict[str, Record], fast: bool) -> None:
    code, found = verify("certify-hard", *hard_records.values(), fast=fast)
    for one in found:
        VALIDATOR.validate(one)
    assert {name: differences(one) for name, one in zip(HARD, found, strict=True) if differences(one)} == {}
    assert code == 0


@pytest.mark.slow
def test_the_cases_are_what_they_are_called(soft_records: dict[str, Record], hard_records: dict[str, Record]) -> None:
    assert {record["status"] for record in soft_records.values()} >= {
        "certified",
        "not-certified",
        "reported",
        "vacuous",
    }
    assert {record["status"] for record in hard_records.values()} >= {"certified", "reported", "vacuous"}
    assert soft_records["largest radius"]["result"]["largest_radius"] is not None
    assert not soft_records["fixed"]["result"]["rates"][0]["enumerated"]
    assert any(0 < rate["rate"] < 1 for record in soft_records.values() for rate in record["result"]["rates"])
    assert hard_records["refined"]["result"]["refinement"] is not None
    assert hard_records["attacked"]["result"]["attack"]["model"] is not None
    assert hard_records["sweep"]["result"]["sweep"]
    assert hard_records["checked"]["result"]["check"]["added"] == [1, 6]


@pytest.mark.slow
def test_a_record_of_not_certified_stands(soft_records: dict[str, Record]) -> None:
    assert soft_records["refuted"]["status"] == "not-certified"
    assert verify("certify-soft", soft_records["refuted"], fast=True)[0] == 0


@pytest.mark.slow
def test_a_picture_is_read_again(picture: Path, tmp_path: Path) -> None:
    copy = tmp_path / "picture.png"
    copy.write_bytes(picture.read_bytes())
    code, out, err = call("certify-soft", copy, "--method", "random", "-r", 2, "--n-samples", 5, "--json", "-q")
    assert code == 0, err
    file = tmp_path / "records.jsonl"
    file.write_text(out)
    code, out, _ = call("certify-soft", "--verify", file)
    assert (code, "VERIFIED" in out, "NOT VERIFIED" in out) == (0, True, False)
    copy.write_bytes(picture.read_bytes() + b"\0")
    code, out, _ = call("certify-soft", "--verify", file)
    assert (code, "NOT VERIFIED" in out, "input.sha256" in out) == (1, True, True)
    assert call("certify-soft", "--verify", file, "--fast")[0] == 0  # needs no input
    copy.unlink()
    code, _, err = call("certify-soft", "--verify", file)
    assert (code, "no such file" in err) == (3, True)


def test_a_text_file_that_says_something_else_by_now_is_noticed(bert: Path, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("a good film\n")
    _, out, _ = call("certify-soft", text, "-m", bert, "--method", "random", "--json", "-q")
    assert call("certify-soft", "--verify", "-", stdin=out)[0] == 0
    text.write_text("a bad film\n")
    code, out, _ = call("certify-soft", "--verify", "-", stdin=out)
    assert (code, "input.path" in out) == (1, True)


def test_weights_that_changed_are_noticed(bert: Path, tmp_path: Path) -> None:
    import shutil

    from safetensors.numpy import load_file, save_file

    model = tmp_path / "model"
    shutil.copytree(bert, model)
    record = make("certify-soft", model, tmp_path, "-r", 1)
    assert verify("certify-soft", record)[0] == 0
    (weights,) = model.glob("*.safetensors")
    arrays = load_file(weights)
    name = next(iter(arrays))
    save_file(arrays | {name: arrays[name] + 1e-3}, weights, {"format": "pt"})
    code, (found,) = verify("certify-soft", record)
    assert code == 1
    assert [check["name"] for check in differences(found)] == ["model.sha256"]
    shutil.rmtree(model)
    code, _, err = call("certify-soft", "--verify", "-", stdin=lines(record))
    assert code == 3, err


@pytest.mark.slow
def test_one_word_has_nothing_to_add(bert: Path) -> None:
    for command in ("certify-soft", "certify-hard"):
        _, out, _ = call(command, "-t", "good", "-m", bert, "--method", "random", "--json", "-q")
        for more in ((), ("--fast",)):
            assert call(command, "--verify", "-", *more, stdin=out)[0] == 0
