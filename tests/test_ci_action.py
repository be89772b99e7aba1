"""The composite action and the hook of ``sample_inputs/ci``: their files, and their steps with a fake ``gh``."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.warm import Warm

FOLDER = Path(__file__).parents[1] / "sample_inputs" / "ci"
ACTION: dict[str, Any] = yaml.safe_load((FOLDER / "action.yml").read_text("utf-8"))
STEPS: dict[str, dict[str, Any]] = {step["name"]: step for step in ACTION["runs"]["steps"]}
HOOK: dict[str, Any] = yaml.safe_load((FOLDER / "pre-commit-config.yaml").read_text("utf-8"))["repos"][0]["hooks"][0]

STABCERT = """#!{python}
import os, sys
print("### stabcert", *sys.argv[1:])
print("é line\\n" * int(os.environ.get("FAKE_LINES", "0")))
print("a message for the log", file=sys.stderr)
assert "GH_TOKEN" not in os.environ
sys.exit(int(os.environ.get("FAKE_CODE", "0")))
"""
GH = """#!{python}
# The API of comments, with its state in a file.
import json, os, sys
path, arguments = os.environ["FAKE_COMMENTS"], sys.argv[1:]
assert arguments[0] == "api" and os.environ["GH_TOKEN"] == "secret-token"
comments = json.load(open(path))
if "--method" not in arguments:
    assert arguments[1:] == ["--paginate", "--jq", ".[]", "repos/owner/project/issues/7/comments"]
    print(*(json.dumps(one, ensure_ascii=False) for one in comments), sep="\\n")
    sys.exit()
if os.environ.get("FAKE_READ_ONLY"):
    print("gh: Resource not accessible by integration (HTTP 403)", file=sys.stderr)
    sys.exit(1)
silent, flag, method, where, field, body = arguments[1:]
assert (silent, flag, field, body[:6]) == ("--silent", "--method", "--field", "body=@")
text = open(body[6:]).read()
if method == "POST":
    assert where == "repos/owner/project/issues/7/comments"
    comments.append({{"id": 100 + len(comments), "user": {{"type": "Bot"}}, "body": text}})
else:
    assert method == "PATCH"
    (mine,) = [one for one in comments if where == f"repos/owner/project/issues/comments/{{one['id']}}"]
    mine["body"] = text
json.dump(comments, open(path, "w"))
"""


class Job:
    """The steps of the action, run as GitHub runs them, with other programs in the place of stabcert and gh."""

    def __init__(self, folder: Path, comments: list[dict[str, Any]]) -> None:
        self.folder = folder
        programs = folder / "bin"
        programs.mkdir()
        for name, source in (("stabcert", STABCERT), ("gh", GH)):
            (programs / name).write_text(source.format(python=sys.executable))
            (programs / name).chmod(0o755)
        self.state = folder / "comments.json"
        self.state.write_text(json.dumps(comments))
        self.values = {
            "inputs.arguments": "certify-soft --text 'two words; $(exit 9)'",
            "inputs.name": "stabcert",
            "inputs.package": "none",
            "inputs.token": "secret-token",
            "runner.temp": str(folder),
            "github.event.pull_request.number": "7",
            "github.event.pull_request.head.sha || github.sha": "c0ffee",
            "steps.certify.outputs.exit-code": "",
        }

    @property
    def comments(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.state.read_text())
        return found

    @property
    def summary(self) -> str:
        return (self.folder / "summary.md").read_text("utf-8")

    def run(self, name: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run one step with its own variables only."""
        step = STEPS[name]
        own = {
            key: re.sub(r"\$\{\{ (.*?) \}\}", lambda found: self.values[found[1]], value)
            for key, value in step.get("env", {}).items()
        }
        given = {
            "PATH": os.pathsep.join([str(self.folder / "bin"), os.environ["PATH"]]),
            "GITHUB_REPOSITORY": "owner/project",
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary.md"),
            "GITHUB_OUTPUT": str(self.folder / "output.txt"),
            "FAKE_COMMENTS": str(self.state),
        }
        program = {"python": [sys.executable, "-c"], "bash": ["bash", "-e", "-c"]}[step["shell"]]
        ran = subprocess.run(
            [*program, step["run"]], env=given | own | environment, capture_output=True, text=True, cwd=self.folder
        )
        assert "secret-token" not in ran.stdout + ran.stderr
        return ran

    def all(self, **environment: str) -> int:
        """Run all steps but the installation, and return the exit code of the last."""
        certified = self.run("Certify", **environment)
        assert certified.returncode == 0, certified.stderr
        commented = self.run("Comment", **environment)
        assert commented.returncode == 0, commented.stderr
        output = (self.folder / "output.txt").read_text().splitlines()[-1]
        self.values["steps.certify.outputs.exit-code"] = output.removeprefix("exit-code=")
        return self.run("Result").returncode


def test_no_value_is_part_of_a_program() -> None:
    """A value in a program could be a program of its own. Each step gets what it needs as variables."""
    assert ACTION["runs"]["using"] == "composite"
    assert list(STEPS) == ["Install", "Certify", "Comment", "Result"]
    for name, step in STEPS.items():
        assert "${{" not in step["run"], name
        assert step["shell"] in ("bash", "python")
        assert ("GH_TOKEN" in step["env"]) == (name == "Comment")
    assert set(ACTION["inputs"]) == {"arguments", "package", "name", "comment", "token"}
    assert all(one["description"] for one in ACTION["inputs"].values())
    assert "head.repo.full_name == github.repository" in STEPS["Comment"]["if"]


