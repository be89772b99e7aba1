"""What must not be slow: `--help` answers before torch could even be imported."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = (
    "torch",
    "transformers",
    "timm",
    "captum",
    "lime",
    "shap",
    "matplotlib",
    "sklearn",
    "skimage",
    "PIL",
    "scipy.stats",
    "ray",
    "stabcert.records.values",  # the models of records; typer may have loaded pydantic itself
)


def _loaded_by(code: str, names: tuple[str, ...] = HEAVY) -> list[str]:
    script = f"import sys\n{code}\nprint(*[name for name in {names!r} if name in sys.modules])"
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["certify-soft", "--help"],
        ["explain", "--help"],
        ["smooth-eval", "--help"],
        ["adapt", "--help"],
        ["diff", "--help"],
        ["--version"],
    ],
)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import contextlib, io\nfrom stabcert.cli.app import app\n"
        f"with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):\n    app({arguments!r})"
    )
    assert _loaded_by(code) == []


def test_the_package_itself_imports_nothing_heavy() -> None:
    assert _loaded_by("import stabcert", (*HEAVY, "pydantic")) == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["image", "text"])
def test_certifying_a_given_mask_imports_the_library_of_the_model_and_no_other(kind: str, tmp_path: Path) -> None:
    mask = tmp_path / "mask.json"
    mask.write_text(json.dumps([1] + [0] * (48 if kind == "image" else 3)))
    given = ["--text", "What a wonderful day"] if kind == "text" else ["sample_inputs/panda.jpg"]
    arguments = ["certify-soft", *given, "--mask", str(mask), "--radius", "1", "--quiet"]
    code = (
        "import contextlib, io\nfrom stabcert.cli.app import app\n"
        f"with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):\n    app({arguments!r})"
    )
    loaded = _loaded_by(code)
    expected = {"torch", "timm", "PIL"} if kind == "image" else {"torch", "transformers"}
    # Only image models are timm's; transformers imports PIL by itself; a record is written.
    assert expected <= set(loaded) <= expected | {"PIL", "stabcert.records.values"}


def test_help_loads_little_beside_what_prints_it() -> None:
    """Against importing what every command of this kind imports; counted, because seconds depend on the machine."""

    def modules(code: str) -> int:
        script = f"import sys\n{code}\nprint(len(sys.modules))"
        ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        return int(ran.stdout.splitlines()[-1])

    shown = (
        "import contextlib, io\nfrom stabcert.cli.app import app\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):\n    app(['--help'])"
    )
    assert modules(shown) < 1.5 * modules("import typer.main, rich.markdown, rich.table")
