"""Keys of records: everything that makes a result what it is, as one hash that no order and no process changes."""

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
    """What was asked of one input, as far as it is known before anything is read or loaded.

    Two requests of one list have different keys; the same request has the same key in every process,
    whatever else is in its list. It is the key of a record of failure.

    Args:
        schema: version of the records.
        command: the subcommand.
        parameters: every option that can change a result, by name. Device and batch size are none:
            they decide where the arithmetic is done, not which, and stand in ``run``. The data type is one.
        model: name that was asked for.
        revision: that was asked for.
        identity: the id of the input. Equal bytes under two ids are two records.
        occurrence: 1 for the first of several inputs that share id and bytes, then 2, ...
        recorded: digest of the record that says what to do, if one does.
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
    """The key of a finished record: the request, the bytes of the input, weights and configuration of the model.

    Args:
        request: see `request_key`.
        input_sha256: of the bytes of the input.
        model_revision: that was found; a branch may have moved since.
        model_sha256: of the weights; None where there are none.
        model_config_sha256: of the configuration, the tokenizer and the preprocessing; None where there are none.
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
