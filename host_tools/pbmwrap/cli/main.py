"""Entry point of `pbmwrap`: its commands, its own options, errors of the command line."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import click

from pbmwrap.cli.command import (
    CONTEXT,
    Commands,
    Interrupted,
    output_error,
    port_option,
    print_error,
    set_port_before,
)
from pbmwrap.cli.streams import make_streams_safe
from pbmwrap.errors import EXIT_OK, UsageError

_HELP = "Flash, run and read a pbmwrap light-therapy wrap. It is not a medical device."

# Name: (module, its line in `pbmwrap --help`). A module is imported when one of
# its commands is called. tests/host/test_cli_start.py compares the texts with the commands' own.
COMMANDS = {
    "ports": ("look_cmds", "List the USB serial ports and what answers there."),
    "status": ("look_cmds", "Show what the wrap is doing."),
    "monitor": ("look_cmds", "Watch the wrap: a view in a terminal, else a line per sample."),
    "web": (
        "web_cmds",
        "Show the wrap in a browser on this machine, and control it there (docs/web.md).",
    ),
    "doctor": (
        "look_cmds",
        "Check this machine, the port and the wrap, and say how to correct what is wrong.",
    ),
    "version": (
        "look_cmds",
        "Show versions, also the wrap's when --port, $PBMWRAP_PORT or the config file names it.",
    ),
    "install": (
        "install_cmds",
        "Install the firmware on a board, new or in use, and check that it answers.",
    ),
    "protocol": ("protocol_cmds", "Check, show, store and choose protocols (docs/protocols.md)."),
    "run": ("session_cmds", "Start the active protocol."),
    "pause": ("session_cmds", "Turn the light off and stop the session's time."),
    "resume": ("session_cmds", "Continue a paused session."),
    "stop": ("session_cmds", "End the session."),
    "logs": ("logs_cmds", "Pull, list, show, query, export and import session logs."),
    "clock": ("config_cmds", "The wrap's clock."),
    "settings": ("config_cmds", "Limits stored on the wrap; they can only be made stricter."),
    "cal": ("config_cmds", "Measured irradiance per channel."),
    "heat-test": (
        "heat_cmds",
        "The maker's recorded heat test (docs/build-a-wrap.md, section 13).",
    ),
    "hold": ("hold_cmds", "Holds: no light for a person until a hold is cleared."),
    "fault": ("config_cmds", "The latched fault."),
    "person": ("person_cmds", "People who use the wraps of this household (docs/programme.md)."),
    "course": (
        "course_cmds",
        "A plan of light, frozen before it begins, and its stop rule (docs/programme.md).",
    ),
    "mqtt": ("mqtt_cmds", "Show the wrap in Home Assistant by MQTT."),
    "journal": ("journal_cmds", "The daily number, and red flags (docs/programme.md)."),
    "trial": (
        "trial_cmds",
        "A blinded trial of one person: does the light do anything? (docs/trial.md)",
    ),
    "sim": (
        "twin_cmds",
        "Start a simulated wrap: the firmware on this machine, in a simulated world.",
    ),
    "emulate": ("twin_cmds", "Start an emulated RP2040 that runs the real firmware image."),
    "bench": ("bench_cmds", "Measure the wrap and its link."),
}


class _Root(Commands):
    """The root group: lists and completes commands without importing their modules."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in COMMANDS and cmd_name not in self.commands:
            import_module(f"pbmwrap.cli.{COMMANDS[cmd_name][0]}").add_to(self)
        return self.commands.get(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as problem:
            # click suggests imported commands only; here all are candidates.
            raise click.exceptions.NoSuchCommand(
                problem.command_name, possibilities=COMMANDS, ctx=ctx
            ) from None

    def list_summaries(self, ctx: click.Context) -> list[tuple[str, str]]:
        return [(name, text) for name, (_, text) in COMMANDS.items()]

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        from click.shell_completion import CompletionItem

        rows = self.list_summaries(ctx)
        found = [
            CompletionItem(name, help=text) for name, text in rows if name.startswith(incomplete)
        ]
        return found + click.Command.shell_complete(self, ctx, incomplete)


def _print_completion(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from pbmwrap.cli import completion

        act = (
            completion.install_script
            if param.name == "install_completion"
            else completion.make_script
        )
        try:
            click.echo(act(ctx.command))
        except UsageError as problem:
            ctx.exit(print_error("", problem, as_json=False))
        ctx.exit()


def _completion_option(name: str, text: str) -> click.Option:
    return click.Option(
        [name],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_print_completion,
        help=text,
    )


def _show_version(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from wrap.version import VERSION

        click.echo(f"pbmwrap {VERSION}")
        ctx.exit()


def _keep_port(_ctx: click.Context, _param: click.Parameter, port: str | None) -> None:
    set_port_before(port)


app = _Root(
    help=_HELP,
    no_args_is_help=True,
    context_settings=CONTEXT,
    params=[
        port_option(_keep_port),
        click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_show_version,
            help="Show the version and exit.",
        ),
        _completion_option("--install-completion", "Add completion to your shell."),
        _completion_option("--show-completion", "Print the completion script of your shell."),
    ],
)


def main(args: list[str] | None = None) -> int:
    """Run one command; returns its exit code (docs/cli.md). args: without the program's name."""
    given = sys.argv[1:] if args is None else args
    make_streams_safe()
    try:
        return app(given, prog_name="pbmwrap", standalone_mode=False) or EXIT_OK
    except (click.Abort, KeyboardInterrupt):
        return print_error("", Interrupted("interrupted"), "--json" in given)
    except click.ClickException as problem:
        return _print_usage_error(problem, given)
    except OSError as problem:  # while writing help or completion; a command handles its own
        return print_error("", output_error(problem), False)


def _print_usage_error(problem: click.ClickException, given: list[str]) -> int:
    """Show click's error about the command line in this program's form; returns the exit code."""
    context = getattr(problem, "ctx", None)
    path = context.command_path if context else "pbmwrap"
    text = problem.format_message().rstrip(".")
    if isinstance(problem, click.exceptions.NoArgsIsHelpError):
        print(text)  # a group without a command prints its help
        return UsageError.exit_code
    error = UsageError(text[:1].lower() + text[1:], f"see `{path} --help`")
    return print_error(path.removeprefix("pbmwrap").strip(), error, "--json" in given)


def run() -> None:
    """The console script."""
    sys.exit(main())


if __name__ == "__main__":
    run()
