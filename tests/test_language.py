"""The prose of stabcert obeys the rules that `tests.prose` can check.

Findings from before the rules are counted in language_debt.json. The counts are exact and only become smaller.
``python -m tests.prose`` lists every finding. Once some are resolved, ``pytest tests/test_language.py --update-golden``
writes the new counts; it refuses larger totals. When the last one is resolved, language_debt.json goes.
"""

from __future__ import annotations

import json
from collections import Counter

import pytest

from tests import prose

DEBT = prose.ROOT / "tests" / "language_debt.json"


def _totals(counts: dict[str, dict[str, int]]) -> Counter[str]:
    return sum((Counter(rules) for rules in counts.values()), Counter())


def test_prose_breaks_no_rule_oftener_than_counted(request: pytest.FixtureRequest) -> None:
    found = prose.all_findings()
    now = prose.counts(found)
    then = json.loads(DEBT.read_text(encoding="utf-8"))
    if request.config.getoption("--update-golden"):
        more = _totals(now) - _totals(then)
        assert not more, f"more findings than before, of the rules {dict(more)}; python -m tests.prose lists them"
        DEBT.write_text(json.dumps(now, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        return
    wrong = [
        f"{path}, {rule}: {now.get(path, {}).get(rule, 0)} findings, {then.get(path, {}).get(rule, 0)} are counted"
        for path in sorted(now.keys() | then.keys())
        for rule in sorted(now.get(path, {}).keys() | then.get(path, {}).keys())
        if now.get(path, {}).get(rule, 0) != then.get(path, {}).get(rule, 0)
    ]
    assert not wrong, "\n".join(
        [*wrong, "python -m tests.prose lists them; where all are fewer: pytest tests/test_language.py --update-golden"]
    )


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
