"""Runs every command: shared options, output, errors."""

from __future__ import annotations

import math
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_type_hints

import click

from pbmwrap.cli import complete
from pbmwrap.cli.options import Argument, Option, option_of, params_of
from pbmwrap.device import port_name
from pbmwrap.disk import explain_error
from pbmwrap.errors import EXIT_FAULT, EXIT_INTERRUPTED, UsageError, WrapError

if TYPE_CHECKING:
    from rich.console import Console

    from pbmwrap.device.client import Client
    from pbmwrap.device.models import Hello

Port = Annotated[
    str | None,
    Option(
        "--port",
        "-p",
        metavar="PORT",
        autocompletion=complete.complete_ports,
        help="auto, /dev/ttyACM0, serial:NUMBER, sim: or rp2040:  [default: $PBMWRAP_PORT or auto]",
    ),
]
PIPE_COLUMNS = 1 << 20
_NO_LIMIT = 1000  # characters of a sentence, so that click does not cut it
CONTEXT = {"help_option_names": ["-h", "--help"]}
Json = Annotated[bool, Option("--json", help="One JSON envelope instead of text.")]
Force = Annotated[bool, Option("--force", help="Replace a file that exists.")]
Yes = Annotated[bool, Option("--yes", help="Do not ask; for scripts.")]


@dataclass(frozen=True)
class Result:
    """The result of a command. data: for --json; show: for people, text or a rich object.

    problem: what a command that succeeded found wrong; its exit code is used.
    """

    data: Any
    show: Any = None
    problem: WrapError | None = None


class Interrupted(WrapError):
    """Ctrl-C. Shown without "error:", because it is a usual way to end a command."""

    exit_code = EXIT_INTERRUPTED
    code = "interrupted"


@dataclass
class _Before:
    """Options given before the command's name."""

    port: str | None = None


_before = _Before()


def set_port_before(port: str | None) -> None:
    """Store the --port that stands before the command's name, for the command that follows."""
    _before.port = port


def port_option(keep: Callable[[click.Context, click.Parameter, Any], Any]) -> click.Option:
    """Return --port as an option of `pbmwrap` itself; `keep` is called with its value."""
    option = option_of("port", Port, None)
    option.expose_value = False
    option.callback = keep
    return option


class Commands(click.Group):
    """A group that lists its commands in the order in which they were added."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def list_summaries(self, ctx: click.Context) -> list[tuple[str, str]]:
        """Return (name, first sentence of its help) of each command."""
        return [(name, one.get_short_help_str(_NO_LIMIT)) for name, one in self.commands.items()]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write whole sentences, over several lines if needed; click would cut them off."""
        with formatter.section("Commands"):
            formatter.write_dl(self.list_summaries(ctx))


_NEGATIVE = re.compile(r"-(\d|\.\d|inf|nan)", re.IGNORECASE)
_MOST = 1 << 32  # no number that a command takes reaches this; session numbers are u32


class _Command(click.Command):
    """A command that reads -5 as a number, not as an option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if any(map(_NEGATIVE.match, args)):
            ctx.ignore_unknown_options = True
        return super().parse_args(ctx, args)


def register_command(
    app: click.Group, path: str
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a function that returns a Result as the command `path` ("logs pull")."""

    def register_body(body: Callable[..., Any]) -> Callable[..., Any]:
        def run_body(**given: Any) -> None:
            code = _run_command(
                path, body, {name: _as_list(value) for name, value in given.items()}
            )
            if code:
                raise click.exceptions.Exit(code)

        name = path.split()[-1]
        app.add_command(
            _Command(
                name,
                callback=run_body,
                params=params_of(body),
                help=body.__doc__,
                context_settings=CONTEXT,
            )
        )
        return body

    return register_body


def register_group(
    app: click.Group, name: str, help_text: str, commands: Mapping[str, Callable[..., Any]]
) -> click.Group:
    """Register a group of commands: the function of each by the command's name. Returns it."""
    group = Commands(help=help_text, no_args_is_help=True, context_settings=CONTEXT)
    for command, body in commands.items():
        register_command(group, f"{name} {command}")(body)
    app.add_command(group, name)
    return group


def _as_list(value: Any) -> Any:
    """Return a list for a tuple: click gives tuples where a function takes a list."""
    return list(value) if isinstance(value, tuple) else value


