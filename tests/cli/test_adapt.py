"""The command ``adapt``: the directory, the record, what is refused, interruption and resumption."""

from __future__ import annotations

import hashlib
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from stabcert.adapt import adapt as adapting
from stabcert.adapt.history import Progress
from stabcert.cli.commands import adapt_compare
from stabcert.cli.commands.adapt_place import Place
from stabcert.core.adaptation.division import reporting_order, reporting_part
from stabcert.errors import ModelError
from stabcert.models.hub import load_model
from tests.cli.conftest import VALIDATOR, Run, without_run
from tests.tiny_models import save_vit

WORDS = ("good", "bad", "great", "not", "film", "movie", "the", "a", "was", "and", "very", "unbelievable")
SMALL = ["--epochs", 2, "--train-batch-size", 8, "--method", "norm", "--masks", 2, "--n-samples", 2]
FEW = [*SMALL, "--lambdas", "1/2", "--draws", 4, "--radii", "1", "--clean-loss", 1, "--report-share", 0.3]


def sentences(number: int) -> list[str]:
    rng = np.random.default_rng(0)
    return [" ".join(rng.choice(WORDS, size=6)) for _ in range(number)]


@pytest.fixture(scope="module")
def listing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("texts") / "texts.jsonl"
    rows = [{"id": f"t{i}", "text": text, "label": i % 3} for i, text in enumerate(sentences(16))]
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


@pytest.fixture
def command(bert: Path, listing: Path, tmp_path: Path) -> list[object]:
    return ["adapt", "--inputs", listing, "-m", bert, *FEW, "--out", tmp_path / "adapted"]


def test_a_directory_that_loads_and_a_record_of_how_it_was_made(
    run: Run, command: list[object], tmp_path: Path, bert: Path, listing: Path
) -> None:
    ran = run(*command, "--json", "-q")
    assert (ran.code, ran.stderr) == (0, "")
    record, result = ran.record, ran.record["result"]
    out = tmp_path / "adapted"
    assert json.loads((out / "adaptation.json").read_text()) == record
    adapted, original = load_model(str(out)), load_model(str(bert))
    assert result["adapted"]["sha256"] == adapted.sha256
    assert result["adapted"]["config_sha256"] == adapted.config_sha256  # the record does not change the model
    assert record["model"]["sha256"] == original.sha256
    assert adapted.class_names == original.class_names
    assert [one["epoch"] for one in result["history"]] == [0, 1, 2]
    assert not (tmp_path / "adapted.checkpoint").exists()
    parts: dict[str, list[str]] = {}
    for one in result["inputs"]:
        parts.setdefault(one["part"], []).append(one["sha256"])
    hashes = [one["sha256"] for one in result["inputs"]]
    assert len(hashes) == 16
    assert parts["reporting"] == reporting_part(hashes, share=0.3, seed=0)
    assert {name: len(set(found)) for name, found in parts.items()} == {"training": 9, "held-out": 2, "reporting": 5}
    labels = {row["id"]: row["label"] for row in map(json.loads, listing.read_text().splitlines())}
    assert all(one["label"]["id"] == labels[one["id"]] for one in result["inputs"])
    comparison = result["comparison"]
    assert [one["sha256"] for one in comparison["inputs"]] == parts["reporting"]
    assert comparison["labelled"] == 5
    assert {one["n"] for one in comparison["inputs"]} == {6}
    assert all(len(one["selected"]) == 2 for one in comparison["inputs"])  # 25% of 6, rounded half up
    assert record["run"]["evaluations"] > 0


