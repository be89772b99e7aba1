"""The prose of stabcert obeys the rules that `tests.prose` can check. ``python -m tests.prose`` lists every finding."""

from __future__ import annotations

import pytest

from tests import prose


@pytest.mark.slow
def test_prose_breaks_no_rule() -> None:
    assert "\n".join(map(str, prose.all_findings())) == ""


@pytest.mark.parametrize(
    ("source", "rules"),
    [
        ('def f():\n    """Return one."""\n', []),
        ('def f():\n    """Whether it is one."""\n', ["verb"]),
        ('def f():\n    """The one."""\n', ["verb"]),
        ('class C:\n    """How it goes."""\n', ["noun"]),
        ('class C:\n    """A way."""\n\n    @property\n    def f(self):\n        """Number of ways."""\n', []),
        ('class C:\n    @property\n    def f(self):\n        """What was found."""\n', ["noun"]),
        ("x = 1  # this is no\n       # number\n", ["negation"]),
        ('raise E(f"{x} is no\\nnumber")\n', ["negation"]),
        ('raise E("a radius of 0 cannot be asked for")\n', ["vocabulary", "vocabulary"]),
        ('x = f"the model {name} says cat"\n', ["vocabulary"]),
        ("# lest it breaks\n", ["because"]),
        ('x = "not asked for"\n', []),
        ('x = "removals were not asked for"\n', ["vocabulary"]),
        ('x = "' + "word " * 25 + '"\n', []),
        ('x = "' + "word " * 26 + '"\n', ["long"]),
        ('x = "' + "word " * 20 + "{}. And " + "word " * 20 + '"\n', []),
    ],
)
def test_the_rules_find_what_they_name(source: str, rules: list[str]) -> None:
    assert [each.rule for each in prose.findings_of_code("a.py", source)] == rules


def test_pages_are_read_without_code_tables_and_headings() -> None:
    page = "# A title is no prose\n\nOne line\nof text.\n\n```\nis none\n```\n| is none |\n- a point\n- `is no` code\n"
    assert list(prose.paragraphs(page)) == [(3, "One line of text."), (10, "- a point"), (11, "- `is no` code")]
    assert prose.findings_of_page("a.md", page) == []