def _run_command(path: str, body: Callable[..., Any], given: dict[str, Any]) -> int:
    as_json = bool(given.get("json"))
    try:
        _check_numbers(body, given)
        result = body(**given)
        if result is None:
            return 0
        _print_result(path, result, as_json)
        return result.problem.exit_code if result.problem else 0
    except WrapError as problem:
        return print_error(path, problem, as_json)
    except KeyboardInterrupt:
        return print_error(path, Interrupted("interrupted"), as_json)
    except BrokenPipeError:
        return _closed_pipe()
    except (click.exceptions.Exit, click.Abort):
        raise
    except OSError as problem:
        if problem.filename is None:
            return _report_bug(path, problem, as_json)
        return print_error(path, output_error(problem), as_json)
    except Exception as bug:
        return _report_bug(path, bug, as_json)


def _check_numbers(body: Callable[..., Any], given: dict[str, Any]) -> None:
    """Refuse numbers that no command can use, by the parameter's name. Raises UsageError.

    Ranges of options (`min`, `max`) let nan pass, and arithmetic on it or on inf has no end.
    """
    for key, value in given.items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            if not math.isfinite(value):
                raise UsageError(f"{_shown_name(body, key)} is {value}, not a number")
            if abs(value) >= _MOST:
                name = _shown_name(body, key)
                raise UsageError(f"{name} is {value:.3g}, which is out of range")


def _shown_name(body: Callable[..., Any], key: str) -> str:
    """Return a parameter as the user writes it: --every, MW_CM2."""
    hints = get_type_hints(body, include_extras=True)
    is_argument = any(isinstance(m, Argument) for m in get_args(hints[key]))
    return key.upper() if is_argument else f"--{key.replace('_', '-')}"


def _print_result(path: str, result: Result, as_json: bool) -> None:
    if as_json:
        from pbmwrap.cli import envelope

        write_line(envelope.format_success(path, result.data, result.problem))
    elif isinstance(result.show, str):
        write_line(result.show)
    elif result.show is not None:
        # A pipe has no width: a wrapped table would be useless there.
        width = None if sys.stdout.isatty() else PIPE_COLUMNS
        with writing_output():
            # Text is not cut off at the edge of a narrow terminal either.
            make_console(width=width).print(result.show, crop=False)


def make_console(**options: Any) -> Console:
    """Return a rich console that shows text as it is.

    Names and notes may contain `[b]` or `:cat:`, which rich would take for markup or an emoji.
    """
    from rich.console import Console

    return Console(markup=False, emoji=False, highlight=False, **options)


def write_line(text: str) -> None:
    """Write a line to stdout, flushed. Raises InvalidFile when it cannot be written."""
    with writing_output():
        print(text, flush=True)


