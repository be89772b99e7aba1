"""Files of columns and data sets, made where they are tested."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.feather
import pyarrow.parquet
from PIL import Image

TEXTS = ("a great film", "a bad film", "not bad", "the movie", "good")


def png(seed: int = 0) -> bytes:
    out = io.BytesIO()
    colours = [(37 * seed + 11 * i) % 256 for i in range(3)]
    Image.new("RGB", (8, 8), tuple(colours)).save(out, "PNG")
    return out.getvalue()


def images(count: int) -> list[dict[str, Any]]:
    """Images in the form of the hub."""
    return [{"bytes": png(i), "path": f"{i}.png"} for i in range(count)]


def table(columns: Mapping[str, Sequence[Any]], classes: Mapping[str, Sequence[str]] | None = None) -> pyarrow.Table:
    """A table; ``classes`` are the names of class numbers, described as the library ``datasets`` does."""
    made = pyarrow.table(dict(columns))
    if classes is None:
        return made
    features = {name: {"names": list(names), "_type": "ClassLabel"} for name, names in classes.items()}
    return made.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})


def write(path: Path, made: pyarrow.Table, *, rows_in_a_group: int = 2) -> Path:
    """Write a table in the format of the suffix; ``.arrow`` as a stream, as ``datasets`` does."""
    if path.suffix == ".parquet":
        pyarrow.parquet.write_table(made, path, row_group_size=rows_in_a_group)
    elif path.suffix == ".feather":
        pyarrow.feather.write_feather(made, path)
    else:
        with pyarrow.ipc.new_stream(path, made.schema) as stream:
            stream.write_table(made, max_chunksize=rows_in_a_group)
    return path