def test_the_first_run_comments_and_later_runs_update_that_comment(tmp_path: Path) -> None:
    others = [
        {"id": 1, "user": {"type": "User"}, "body": "Nice.\u2028"},
        {"id": 2, "user": {"type": "User"}, "body": "<!-- stabcert: stabcert -->\nnot yours"},
        {"id": 3, "user": {"type": "Bot"}, "body": "<!-- stabcert: stabcert images -->\nof another use"},
    ]
    job = Job(tmp_path, others)
    assert job.all(FAKE_CODE="1") == 1
    *before, mine = job.comments
    assert before == others
    assert mine["body"].startswith(
        "<!-- stabcert: stabcert -->\n## stabcert: not certified\n\n### stabcert certify-soft "
    )
    assert "certify-soft --text two words; $(exit 9) --format markdown" in mine["body"]
    assert "Commit c0ffee." in mine["body"]
    assert "a message for the log" not in mine["body"]
    assert job.all() == 0
    *before, updated = job.comments
    assert (before, updated["id"]) == (others, mine["id"])
    assert updated["body"].startswith("<!-- stabcert: stabcert -->\n## stabcert: no threshold was missed\n")
    assert job.summary.count("## stabcert: ") == 2
    assert "<!--" not in job.summary


def test_a_long_document_is_cut_in_the_comment_only(tmp_path: Path) -> None:
    job = Job(tmp_path, [])
    assert job.all(FAKE_LINES="20000") == 0
    (comment,) = job.comments
    assert len(comment["body"]) < 65_536
    assert comment["body"].endswith("é line\n\nThe rest is in the summary of the job.\n")
    assert len(job.summary) > 100_000


@pytest.mark.parametrize("code", ["2", "3", "130"])
def test_a_run_without_a_result_points_to_the_log(code: str, tmp_path: Path) -> None:
    job = Job(tmp_path, [])
    assert job.all(FAKE_CODE=code) == int(code)
    assert f"## stabcert: ended with exit code {code}, see the log of the job\n" in job.comments[0]["body"]


def test_without_the_permission_there_is_a_warning(tmp_path: Path) -> None:
    job = Job(tmp_path, [])
    assert job.run("Certify").returncode == 0
    ran = job.run("Comment", FAKE_READ_ONLY="1")
    assert (ran.returncode, job.comments) == (0, [])
    assert ran.stdout.startswith("::warning::")
    assert "pull-requests: write" in ran.stdout


def test_a_name_that_would_end_the_marker_is_refused(tmp_path: Path) -> None:
    job = Job(tmp_path, [])
    job.values["inputs.name"] = "a --> b"
    ran = job.run("Certify")
    assert ran.returncode != 0
    assert "got 'a --> b'" in ran.stderr


def test_it_installs_its_own_repository_unless_told_otherwise(tmp_path: Path) -> None:
    job = Job(tmp_path, [])
    (tmp_path / "bin" / "python").write_text('#!/bin/sh\necho "$@"\n')
    (tmp_path / "bin" / "python").chmod(0o755)
    for package, installed in (("", "/action/../.."), ("stabcert==1", "stabcert==1")):
        job.values["inputs.package"] = package
        ran = job.run("Install", GITHUB_ACTION_PATH="/action")
        assert ran.stdout == f"-m pip install --quiet -- {installed}\n"
    assert (FOLDER / ".." / ".." / "pyproject.toml").is_file()


def test_the_page_documents_the_permission_and_every_input() -> None:
    page = (FOLDER / "README.md").read_text("utf-8")
    (workflow,) = (
        yaml.safe_load(block)
        for block in re.findall(r"^```yaml\n(.*?)^```$", page, re.M | re.S)
        if "action" in block or "uses:" in block
    )
    (job,) = workflow["jobs"].values()
    assert job["permissions"] == {"contents": "read", "pull-requests": "write"}
    used = next(step for step in job["steps"] if step.get("uses", "").endswith("sample_inputs/ci@main"))
    assert set(used["with"]) <= set(ACTION["inputs"])
    assert all(f"`{name}`" in page for name in ACTION["inputs"])


def test_the_hook_names_the_files_that_change_the_result() -> None:
    assert HOOK["language"] == "system"
    assert HOOK["pass_filenames"] is False
    pattern = re.compile(HOOK["files"])
    assert all(pattern.search(name) for name in ("sentences.jsonl", "stabcert.toml", "model/config.json"))
    assert not any(pattern.search(name) for name in ("README.md", "src/model/a.py", "sentences.jsonl.bak"))


@pytest.mark.slow
def test_the_hook_certifies_the_list(warm: Warm, tmp_path: Path) -> None:
    for name in ("sentences.jsonl", "stabcert.toml"):
        shutil.copy(FOLDER / name, tmp_path)
    ran = subprocess.run(
        shlex.split(HOOK["entry"]), cwd=tmp_path, env=warm.environment(), capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.count("met (>= 0.9)") == 12