@contextmanager
def writing_output() -> Iterator[None]:
    """Raises InvalidFile when the body cannot write stdout, for example on a full disk.

    Nothing is written there afterwards. A closed pipe stays a BrokenPipeError.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as problem:
        raise output_error(problem) from problem


def output_error(problem: OSError) -> WrapError:
    """Return an OSError of stdout, or of the file that it names, in one line."""
    if problem.filename is not None:
        return explain_error(problem, Path(os.fsdecode(problem.filename)), "used")
    sys.stdout = None  # type: ignore[assignment]  # else Python tries once more at its end
    return explain_error(problem, "standard output", way="send it elsewhere")


def print_error(path: str, problem: WrapError, as_json: bool) -> int:
    """Show an error in one line; returns its exit code.

    If stdout cannot take the envelope, the error goes to stderr; if that fails too, only the exit
    code is left.
    """
    if as_json and sys.stdout is not None:
        from pbmwrap.cli import envelope

        with suppress(WrapError, BrokenPipeError):
            write_line(envelope.format_failure(path, problem))
            return problem.exit_code
    with suppress(OSError):
        problems = getattr(problem, "problems", ())
        for line in problems if len(problems) > 1 else ():  # a single one is in the error's line
            print(line, file=sys.stderr)
        label = "" if isinstance(problem, Interrupted) else "error: "
        print(f"{label}{problem}", file=sys.stderr, flush=True)
    return problem.exit_code


def _report_bug(path: str, bug: Exception, as_json: bool) -> int:
    import traceback

    traceback.print_exception(bug, file=sys.stderr)
    problem = WrapError(
        f"{type(bug).__name__} in `{path}`: {bug}",
        "this is a bug in pbmwrap: please report it with the lines above",
    )
    return print_error(path, problem, as_json)


def _closed_pipe() -> int:
    """Print nothing more: the program that read the output has ended (`| head`)."""
    sys.stdout = None  # type: ignore[assignment]
    return EXIT_FAULT


def resolve_port(port: str | None) -> str:
    """Return the port to use: --port, $PBMWRAP_PORT, the config file, or `auto`.

    --port may stand after or before the command. The config file is read only when nothing else
    names a port. Raises InvalidFile.
    """
    return port_name.choose_port(port or _before.port, _read_configured_port)


def _read_configured_port() -> str | None:
    from pbmwrap import config

    found = config.load()
    if found.problem:
        warn([found.problem])
    return found.port


@contextmanager
def wrap_at(port: str | None, exclusive: bool = False) -> Iterator[tuple[Client, Hello]]:
    """Yield an open client and its hello, and close it afterwards. Raises WrapError.

    exclusive: no other program may use the port meanwhile.
    """
    from pbmwrap.device import discovery

    with _catch_interrupt():
        client, hello = discovery.connect(resolve_port(port), exclusive)
        try:
            yield client, hello
        finally:
            client.close()


@contextmanager
def wrap_if_named(port: str | None) -> Iterator[tuple[Client, Hello] | None]:
    """Yield the wrap for a command that can do without one; None when nothing names a port.

    A port given by --port has to answer. One from $PBMWRAP_PORT or the config file that does not
    answer is reported in a note, and the command goes on without it. Raises WrapError.
    """
    with _catch_interrupt():
        try:
            found = _connect_named(resolve_port(port))
        except WrapError as problem:
            if port or _before.port:
                raise
            warn([f"going on without a wrap: {problem}"])
            found = None
        try:
            yield found
        finally:
            if found:
                found[0].close()


def _connect_named(port: str) -> tuple[Client, Hello] | None:
    if port == port_name.AUTO:
        return None
    from pbmwrap.device import discovery

    return discovery.connect(port)


@contextmanager
def _catch_interrupt() -> Iterator[None]:
    """Turn Ctrl-C into Interrupted, which says that the wrap continues."""
    try:
        yield
    except KeyboardInterrupt:
        hint = "the wrap continues by itself: `pbmwrap status` shows whether its light is on"
        raise Interrupted("interrupted", hint) from None


def print_note(text: str) -> None:
    """Print a line on stderr, only when that is a terminal."""
    if sys.stderr.isatty():
        print(text, file=sys.stderr, flush=True)


def warn(lines: Iterable[str]) -> None:
    """Print notes on stderr, always: what a user must know beside the answer."""
    for line in lines:
        print(f"note: {line}", file=sys.stderr, flush=True)


def ask(shown: Iterable[Any], question: str, yes: bool, as_json: bool) -> None:
    """Show things on stderr and ask for confirmation, unless `yes`.

    Raises WrapError when the answer is no, UsageError with --json, where no one can be asked.
    """
    if yes:
        return
    if as_json:
        raise UsageError(
            "with --json this command cannot ask for confirmation",
            "read what it does in docs/cli.md, then add --yes",
        )
    screen = make_console(stderr=True)
    for thing in shown:
        screen.print(thing, crop=False)
    if not click.confirm(question, err=True):
        raise WrapError("not confirmed, nothing was changed")


def scale_to_int(name: str, value: float, scale: int, unit: str) -> int:
    """Convert `value` to a whole number of 1/`scale` `unit`. Raises UsageError unless above 0."""
    out = round(value * scale)
    if out <= 0:
        raise UsageError(f"{name} is {value:g}, it must be at least {1 / scale:g} {unit}")
    return out


def check_bounds(
    name: str, value: int, low: int, high: int, scale: int, unit: str, more: str = ""
) -> None:
    """Check a `value` in 1/`scale` `unit`. Raises UsageError, in `unit`, outside its bounds."""
    if not low <= value <= high:
        bounds = f"{low / scale:g} to {high / scale:g} {unit}"
        raise UsageError(f"{name} is {value / scale:g}, it must be {bounds}{more}")


@contextmanager
def show_progress(label: str) -> Iterator[Callable[[int, int], None]]:
    """Yield a function (done, total) that draws a bar on stderr while that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.progress import Progress

    with Progress(console=make_console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
