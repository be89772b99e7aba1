"""Checks that the records to compare do not contradict themselves, as `--verify --fast` finds it."""

from __future__ import annotations

from typing import Any

from stabcert.cli.command import Command
from stabcert.cli.diff.read import Side
from stabcert.errors import InputError


def check_side(side: Side) -> None:
    """Check the arithmetic of every record of a file that contains its request.

    Raises:
        InputError: a value of a record contradicts the others.
    """
    from stabcert.cli.verify.arithmetic import checked_by_arithmetic

    commands = _commands()
    for one in side.entries:
        if one.failed or "request" not in one.record["result"]:
            continue
        for check in checked_by_arithmetic(commands[one.command], one.record).checks:
            if not check.ok:
                raise InputError(
                    f"{side.source}, line {one.line} contradicts itself at {check.name}. See all differences with "
                    f"`stabcert {one.command} --verify FILE --fast`"
                )


def _commands() -> dict[str, type[Command[Any]]]:
    from stabcert.cli.commands.certify_hard_work import CertifyHard
    from stabcert.cli.commands.certify_soft_work import CertifySoft

    return {one.name: one for one in (CertifySoft, CertifyHard)}
