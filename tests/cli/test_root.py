"""What the command does without a subcommand: versions, and the completion of shells."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import stabcert
from stabcert.cli import choices
from stabcert.explainers import METHODS
from tests.cli.conftest import Run


def test_the_version_is_one_line(run: Run) -> None:
    ran = run("--version")
    assert (ran.code, ran.stdout, ran.stderr) == (0, f"stabcert {stabcert.__version__}\n", "")


@pytest.mark.parametrize("arguments", [["--version", "--json"], ["--json", "--version"]])
def test_versions_for_a_report_of_a_bug(run: Run, arguments: list[str]) -> None:
    ran = run(*arguments)
    (line,) = ran.stdout.splitlines()
    about = json.loads(line)
    assert ran.code == 0
    assert about["stabcert"] == stabcert.__version__
    assert about["python"] == ".".join(map(str, sys.version_info[:3]))
    assert about["torch"] == metadata.version("torch")
    assert {"platform", "transformers", "timm", "numpy", "scipy", "captum", "lime", "shap"} <= about.keys()


def test_json_without_version_says_where_it_belongs(run: Run) -> None:
    for arguments in (["--json"], ["--json", "explain", "x.jpg"]):
        ran = run(*arguments)
        assert (ran.code, ran.stdout) == (2, "")
        assert "belongs to --version" in ran.stderr


def test_no_command_shows_the_help(run: Run) -> None:
    assert "certify-soft" in run().stdout
    assert run("--no-such").code == 2


def _offered(words: str, **environment: str) -> list[str]:
    """What bash is told for the last word of a line."""
    typed = words.split(" ")
    asked = {"COMP_WORDS": words, "COMP_CWORD": str(len(typed) - 1), "_STABCERT_COMPLETE": "complete_bash"}
    # The modules are told on stderr: completion waits for them.
    code = (
        "import sys, atexit\n"
        "atexit.register(lambda: print(*{'torch', 'numpy', 'transformers'} & set(sys.modules), file=sys.stderr))\n"
        "from stabcert.cli.app import main\nmain()"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **asked, **environment}
    )
    assert ran.stderr.strip() == "", "completion imports what takes seconds"
    return ran.stdout.split()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("stabcert ", ["explain", "certify-soft", "certify-hard", "fourier", "smooth-eval", "adapt", "diff"]),
        ("stabcert certify-soft --min", ["--min-rate"]),
        ("stabcert certify-soft --method sm", ["smoothgrad"]),
        ("stabcert explain --method lime,in", ["lime,intgrad", "lime,inputxgrad"]),
        ("stabcert explain --features w", ["word"]),
        ("stabcert fourier --baseline b", ["black", "blur"]),
        ("stabcert explain --dtype b", ["bfloat16"]),
        ("stabcert certify-soft --interval ", ["exact", "hoeffding"]),
        ("stabcert explain --format ", ["text", "json", "github", "markdown"]),
    ],
)
def test_a_shell_is_offered_commands_options_and_values(words: str, offered: list[str]) -> None:
    assert _offered(words) == offered


def test_what_is_offered_exists() -> None:
    assert set(choices.METHODS) == set(METHODS)


@pytest.mark.slow
def test_completion_is_installed_where_the_shell_finds_it(tmp_path: Path) -> None:
    environment = {**os.environ, "HOME": str(tmp_path), "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    command = [sys.executable, "-m", "stabcert"]
    shown = subprocess.run(
        [*command, "--show-completion", "bash"], capture_output=True, text=True, env=environment, check=True
    )
    assert "_STABCERT_COMPLETE=complete_bash" in shown.stdout
    subprocess.run([*command, "--install-completion", "bash"], capture_output=True, env=environment, check=True)
    assert any("_STABCERT_COMPLETE" in path.read_text() for path in tmp_path.rglob("*.sh"))


@pytest.mark.parametrize("command", ["explain", "certify-soft", "certify-hard", "fourier", "smooth-eval", "adapt"])
def test_the_help_fits_80_columns_and_shows_what_is_typed(
    run: Run, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown = run(command, "--help").stdout
    lines = shown.splitlines()
    assert max(map(len, lines)) <= 80
    assert f"Usage: stabcert {command} [OPTIONS] [INPUT]..." in shown.replace("root", "stabcert")
    examples = lines[next(i for i, line in enumerate(lines) if line.strip() == "Examples") + 1 :]
    examples = examples[: next(i for i, line in enumerate(examples) if not line.strip())]
    assert all(line.strip().startswith("stabcert ") for line in examples)  # none is broken
    assert ("under [adapt]" if command == "adapt" else "under [certify-soft]") in shown  # a name of a table, not markup
    assert shown.count("<bool>") == 1  # the one of --help is typer's


def test_the_package_is_run_as_a_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["stabcert", "--version"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("stabcert", run_name="__main__")
    assert (ended.value.code, stabcert.__version__ in capsys.readouterr().out) == (0, True)
