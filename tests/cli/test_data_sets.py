"""``--dataset``: directories, saved data sets and the cache, by the library ``datasets``; never the network."""

from __future__ import annotations

import hashlib
import json
import socket
import sys
from pathlib import Path
from typing import Any

import datasets
import pytest

from stabcert.cli.inputs import collect
from stabcert.cli.items import Item
from stabcert.cli.options import InputOptions
from stabcert.errors import InputError, ParameterError
from tests.cli.columnar import images, png, table, write
from tests.cli.conftest import Run

ROWS = 20


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        pytest.fail("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def reviews(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with two splits, as repositories of the hub have them."""
    directory = tmp_path_factory.mktemp("reviews")
    for split, rows in (("train", 5), ("test", ROWS)):
        made = table(
            {"text": [f"{split} {i}" for i in range(rows)], "label": [i % 2 for i in range(rows)]},
            {"label": ["neg", "pos"]},
        )
        write(directory / f"{split}-00000-of-00001.parquet", made)
    return directory


def read(name: Path | str, split: str | None = None, *, labelled: bool = False, **options: Any) -> list[Item]:
    return collect(InputOptions(dataset=str(name), split=split, **options), labelled=labelled)


@pytest.mark.parametrize(
    ("split", "rows"),
    [
        ("test", range(20)),
        ("test[:3]", range(3)),
        ("test[10%:20%]", range(2, 4)),
        ("test[-2:]", range(18, 20)),
        ("test[:1000]", range(20)),
    ],
)
def test_a_part_of_a_split_has_the_ids_of_the_whole(reviews: Path, split: str, rows: range) -> None:
    items = read(reviews, split, labelled=True)
    assert [(item.id, item.text) for item in items] == [(f"{reviews}:test:{i}", f"test {i}") for i in rows]
    assert [item.label and item.label.value for item in items] == [["neg", "pos"][i % 2] for i in rows]


def test_splits_are_added_and_a_limit_is_of_all(reviews: Path) -> None:
    items = read(reviews, "test[:1]+train[3:]")
    assert [item.text for item in items] == ["test 0", "train 3", "train 4"]
    assert [item.text for item in read(reviews, "test[:1]+train[3:]", limit=2)] == ["test 0", "train 3"]


def test_a_directory_of_csv_or_json_files_is_one_split(tmp_path: Path) -> None:
    (tmp_path / "csv").mkdir()
    (tmp_path / "csv" / "rows.csv").write_text("sentence,label\na,0\nb,1\n")
    (tmp_path / "json").mkdir()
    (tmp_path / "json" / "rows.jsonl").write_text('{"sentence": "a", "label": 0}\n{"sentence": "b", "label": 1}\n')
    for directory in ("csv", "json"):
        items = read(tmp_path / directory, column="sentence", labelled=True)
        assert [(item.text, item.label and item.label.value) for item in items] == [("a", 0), ("b", 1)]
        assert items[0].id == f"{tmp_path / directory}:train:0"


def test_what_save_to_disk_wrote_is_read(tmp_path: Path) -> None:
    made = datasets.Dataset.from_dict(
        {"text": ["a", "b", "c"], "label": [1, 0, 1]},
        datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["no", "yes"])}),
    )
    made.select([2, 0]).save_to_disk(tmp_path / "one")
    datasets.DatasetDict({"test": made, "train": made}).save_to_disk(tmp_path / "two")
    (last, first) = read(tmp_path / "one", labelled=True)
    assert (last.text, last.label and last.label.value, first.text) == ("c", "yes", "a")
    assert [item.text for item in read(tmp_path / "two", "test[1:]")] == ["b", "c"]


def test_folders_of_images_have_their_classes(tmp_path: Path) -> None:
    for split in ("train", "test"):
        for i, name in enumerate(("cat", "dog")):
            (tmp_path / "photos" / split / name).mkdir(parents=True)
            (tmp_path / "photos" / split / name / "a.png").write_bytes(png(i))
    items = read(tmp_path / "photos", "test", labelled=True)
    assert [item.label and item.label.value for item in items] == ["cat", "dog"]
    assert [item.sha256() for item in items] == [hashlib.sha256(png(i)).hexdigest() for i in (0, 1)]


