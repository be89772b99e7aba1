"""Configuration files that cannot be read, or whose values cannot be."""

from __future__ import annotations

from collections.abc import Sequence

from tests.robustness.case import Build, Workshop, cases
from tests.robustness.workshop import SENTENCE

AREA = "configuration files"


def _config(text: str) -> Build:
    """No model of this name exists: the file is refused before one is loaded."""

    def build(shop: Workshop) -> Sequence[object]:
        name = shop.write("stabcert.toml", text)
        return ["certify-soft", "-t", SENTENCE, "-m", "nobody/nothing", "--config", name]

    return build


CASES = cases(
    AREA,
    (
        "a name with a slip",
        _config("[certify-soft]\nmin-rat = 0.9"),
        2,
        "min-rat is not an option that a configuration file can set. Did you mean min-rate?",
    ),
    ("a name with an underscore", _config("[certify-soft]\nmin_rate = 0.9"), 2, "Did you mean min-rate?"),
    (
        "another configuration file",
        _config("[certify-soft]\nconfig = 'x'"),
        2,
        "config is not an option that a configuration file can set. Write one of allow-inconsistent",
    ),
    ("a rate that is a word", _config('[certify-soft]\nmin-rate = "high"'), 2, "min-rate = 'high' must be a number"),
    ("a rate that is true", _config("[certify-soft]\nmin-rate = true"), 2, "min-rate = true must be a number"),
    ("a fraction for a whole number", _config("[certify-soft]\nlimit = 1.5"), 2, "limit = 1.5 must be a whole number"),
    ("a number for a flag", _config("[certify-soft]\nper-radius = 1"), 2, "per-radius = 1 must be true or false"),
    ("a number for a list", _config("[certify-soft]\ntext = 1"), 2, 'a list of texts: ["a", "b"]'),
    (
        "a list for a radius",
        _config("[certify-soft]\nradius = [1, 2]"),
        2,
        "radius = [1, 2] must be text in quotes, or a number",
    ),
    ("a limit of 0", _config("[certify-soft]\nlimit = 0"), 2, "Invalid value for '--limit'"),
    ("a value outside every table", _config("min-rate = 0.9"), 2, "Write [certify-soft] in a line above it"),
    ("a table with an underscore", _config("[certify_soft]\nmin-rate = 0.9"), 2, "Did you mean [certify-soft]?"),
    ("no table for the command", _config("[explain]\nshow = 1"), 2, "does not contain [certify-soft]"),
    (
        "a file that does not exist",
        lambda shop: ["certify-soft", "-t", SENTENCE, "-m", "nobody/nothing", "--config", "none.toml"],
        3,
        "no such file",
    ),
    ("a table that is not closed", _config("[certify-soft"), 3, "is not TOML"),
)
