"""The file of records with anything in it: refused and left alone, or gone on with and nothing of it lost.

A wrong variant this file has been seen to kill: a last line that has its line end dropped as if it were cut off.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stabcert.errors import StabcertError
from stabcert.sweep.journal import SCHEMA_PREFIX, Journal
from tests.fuzz.strategies import as_json, examples, json_values, mutated_bytes, mutated_json, teaches

pytestmark = pytest.mark.slow

RECORD = {
    "schema": "stabcert/1",
    "status": "reported",
    "key": "k0",
    "input": {"id": "i"},
    "result": {"interrupted": False, "text": "größer\u2028"},
}
FAILED = {**RECORD, "status": "failed", "key": "k1"}
SUMMARY = {**RECORD, "key": "k2", "input": None}
NEW = json.dumps({**RECORD, "key": "new"})


def line(record: Any) -> bytes:
    return json.dumps(record, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"


VALID = b"".join(line(record) for record in (RECORD, FAILED, SUMMARY))
lines = st.sampled_from([line(RECORD), line(FAILED), line(SUMMARY), b"\n", b" \n", b"notes\n", SCHEMA_PREFIX + b"\n"])
contents = (
    st.binary(max_size=40)
    | mutated_bytes(VALID)
    | st.lists(lines | mutated_json(RECORD).map(as_json).map(lambda data: data + b"\n"), max_size=4).map(b"".join)
    | st.tuples(st.just(VALID), st.integers(0, len(VALID))).map(lambda pair: pair[0][: pair[1]])
    | json_values.map(as_json).map(lambda data: SCHEMA_PREFIX + b'1", "status": "reported", "input": ' + data + b"}")
)


@examples(150)
@given(content=contents, resume=st.booleans())
def test_any_file_is_gone_on_with_or_refused_and_left_alone(scratch: Path, content: bytes, resume: bool) -> None:
    path = scratch / "records.jsonl"
    path.write_bytes(content)
    try:
        journal = Journal(path, existing="resume" if resume else "append")
    except StabcertError as error:
        teaches(error)
        assert path.read_bytes() == content
        return
    with journal:
        kept = path.read_bytes()
        # Nothing was lost but a last line without an end, which then began like a record; it may have got its end.
        assert content.startswith(kept.removesuffix(b"\n"))
        lost = content[len(kept) :]
        if lost:
            assert resume
            assert b"\n" not in lost
            assert lost.startswith(SCHEMA_PREFIX) or SCHEMA_PREFIX.startswith(lost)
            assert len(journal.notes) == 1
        for key, status in journal.finished.items():
            record = json.loads(journal.read(key))
            assert (str(record.get("key", "")), record["status"]) == (key, status)
            assert status != "failed"
        assert journal.inputs <= set(journal.finished)
        finished = {key: journal.read(key) for key in journal.finished}
        journal.write(NEW, "new")
        wanted = [*sorted(finished, reverse=True), "new"]
        journal.arrange(list(dict.fromkeys(wanted)))
    after = path.read_bytes()
    assert after.endswith(NEW.encode() + b"\n")
    # Whatever was finished is there, whole, and nobody else's line is gone.
    texts = after.split(b"\n")
    for text in finished.values():
        assert text.rstrip("\n").encode() in texts
    if not resume:
        assert after == content + NEW.encode() + b"\n"


@examples(60)
@given(
    keys=st.lists(st.sampled_from("abcd"), max_size=6),
    order=st.permutations("abcd"),
    cut=st.integers(0, 60),
)
def test_what_was_written_is_found_again_whatever_was_cut(
    scratch: Path, keys: list[str], order: list[str], cut: int
) -> None:
    path = scratch / "written.jsonl"
    path.unlink(missing_ok=True)
    with Journal(path) as journal:
        for number, key in enumerate(keys):
            journal.write(json.dumps({**RECORD, "key": key, "number": number}), key)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) - cut])
    with Journal(path, existing="resume") as journal:
        last = keys if cut <= 1 else keys[:-1]
        assert set(journal.finished) == set(last)
        for key in set(last):
            assert json.loads(journal.read(key))["number"] == max(i for i, one in enumerate(last) if one == key)
        journal.arrange(order)
    found = [json.loads(text)["key"] for text in path.read_text().splitlines()]
    assert found == [key for key in order if key in last]
