"""Parts of a list: nothing twice, nothing missing, in order, of even length."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stabcert.errors import ParameterError
from stabcert.sweep.shard import Shard, parse_shard


@given(st.lists(st.integers()), st.integers(1, 12))
def test_parts_one_after_another_are_the_list(items: list[int], count: int) -> None:
    parts = [list(Shard(index, count).of(items)) for index in range(1, count + 1)]
    assert [item for part in parts for item in part] == items
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_a_part_is_written_as_a_fraction() -> None:
    assert parse_shard("2/4") == Shard(2, 4)


@pytest.mark.parametrize("text", ["0/4", "5/4", "1", "1/0", "-1/4", "1/4/2", "a/b", "", "1.5/2"])
def test_what_is_no_part_is_refused(text: str) -> None:
    with pytest.raises(ParameterError, match="I from 1 to N, such as 1/4"):
        parse_shard(text)
