"""The command ``stabcert`` with its subcommands, and the one place where errors become exit codes."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import traceback
from typing import Annotated, Any

import typer

from stabcert.cli.commands import adapt, certify_hard, certify_soft, diff, explain, fourier, smooth_eval
from stabcert.cli.exit_codes import BROKEN_PIPE, COULD_NOT_RUN, INTERRUPTED, code_of_error
from stabcert.cli.signals import termination_interrupts
from stabcert.cli.streams import (
    ignore_impossible_sizes,
    replace_what_cannot_be_written,
    stand_in_for_closed_streams,
    tell,
)
from stabcert.errors import ParameterError, StabcertError

HELP = """Certify that a feature attribution can be trusted: does the prediction survive when more
features are revealed?

Exit codes: 0 for success, 1 for a threshold that is not met, 2 for a wrong request, 3 if the command could not run.
With --keep-going, 4 if some inputs failed. After an interruption, 130 (143 by SIGTERM)."""

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)


class _Group(typer.core.TyperGroup):
    """A group of commands whose results and errors become exit codes. Code 1 always means "threshold not met"."""

    def invoke(self, ctx: Any) -> Any:
        with termination_interrupts() as signals:
            code = self._invoke(ctx, signals)
        raise typer.Exit(code)

    def make_context(self, *arguments: Any, **options: Any) -> Any:
        """Read the options, and end with the code of a closed pipe if help cannot be printed."""
        try:
            return super().make_context(*arguments, **options)
        except BrokenPipeError:
            raise typer.Exit(_closed_pipe()) from None

    def _invoke(self, ctx: Any, signals: termination_interrupts) -> int:
        try:
            code = super().invoke(ctx)
            sys.stdout.flush()
        except StabcertError as error:
            _error(str(error))
            return code_of_error(error)
        except BrokenPipeError:
            return _closed_pipe()
        except KeyboardInterrupt:
            _error("terminated" if signals.terminated else "interrupted")
            return signals.code(INTERRUPTED)
        except (typer.Exit, typer.TyperException):
            raise
        except MemoryError:
            _error("out of memory. Use a smaller --batch-size, fewer features, or fewer inputs at a time")
            return COULD_NOT_RUN
        except OSError as error:
            if error.errno not in _FULL:
                return _bug()
            _discard_output()
            _error(f"cannot write to standard output: {error.strerror}")
            return COULD_NOT_RUN
        except Exception:
            return _bug()
        return signals.code(code or 0)


def _closed_pipe() -> int:
    _discard_output()
    return BROKEN_PIPE


def _discard_output() -> None:
    """Redirect standard output to the null device, because Python flushes it at exit and it cannot be written."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _bug() -> int:
    traceback.print_exc()
    _error("this is a bug in stabcert: please report it with the lines above")
    return COULD_NOT_RUN


app = typer.Typer(
    cls=_Group,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _paragraphs(text: str) -> str:
    """Return help text without its line breaks, because typer keeps them at any width of the terminal."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def _examples(lines: tuple[str, ...]) -> str:
    return "\n".join(["[bold]Examples[/bold]", *(f"  {line}" for line in lines)])


for name, module, command in (
    ("explain", explain, explain.explain),
    ("certify-soft", certify_soft, certify_soft.certify_soft),
    ("certify-hard", certify_hard, certify_hard.certify_hard),
    ("fourier", fourier, fourier.fourier),
    ("smooth-eval", smooth_eval, smooth_eval.smooth_eval),
    ("adapt", adapt, adapt.adapt),
    ("diff", diff, diff.diff),
):
    app.command(name, help=_paragraphs(module.HELP) + "\n\n" + _examples(module.EXAMPLES))(command)


@app.callback(help=_paragraphs(HELP), invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", metavar="", help="Show the version and exit.")] = False,
    json: Annotated[
        bool, typer.Option("--json", metavar="", help="With --version: all versions, for a report of a bug.")
    ] = False,
) -> None:
    if version:
        from stabcert.cli.about import version_text

        typer.echo(version_text(as_json=json))
        raise typer.Exit
    if json:
        raise ParameterError("--json before a command belongs to --version. Write stabcert explain INPUT --json")
    if context.invoked_subcommand is None:
        raise ParameterError("no command given. Write stabcert --help to see them")


def _error(message: str) -> None:
    # If standard error cannot be written either, only the exit code remains.
    with contextlib.suppress(OSError):
        tell(f"Error: {message}")


def main() -> None:
    closed = stand_in_for_closed_streams()
    if closed:
        _error("standard output is closed, so that results would be lost. Write > /dev/null to discard them")
        sys.exit(COULD_NOT_RUN)
    replace_what_cannot_be_written()
    ignore_impossible_sizes()
    try:
        app(prog_name="stabcert")
    except Exception:  # Python's own exit code, 1, would mean "threshold not met"
        traceback.print_exc()
        sys.exit(COULD_NOT_RUN)
