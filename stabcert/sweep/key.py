"""Keys of records: one hash of everything that affects a result, the same in every order and process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stabcert.core.streams import digest


def request_key(
    *,
    schema: str,
    command: str,
    parameters: Mapping[str, Any],
    model: str | None,
    revision: str | None,
    identity: str,
    occurrence: int,
    recorded: str | None,
) -> str:
    """Return the key of a request for one input, from what is known before anything is read or loaded.

    Two requests of one list have different keys. The same request has the same key in every process,
    whatever else its list contains. A record of failure has this key.

    Args:
        schema: version of the records.
        command: the subcommand.
        parameters: every option that can change a result, by name. Device and batch size are excluded: they affect
            where the computation runs, not its result. The data type is included.
        model: the requested name.
        revision: the requested revision.
        identity: the id of the input. Equal bytes with two ids are two records.
        occurrence: 1 for the first of several inputs that share id and bytes, then 2, ...
        recorded: digest of the record that the request comes from, if there is one.
    """
    return digest(
        {
            "schema": schema,
            "command": command,
            "parameters": dict(parameters),
            "model": model,
            "revision": revision,
            "identity": identity,
            "occurrence": occurrence,
            "recorded": recorded,
        }
    )


def record_key(
    request: str,
    *,
    input_sha256: str,
    model_revision: str | None,
    model_sha256: str | None,
    model_config_sha256: str | None,
) -> str:
    """Return the key of a finished record: a hash of the request, the input, and the model's weights and configuration.

    Args:
        request: see `request_key`.
        input_sha256: SHA-256 of the bytes of the input.
        model_revision: the revision that was found; a branch may have moved since.
        model_sha256: SHA-256 of the weights, or None without weights.
        model_config_sha256: SHA-256 of configuration, tokenizer and preprocessing, or None without them.
    """
    return digest(
        {
            "request": request,
            "input_sha256": input_sha256,
            "model_revision": model_revision,
            "model_sha256": model_sha256,
            "model_config_sha256": model_config_sha256,
        }
    )
