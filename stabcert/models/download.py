"""Models of the Hugging Face hub as local directories: found, listed and downloaded before loading."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stabcert.errors import ModelError

# One whole look-up, however many addresses the host has: a name service or a firewall that never
# answers is not covered by the timeout of a connection.
LOOKUP_SECONDS = 4.0

_WAYS_OUT = "Download the model first where there is a network, or give a local directory"


@dataclass(frozen=True)
class Repository:
    """A model repository, either on the hub (``snapshot`` is None) or in the local cache."""

    name: str
    revision: str | None
    """The requested revision."""
    files: tuple[str, ...]
    """Names of the files at the top level."""
    snapshot: Path | None
    notes: tuple[str, ...] = ()


def offline_by_environment() -> bool:
    """Return whether ``HF_HUB_OFFLINE`` (or ``TRANSFORMERS_OFFLINE``) forbids the network, now or at import."""
    from huggingface_hub import constants

    variables = (os.environ.get("HF_HUB_OFFLINE", ""), os.environ.get("TRANSFORMERS_OFFLINE", ""))
    return bool(constants.HF_HUB_OFFLINE) or any(value.upper() in {"1", "ON", "YES", "TRUE"} for value in variables)


def find_repository(name: str, *, revision: str | None, offline: bool) -> Repository:
    """Look up a model of the hub; without a network, in the cache.

    Guaranteed: with ``offline`` no connection is opened, and without it an answer comes within a few
    seconds. Nothing is downloaded.

    Raises:
        ModelError: the repository or revision does not exist, access is refused, or the model is not in the cache
            and the hub cannot be reached.
    """
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(name)
    except HFValidationError as error:
        raise ModelError(
            f"{name!r} is neither a directory nor a possible name of the hub (organisation/model). "
            "Other names are timm:NAME, python:MODULE:NAME, demo:image and demo:text"
        ) from error
    if offline or offline_by_environment():
        cached = _cached(name, revision)
        if cached is None:
            raise ModelError(
                f"{_label(name, revision)} is not in the cache of the hub and offline=True (or HF_HUB_OFFLINE) "
                f"forbids a download. {_WAYS_OUT}"
            )
        return cached
    try:
        info = within(LOOKUP_SECONDS, lambda: _model_info(name, revision))
    except Exception as error:  # the classes differ between the HTTP libraries of the versions of the hub
        return _without_answer(name, revision, error)
    files = tuple(file.rfilename for file in info.siblings or () if "/" not in file.rfilename)
    return Repository(name, revision, files, None)


def download(repository: Repository, files: Iterable[str]) -> Path:
    """Download the named files of a repository and return their directory; its name is the commit.

    Raises:
        ModelError: the download fails.
    """
    if repository.snapshot is not None:
        return repository.snapshot
    from huggingface_hub import snapshot_download

    try:
        # The requested revision, not the commit: so the cache stores the commit of this name,
        # and the next run can be offline.
        path = snapshot_download(repository.name, revision=repository.revision, allow_patterns=list(files))
    except Exception as error:
        raise ModelError(
            f"the download of {_label(repository.name, repository.revision)} failed ({_reason(error)}). "
            "The downloaded part is kept, so run the command again, or give a local directory"
        ) from error
    return Path(path)


def _model_info(name: str, revision: str | None) -> Any:
    from huggingface_hub import HfApi

    return HfApi().model_info(name, revision=revision, timeout=LOOKUP_SECONDS, files_metadata=False)


def _cached(name: str, revision: str | None, notes: tuple[str, ...] = ()) -> Repository | None:
    from huggingface_hub import try_to_load_from_cache

    path = try_to_load_from_cache(name, "config.json", revision=revision)
    if not isinstance(path, str):
        return None
    snapshot = Path(path).parent
    files = tuple(sorted(file.name for file in snapshot.iterdir()))
    return Repository(name, revision, files, snapshot, notes)


def _without_answer(name: str, revision: str | None, error: Exception) -> Repository:
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError

    if isinstance(error, GatedRepoError):
        raise ModelError(
            f"{name} is gated. Request access at https://huggingface.co/{name}, then log in with "
            "`hf auth login` or set HF_TOKEN"
        ) from error
    if isinstance(error, RepositoryNotFoundError):
        raise ModelError(
            f"the hub has no model {name}, or it is private. Check the spelling, log in with "
            "`hf auth login`, or give a local directory"
        ) from error
    if isinstance(error, RevisionNotFoundError):
        raise ModelError(
            f"{name} has no revision {revision}. See https://huggingface.co/{name}/commits/main for those that exist"
        ) from error
    if isinstance(error, HfHubHTTPError) and getattr(error.response, "status_code", None) in (401, 403):
        raise ModelError(
            f"the hub refuses access to {name} (status {error.response.status_code}). "
            "Log in with `hf auth login` or set HF_TOKEN"
        ) from error
    reason = _reason(error)
    cached = _cached(name, revision, (f"the hub cannot be reached ({reason}). {name} is read from the cache",))
    if cached is None:
        raise ModelError(
            f"{_label(name, revision)} is neither a local directory nor in the cache, and the hub cannot be reached "
            f"({reason}). {_WAYS_OUT}"
        ) from error
    return cached


def within(seconds: float, call: Callable[[], Any]) -> Any:
    """Return the result of ``call``, or raise its exception; a TimeoutError after so many seconds."""
    outcome: list[Any] = []
    failure: list[Exception] = []

    def work() -> None:
        try:
            outcome.append(call())
        except Exception as error:
            failure.append(error)

    # A daemon: a look-up that hangs must not keep the process from ending.
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    if failure:
        raise failure[0]
    if not outcome:
        raise TimeoutError(f"no answer in {seconds:g} s")
    return outcome[0]


def _label(name: str, revision: str | None) -> str:
    return name if revision is None else f"{name} at revision {revision}"


def _reason(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
