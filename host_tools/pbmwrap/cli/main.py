"""Entry of the command `pbmwrap`: its groups, its own options, and errors of the command line."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from pbmwrap.cli import (
    bench_cmds,
    config_cmds,
    heat_cmds,
    install_cmds,
    logs_cmds,
    look_cmds,
    protocol_cmds,
    session_cmds,
    twin_cmds,
)
from pbmwrap.cli.command import Interrupted, Port, fail, new_app, output_error, set_port_before
from pbmwrap.cli.streams import make_streams_safe
from pbmwrap.errors import EXIT_OK, UsageError

_HELP = "Flash, run and read a pbmwrap light-therapy wrap. It is not a medical device."
_ROOMS = (
    look_cmds,
    protocol_cmds,
    session_cmds,
    logs_cmds,
    config_cmds,
    heat_cmds,
    twin_cmds,
    install_cmds,
    bench_cmds,
)

app = new_app(_HELP, completion=True)


def _show_version(wanted: bool) -> None:
    if wanted:
        from wrap.version import VERSION

        print(f"pbmwrap {VERSION}")
        raise typer.Exit


@app.callback()
def take_options(
    port: Port = None,
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version and exit.", is_eager=True, callback=_show_version
        ),
    ] = False,
) -> None:
    """Keep the options that stand before the command's name."""
    set_port_before(port)


for _room in _ROOMS:
    _room.add_to(app)


def main(args: list[str] | None = None) -> int:
    """Run one command; returns its exit code (docs/cli.md). args: without the program's name."""
    given = sys.argv[1:] if args is None else args
    make_streams_safe()
    try:
        return app(given, prog_name="pbmwrap", standalone_mode=False) or EXIT_OK
    except typer.Exit as end:
        return end.exit_code
    except (typer.Abort, KeyboardInterrupt):
        return fail("", Interrupted("interrupted"), "--json" in given)
    except OSError as problem:  # of a help text or a completion; a command explains its own
        return fail("", output_error(problem), False)
    except Exception as problem:
        if not hasattr(problem, "format_message"):
            raise
        return _usage(problem, given)


def _usage(problem: Exception, given: list[str]) -> int:
    """Show Typer's error about the command line in this program's form; the exit code."""
    context = getattr(problem, "ctx", None)
    path = context.command_path if context else "pbmwrap"
    text = problem.format_message().rstrip(".")  # type: ignore[attr-defined]
    if type(problem).__name__ == "NoArgsIsHelpError":
        print(text)  # a group without a command: its help is the whole answer
        return UsageError.exit_code
    error = UsageError(text[:1].lower() + text[1:], f"see `{path} --help`")
    return fail(path.removeprefix("pbmwrap").strip(), error, "--json" in given)


def run() -> None:
    """The console script."""
    sys.exit(main())


if __name__ == "__main__":
    run()