def test_images_in_files_of_columns_are_read_from_any_row(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    write(tmp_path / "photos" / "test.parquet", table({"img": images(5), "label": list(range(5))}))
    items = read(tmp_path / "photos", "test[2:]")
    assert [item.read() for item in reversed(items)] == [png(4), png(3), png(2)]
    assert items[0].stored is not None
    assert items[0].stored.describe() == {
        "dataset": str(tmp_path / "photos"),
        "split": "test",
        "row": 2,
        "column": "img",
    }


REFUSED: list[tuple[str | None, dict[str, Any], str]] = [
    (None, {}, r"several splits: .*test \(20 rows\).* Choose one with --split"),
    ("tst", {}, r"got 'tst'. .* has .*test \(20 rows\)"),
    ("test[:a]", {}, r"test\[10%:20%\]|train\[10%:20%\]"),
    ("test[5:3]", {}, "contains no rows"),
    ("test", {"column": "tekst"}, "It has 'text', 'label'"),
    ("test", {"column": "label"}, "texts or images"),
]


@pytest.mark.parametrize(("split", "options", "message"), REFUSED)
def test_a_split_or_a_column_that_does_not_exist_is_refused_with_those_that_do(
    reviews: Path, split: str | None, options: dict[str, Any], message: str
) -> None:
    with pytest.raises((ParameterError, InputError), match=message):
        read(reviews, split, **options)


def test_a_column_of_labels_is_refused_where_labels_are_not_used(reviews: Path) -> None:
    with pytest.raises(ParameterError, match="--label-column is for smooth-eval and adapt"):
        read(reviews, "test", label_column="label")
    assert read(reviews, "test", label_column="label", labelled=True)[0].label is not None


def test_code_of_a_data_set_is_not_run(tmp_path: Path) -> None:
    directory = tmp_path / "script"
    directory.mkdir()
    (directory / "script.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    with pytest.raises(InputError, match="cannot be read"):
        read(directory)
    assert not (tmp_path / "ran").exists()


def test_a_name_that_is_not_in_the_cache_is_refused_offline_and_nothing_is_downloaded() -> None:
    with pytest.raises(InputError, match="neither a directory nor in the cache"):
        collect(InputOptions(dataset="nobody/nothing", split="test"), offline=True)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a b", "possible name of the hub"),
        ("../none", "possible name of the hub"),
        ("nobody/nothing", "Write --offline"),
    ],
)
def test_a_name_that_cannot_be_looked_up_is_refused_at_once(
    name: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_: Any, **__: Any) -> None:
        raise OSError("no route to host")

    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.HfApi.dataset_info", unreachable)
    with pytest.raises(InputError, match=message):
        read(name, "test")


def test_a_data_set_of_the_cache_is_read_offline(
    tmp_path: Path, reviews: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cache is laid out as the library does after a download."""
    made = datasets.Dataset.from_dict({"text": ["a", "b"]})
    folder = Path(datasets.config.HF_DATASETS_CACHE) / "nobody___reviews" / "default" / "0.0.0" / ("0" * 40)
    folder.mkdir(parents=True)
    info = {
        "builder_name": "parquet",
        "config_name": "default",
        "dataset_name": "reviews",
        "features": {"text": {"dtype": "string", "_type": "Value"}},
        "splits": {"test": {"name": "test", "num_bytes": 2, "num_examples": 2, "dataset_name": "reviews"}},
        "version": {"version_str": "0.0.0", "major": 0, "minor": 0, "patch": 0},
    }
    (folder / "dataset_info.json").write_text(json.dumps(info))
    with datasets.arrow_writer.ArrowWriter(path=str(folder / "reviews-test.arrow"), features=made.features) as writer:
        for row in made:
            writer.write(row)
        writer.finalize()
    items = collect(InputOptions(dataset="nobody/reviews", split="test[1:]"), offline=True)
    assert [(item.id, item.text) for item in items] == [("nobody/reviews:test:1", "b")]


def test_without_the_library_the_extra_is_named(reviews: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(ParameterError, match=r'pip install "stabcert-attributions\[data\]"'):
        read(reviews, "test")


def test_settings_of_the_library_are_put_back(reviews: Path) -> None:
    before = datasets.config.HF_HUB_OFFLINE, datasets.logging.get_verbosity(), datasets.is_progress_bar_enabled()
    read(reviews, "train")
    after = datasets.config.HF_HUB_OFFLINE, datasets.logging.get_verbosity(), datasets.is_progress_bar_enabled()
    assert after == before


@pytest.mark.slow
def test_shards_and_resume_work_over_a_data_set(run: Run, bert: Path, reviews: Path, tmp_path: Path) -> None:
    arguments = ["explain", "--dataset", reviews, "--split", "test[:4]", "-m", bert, "--method", "random"]
    whole, part = tmp_path / "whole.jsonl", tmp_path / "part.jsonl"
    ran = run(*arguments, "-o", whole)
    assert (ran.code, ran.stderr) == (0, "")
    for shard in ("1/2", "2/2"):
        assert run(*arguments, "--shard", shard, "-o", part, "--resume").code == 0
    ran = run(*arguments, "-o", part, "--resume")
    assert "4 of 4 inputs skipped" in ran.stderr
    found, expected = ([json.loads(line) for line in path.read_text().splitlines()] for path in (part, whole))
    assert [record["input"] for record in found] == [record["input"] for record in expected]
    labelled = run("smooth-eval", *arguments[1:], "--lambdas", "1", "--radii", "1", "--draws", 4, "--json")
    assert labelled.code == 3, "the classes of the model are three, those of the data set two"
    assert "--labels" in labelled.stderr


@pytest.mark.slow
@pytest.mark.parametrize("names", [("positive", "neutral", "negative"), ("pos", "neu", "neg")])
def test_labels_are_the_classes_of_the_model_by_name_or_by_number(
    run: Run, bert: Path, tmp_path: Path, names: tuple[str, ...]
) -> None:
    made = table({"text": ["a great film", "not bad", "the movie"], "label": [0, 1, 2]}, {"label": names})
    (tmp_path / "reviews").mkdir()
    write(tmp_path / "reviews" / "test.parquet", made)
    arguments = ["--dataset", tmp_path / "reviews", "-m", bert, "--method", "random", "--lambdas", "1", "--draws", 4]
    ran = run("smooth-eval", *arguments, "--radii", "1", "--json")
    assert ran.code == 0, ran.stderr
    classes = ("negative", "neutral", "positive")  # of the model
    by_name = names[0] in classes
    expected = names if by_name else classes
    assert [one["result"]["label"]["label"] for one in ran.records[:3]] == list(expected)
    assert ("compared by number" in ran.stderr) == (not by_name)
