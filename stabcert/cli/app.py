"""The command ``stabcert``: subcommands, and one place where errors become exit codes."""

from __future__ import annotations

import os
import sys
import traceback
from typing import Annotated, Any

import typer

from stabcert.cli.commands import certify_hard, certify_soft, explain, fourier, smooth_eval
from stabcert.errors import ParameterError, StabcertError

HELP = """Certify that a feature attribution can be trusted: does the prediction survive when more
features are revealed?

Exit codes: 0 done; 1 a threshold was not met; 2 wrong request; 3 could not run; 4 some inputs failed
(with --keep-going); 130 interrupted."""

BROKEN_PIPE = 141  # as a shell reports a program that was ended by SIGPIPE


class _Group(typer.core.TyperGroup):
    """Turns what commands return and raise into exit codes; 1 means "threshold not met" and nothing else."""

    def invoke(self, ctx: Any) -> Any:
        try:
            code = super().invoke(ctx)
            sys.stdout.flush()
        except StabcertError as error:
            from stabcert.cli.session import exit_code

            _error(str(error))
            raise typer.Exit(exit_code(error)) from None
        except BrokenPipeError:
            # Whoever read the output went away; what Python still flushes at exit must go nowhere.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(BROKEN_PIPE) from None
        except KeyboardInterrupt:
            _error("interrupted")
            raise typer.Exit(130) from None
        except (typer.Exit, typer.TyperException):
            raise
        except Exception:
            traceback.print_exc()
            _error("this is a bug in stabcert: please report it with the lines above")
            raise typer.Exit(3) from None
        raise typer.Exit(code or 0)


app = typer.Typer(
    cls=_Group,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _paragraphs(text: str) -> str:
    """Help text without its line breaks: typer would keep them, whatever the width of the terminal."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def _examples(lines: tuple[str, ...]) -> str:
    return "\n".join(["[bold]Examples[/bold]", *(f"  {line}" for line in lines)])


for name, module, command in (
    ("explain", explain, explain.explain),
    ("certify-soft", certify_soft, certify_soft.certify_soft),
    ("certify-hard", certify_hard, certify_hard.certify_hard),
    ("fourier", fourier, fourier.fourier),
    ("smooth-eval", smooth_eval, smooth_eval.smooth_eval),
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
        raise ParameterError("--json before a command belongs to --version; write stabcert explain INPUT --json")
    if context.invoked_subcommand is None:
        raise ParameterError("no command given; write stabcert --help to see them")


def _error(message: str) -> None:
    from stabcert.cli.streams import fitted_message
    from stabcert.report.visible import visible

    typer.echo(fitted_message(f"Error: {visible(message)}", sys.stderr), err=True)


def main() -> None:
    from stabcert.cli.streams import replace_what_cannot_be_written

    replace_what_cannot_be_written()
    app(prog_name="stabcert")
