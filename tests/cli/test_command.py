"""What all commands share: one object with four members, of which `verify` is there where records can be checked."""

from __future__ import annotations

import pytest

from stabcert.cli.command import Command
from stabcert.cli.commands.certify_hard_work import CertifyHard
from stabcert.cli.commands.certify_soft_work import CertifySoft
from stabcert.cli.commands.explain_work import Explain
from stabcert.cli.commands.fourier_work import Fourier
from stabcert.cli.commands.smooth_eval_work import SmoothEval
from stabcert.errors import ParameterError

COMMANDS: tuple[type[Command], ...] = (CertifySoft, CertifyHard, Explain, Fourier, SmoothEval)  # type: ignore[type-arg]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_certifies_records_and_shows_by_methods_of_its_own(command: type[Command]) -> None:  # type: ignore[type-arg]
    for member in ("certify", "record", "document"):
        assert getattr(command, member) is not getattr(Command, member)


@pytest.mark.parametrize("command", [Explain, Fourier, SmoothEval])
def test_a_command_without_a_check_says_so(command: type[Command]) -> None:  # type: ignore[type-arg]
    with pytest.raises(ParameterError, match=f"records of {command.name} cannot be verified"):
        command.verify({}, None)