@pytest.mark.slow
def test_reporting_inputs_are_never_given_to_the_training(
    run: Run, command: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[str] = set()
    train = adapting.adapt

    def spy(model: Any, examples: Any, *arguments: Any, **options: Any) -> Any:
        seen.update(example.sha256 for example in examples)
        return train(model, examples, *arguments, **options)

    monkeypatch.setattr(adapting, "adapt", spy)
    result = run(*command, "--json", "-q").record["result"]
    assert seen == {one["sha256"] for one in result["inputs"] if one["part"] != "reporting"}


@pytest.mark.slow
def test_the_same_call_gives_the_same_record_whatever_the_order(
    run: Run, bert: Path, listing: Path, tmp_path: Path
) -> None:
    backwards = tmp_path / "backwards.jsonl"
    backwards.write_text("\n".join(listing.read_text().splitlines()[::-1]))
    found = []
    for number, source in enumerate((listing, listing, backwards)):
        out = tmp_path / f"out{number}"
        record = without_run(run("adapt", "--inputs", source, "-m", bert, *FEW, "--out", out, "--json", "-q").record)
        for name in ("directory", "adapted", "inputs", "history", "chosen"):
            if number == 2 or name in ("directory", "adapted"):
                record["result"].pop(name)
        found.append(record)
    assert found[0] == found[1]
    assert found[2]["result"]["data_sha256"] == found[0]["result"]["data_sha256"]
    ids = [[one["id"] for one in record["result"]["comparison"]["inputs"]] for record in found]
    assert ids[0] == ids[2]


@pytest.mark.slow
def test_named_reporting_inputs_are_left_out_of_the_training(
    run: Run, bert: Path, listing: Path, tmp_path: Path
) -> None:
    others = tmp_path / "others.txt"
    rows = [json.loads(line)["text"] for line in listing.read_text().splitlines()]
    folder = tmp_path / "folder"
    folder.mkdir()
    for number, text in enumerate([rows[0], "not a bad film", "a very bad movie", "a very bad movie"]):
        (folder / f"{number}.txt").write_text(text)
    others.write_text("\n".join(rows))
    ran = run(
        *("adapt", "--inputs", others, "-m", bert, *FEW, "--out", tmp_path / "adapted", "--json"),
        *("--report-on", folder),
    )
    assert ran.code == 0
    result = ran.record["result"]
    assert "1 of the inputs is named by --report-on too: left out" in ran.stderr
    assert result["repeats_left_out"] == 1
    assert result["comparison"]["request"]["report_share"] is None
    reported = [one["sha256"] for one in result["inputs"] if one["part"] == "reporting"]
    assert reported == [sha for sha in reporting_order(reported, seed=0) for _ in range(reported.count(sha))]
    assert len(reported) == 4
    assert len(result["inputs"]) == 15 + 4
    copies = [one for one in result["comparison"]["inputs"] if reported.count(one["sha256"]) == 2]
    assert copies[0]["selected"] == copies[1]["selected"]


@pytest.mark.slow
@pytest.mark.parametrize(("gain", "code", "status"), [(0.0, {0, 1}, None), (1.0, {1}, "undecided")])
def test_a_requested_gain_decides_the_exit_code(
    run: Run, command: list[object], gain: float, code: set[int], status: str | None
) -> None:
    ran = run(*command, "--min-gain", gain, "--json", "-q")
    assert ran.code in code
    found = ran.record["result"]["comparison"]["min_gain"]
    assert found["met"] == (found["lower"] >= gain)
    assert ran.record["status"] == (status or ("certified" if found["met"] else "undecided"))
    assert (ran.code == 0) == found["met"]


@pytest.mark.slow
def test_everything_is_written_where_it_was_asked_for(run: Run, command: list[object], tmp_path: Path) -> None:
    page, plot, output, junit = (tmp_path / name for name in ("a.html", "a.png", "a.jsonl", "a.xml"))
    ran = run(*command, "--html", page, "--plot", plot, "-o", output, "--junit", junit, "--format", "markdown")
    assert ran.code == 0
    assert "### adapt" in ran.stdout
    assert "2 epochs" in ran.stderr
    VALIDATOR.validate(json.loads(output.read_text()))
    assert page.read_text().count("<svg") > 2
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert "all inputs together" in junit.read_text()
    again = run("adapt", "--verify", output, "--json")
    assert (again.code, again.record["status"], again.record["mode"]) == (0, "stands", "fast")
    assert again.record["input"] is None
    checks = {one["name"]: one["ok"] for one in again.record["checks"]}
    assert checks["result.adapted.sha256"]
    assert checks["result.adapted.config_sha256"]


@pytest.mark.slow
def test_the_weights_are_verified_where_they_are(run: Run, command: list[object], tmp_path: Path) -> None:
    assert run(*command, "-q").code == 0
    out, moved = tmp_path / "adapted", tmp_path / "moved"
    named = run("adapt", "--verify", out)
    assert (named.code, f"Write --verify {out / 'adaptation.json'}" in named.stderr) == (3, True)
    for name in ("config.json", "model.safetensors"):
        wrong = run("adapt", "--verify", out / name)
        assert (wrong.code, f"write --verify {out / 'adaptation.json'}" in wrong.stderr) == (3, True)
    copied = tmp_path / "record.jsonl"
    copied.write_bytes((out / "adaptation.json").read_bytes())
    out.rename(moved)
    assert run("adapt", "--verify", moved / "adaptation.json").code == 0
    elsewhere = run("adapt", "--verify", copied)
    assert (elsewhere.code, "not checked: the weights" in elsewhere.stdout) == (0, True)
    out.mkdir()  # another folder with the recorded name
    elsewhere = run("adapt", "--verify", copied)
    assert (elsewhere.code, "not checked: the weights" in elsewhere.stdout) == (0, True)
    weights = bytearray((moved / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (moved / "model.safetensors").write_bytes(weights)
    changed = run("adapt", "--verify", moved / "adaptation.json")
    assert (changed.code, "result.adapted.sha256" in changed.stdout) == (1, True)


@pytest.mark.slow
def test_long_texts_are_cut_where_that_is_asked_for_and_counted(run: Run, bert: Path, tmp_path: Path) -> None:
    path = tmp_path / "long.jsonl"
    write_long(path, sentences(16))
    common = ("adapt", "--inputs", path, "-m", bert, *FEW, "--interpolations", "1")
    ran = run(*common, "--truncate", "--out", tmp_path / "adapted", "--json", "-q")
    assert ran.code == 0
    assert ran.record["result"]["cut"] == 1
    assert ran.record["result"]["settings"]["truncate"] is True
    assert ran.record["result"]["settings"]["interpolations"] == [1.0]
    assert {one["interpolation"] for one in ran.record["result"]["history"]} <= {0.0, 1.0}


@pytest.mark.slow
def test_photos_in_folders_of_their_classes(run: Run, tmp_path: Path) -> None:
    model, photos = save_vit(tmp_path / "vit"), tmp_path / "photos"
    rng = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (photos / name).mkdir(parents=True)
        for number in range(7):
            pixels = rng.integers(0, 255, (40, 48, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(photos / name / f"{number}.png")
    out = tmp_path / "adapted"
    ran = run("adapt", photos, "-m", model, *FEW, "--label-weight", 0.5, "--out", out, "--json", "-q")
    assert (ran.code, ran.stderr) == (0, "")
    assert ran.record["result"]["comparison"]["explanations"]["feature_kind"] == "patch"
    assert ran.record["result"]["settings"]["label_weight"] == 0.5
    assert run("explain", photos / "cat" / "0.png", "-m", out, "--method", "random", "--json", "-q").code == 0


REFUSED: list[tuple[str, list[object], int, str]] = [
    ("no directory", ["--out", ""], 2, "--out must be a new directory"),
    ("an epoch of 0", ["--epochs", 0], 2, "--epochs must be a whole number from 1, got '0'. Write --epochs 8"),
    ("many epochs", ["--epochs", "many"], 2, "--epochs must be a whole number from 1, got 'many'"),
    ("no random masks", ["--masks", 0], 2, "--masks must be a whole number from 1"),
    ("a word for a rate", ["--clean-loss", "little"], 2, "--clean-loss must be a number, got 'little'"),
    ("an attribution as the method", ["--method", "lime"], 2, "write --attribution lime"),
    ("an unknown method", ["--method", "best"], 2, "--method must be full, lora or norm, got 'best'"),
    ("a delta of 0", ["--delta", 0], 2, "--delta must be between 0 and 1"),
    ("points that are words", ["--interpolations", "all"], 2, "Write 0.5,1 or 1"),
    ("a point beyond", ["--interpolations", "0.5,2"], 2, "--interpolations must be above 0 and at most 1"),
    ("a rate of 0", ["--learning-rate", 0], 2, "--learning-rate must be above 0"),
    ("labels alone, which are missing", ["--label-weight", 1, "--inputs", "plain.txt"], 2, "--label-weight 1 needs"),
    ("a weight of 2", ["--label-weight", 2], 2, "--label-weight must be from 0 to 1"),
    ("a clean loss in percent", ["--clean-loss", 2], 2, "--clean-loss must be from 0 to 1"),
    ("everything held out", ["--held-out", 1], 2, "--held-out must be above 0 and below 1"),
    ("everything reported on", ["--report-share", 1], 2, "--report-share must be between 0 and 1"),
    ("too few to report on", ["--report-share", 0.01], 3, "--report-share 0.01"),
    ("one to report on", ["--report-on", "one.txt", "--inputs", "plain.txt"], 3, "at least 2 different inputs"),
    ("lines to report on", ["--report-on", "plain.txt", "--inputs", "plain.txt"], 3, "give a list such as .jsonl"),
    ("nothing to report on", ["--report-on", "none"], 3, "no such file: none"),
    ("everything to report on", ["--report-on", "wrong.jsonl", "--inputs", "wrong.jsonl"], 3, "names every input"),
    ("an unknown attribution", ["--attribution", "magic"], 2, "--attribution must be one of lime"),
    ("a share of everything", ["-k", "0%"], 2, "above 0%"),
    ("radii of all", ["--radii", "all"], 2, "Write 4, 1,2,5 or 1:10"),
    ("a lambda off the grid", ["--lambdas", "1/3", "--draws", 4], 2, "must be a multiple of 1/4 up to 1, got 1/3"),
    ("five lambdas", ["--lambdas", "0.5,0.4,0.3,0.2,0.1"], 2, "at most 4"),
    ("half precision", ["--dtype", "bfloat16"], 2, "--dtype must be float32"),
    ("a compiled model", ["--compile"], 2, "--compile is not possible"),
    ("a gain of two", ["--min-gain", 2], 2, "--min-gain"),
    ("nothing to resume", ["--resume"], 2, "--resume needs"),
    ("an unknown label", ["--inputs", "wrong.jsonl"], 3, "class 9 does not exist"),
    ("labels for some", ["--inputs", "some.jsonl"], 3, "has no label, but others have one"),
    ("one text with two labels", ["--inputs", "two.jsonl"], 3, "equal inputs with different labels"),
    (
        "a text and an image",
        ["picture.png", "--inputs", "plain.txt"],
        2,
        "must be of one kind, got an image (picture.png) and a text",
    ),
    ("a folder without inputs", ["empty"], 3, "in the directory empty"),
    ("a folder without inputs, with advice", ["empty"], 3, "Put some hundred photos or texts into it"),
    ("a folder that is not there", ["nowhere"], 3, "no such file: nowhere. Give a folder of photos"),
    ("a file of texts as one text", ["FILE", "plain.txt"], 3, "plain.txt was read as one text. For one text a line"),
    ("a text that is too long", ["--inputs", "long.jsonl"], 3, "or use --truncate to cut it"),
    ("the directory of the model", ["--out", "MODEL"], 2, "another directory than that of the model"),
    ("a directory with files", ["--out", "full"], 2, "full, which contains files. Use another name"),
    ("a file", ["--out", "plain.txt"], 2, "got the file plain.txt"),
    ("somebody else's checkpoint", ["--out", "begun"], 2, "begun.checkpoint is of an interrupted run. Use --resume"),
    ("a directory that is not of a run", ["--out", "full", "--resume"], 2, "It is not of an interrupted run"),
]


@pytest.fixture
def folder(tmp_path: Path, picture: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files that the rows name."""
    monkeypatch.chdir(tmp_path)
    texts = sentences(16)
    (tmp_path / "plain.txt").write_text("\n".join(texts))
    (tmp_path / "one.txt").write_text("a film")
    (tmp_path / "begun.checkpoint").write_text("")
    for name in ("empty", "full"):
        (tmp_path / name).mkdir()
    (tmp_path / "full" / "adaptation.json").write_text("{}")
    (tmp_path / "picture.png").write_bytes(picture.read_bytes())
    rows = [{"text": text, "label": 9 if i == 3 else 0} for i, text in enumerate(texts)]
    (tmp_path / "wrong.jsonl").write_text("\n".join(map(json.dumps, rows)))
    rows = [{"text": text, **({"label": 0} if i else {})} for i, text in enumerate(texts)]
    (tmp_path / "some.jsonl").write_text("\n".join(map(json.dumps, rows)))
    rows = [{"text": texts[0], "label": label} for label in (0, 1)]
    (tmp_path / "two.jsonl").write_text("\n".join(map(json.dumps, rows)))
    write_long(tmp_path / "long.jsonl", texts)
    return tmp_path


def write_long(path: Path, texts: list[str]) -> None:
    """Write texts of which one that trains is too long for the model."""
    hashes = {hashlib.sha256(text.encode()).hexdigest(): text for text in texts}
    reported = {hashes[one] for one in reporting_part(hashes, share=0.3, seed=0)}
    long = next(text for text in texts if text not in reported)
    for more in range(100):  # of those that are long, one that is still not reported on
        rows = [" ".join([text] * 40 + ["a"] * more) if text == long else text for text in texts]
        hashes = {hashlib.sha256(text.encode()).hexdigest(): text for text in rows}
        if all(len(hashes[one]) < 1000 for one in reporting_part(hashes, share=0.3, seed=0)):
            break
    path.write_text("\n".join(json.dumps({"text": text}) for text in rows))


@pytest.mark.parametrize("row", REFUSED, ids=[row[0] for row in REFUSED])
def test_what_is_refused(
    run: Run, bert: Path, listing: Path, folder: Path, row: tuple[str, list[object], int, str]
) -> None:
    _, options, code, message = row
    given = [str(bert) if one == "MODEL" else one for one in options if one != "FILE"]
    source = [] if "--inputs" in given or "FILE" in options else ["--inputs", listing]
    out = [] if "--out" in given else ["--out", "adapted"]
    before = sorted(folder.rglob("*"))
    ran = run("adapt", *source, "-m", bert, *FEW, *out, *given)
    assert (ran.code, ran.stdout) == (code, "")
    assert message in ran.stderr
    assert sorted(folder.rglob("*")) == before


@pytest.fixture
def stops(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Sends this process SIGINT in the first epoch: after a step of the training, or when it has been measured."""
    train = adapting.adapt

    def plant(phase: str) -> None:
        def adapt(*arguments: Any, on_progress: Callable[[Progress], None], **options: Any) -> Any:
            def show(progress: Progress) -> None:
                on_progress(progress)
                if (progress.epoch, progress.phase) == (1, phase):
                    os.kill(os.getpid(), signal.SIGINT)

            return train(*arguments, on_progress=show, **options)

        monkeypatch.setattr(adapting, "adapt", adapt)

    return plant


def test_an_interruption_before_the_first_epoch_writes_nothing(
    run: Run, command: list[object], tmp_path: Path, stops: Callable[[str], None]
) -> None:
    stops("training")
    ran = run(*command, "--train-batch-size", 4)
    assert (ran.code, ran.stdout) == (130, "")
    assert "nothing was written" in ran.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_an_interrupted_run_keeps_the_best_and_is_resumed_to_the_same_result(
    run: Run,
    command: list[object],
    listing: Path,
    tmp_path: Path,
    stops: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = run(*command[:-1], tmp_path / "whole", "--json", "-q").record["result"]
    with monkeypatch.context():
        stops("held-out")
        ran = run(*command, "--json")
    assert ran.code == 130
    assert ran.record["result"]["interrupted"]
    assert ran.record["result"]["comparison"] is None
    assert ran.record["status"] == "incomplete"
    assert "Add --resume to the same command" in ran.stderr
    written = tmp_path / "adapted" / "adaptation.json"
    assert json.loads(written.read_text()) == ran.record
    verified = run("adapt", "--verify", written)
    assert verified.code == 0
    assert "not checked: any gain" in verified.stdout
    assert "the counts" not in verified.stdout
    before = written.read_bytes()
    other = run(*command, "--resume", "--learning-rate", 0.001, "--epochs", 3)
    assert (other.code, written.read_bytes() == before) == (2, True)
    assert "epochs was 2 and is 3" in other.stderr
    changed = tmp_path / "changed.jsonl"
    changed.write_text(listing.read_text() + '\n{"text": "not a film", "label": 0}')
    other = run("adapt", "--inputs", changed, *command[3:], "--resume")
    assert (other.code, "the inputs are others" in other.stderr) == (2, True)
    changed.unlink()
    assert load_model(str(tmp_path / "adapted")).sha256 == ran.record["result"]["adapted"]["sha256"]
    monkeypatch.undo()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    resumed = run(*command, "--resume", "--json", "-q")
    assert resumed.code == 0
    result = resumed.record["result"]
    assert not result["interrupted"]
    assert result["adapted"]["sha256"] == whole["adapted"]["sha256"]
    assert result["comparison"] == whole["comparison"]
    for one, other in zip(result["history"], whole["history"], strict=True):
        assert (one["loss"] or 0.0) == pytest.approx(other["loss"] or 0.0, rel=1e-4)
        assert one["quality"] == other["quality"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["adapted", "whole"]
    assert run("adapt", "--verify", tmp_path / "adapted" / "adaptation.json").code == 0


@pytest.mark.slow
def test_a_signal_while_the_directory_is_written_leaves_it_complete_and_resumable(
    run: Run, command: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = Place.save

    def interrupted(self: Place, *arguments: Any) -> None:
        signal.raise_signal(signal.SIGINT)
        save(self, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(Place, "save", interrupted)
        ran = run(*command, "--json")
    assert ran.code == 130
    assert ran.record["result"]["comparison"] is None
    assert "Add --resume to the same command" in ran.stderr
    modes = {(tmp_path / "adapted" / name).stat().st_mode for name in ("model.safetensors", "config.json")}
    assert len(modes) == 1
    again = run(*command)
    assert (again.code, "Add --resume to continue it" in again.stderr) == (2, True)
    (tmp_path / "adapted" / "adaptation.json").unlink()  # as if it was killed before the record
    assert run(*command, "--resume", "--json", "-q").record["result"]["comparison"] is not None


@pytest.mark.slow
def test_an_interrupted_comparison_keeps_the_model(
    run: Run, command: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*arguments: Any, **options: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(adapt_compare, "compare_input", interrupted)
        ran = run(*command, "--json")
    assert ran.code == 130
    assert (ran.record["result"]["interrupted"], ran.record["result"]["comparison"]) == (False, None)
    assert (tmp_path / "adapted" / "model.safetensors").is_file()
    resumed = run(*command, "--resume", "--json", "-q")
    assert resumed.code == 0
    assert resumed.record["result"]["comparison"] is not None


@pytest.mark.slow
def test_a_comparison_that_fails_can_be_made_up_for(
    run: Run, command: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*arguments: Any, **options: Any) -> Any:
        raise ModelError("planted")

    with monkeypatch.context() as patched:
        patched.setattr(adapt_compare, "compare_input", fails)
        ran = run(*command, "--json")
    assert (ran.code, ran.stdout) == (3, "")
    record = json.loads((tmp_path / "adapted" / "adaptation.json").read_text())
    VALIDATOR.validate(record)
    assert record["result"]["comparison"] is None
    assert run(*command, "--resume", "--json", "-q").record["result"]["comparison"] is not None
