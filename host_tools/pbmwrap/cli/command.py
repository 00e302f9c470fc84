"""How every command runs: options they share, what it prints, how it fails."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import click

from pbmwrap.cli.options import Option, params_of
from pbmwrap.errors import EXIT_FAULT, EXIT_INTERRUPTED, UsageError, WrapError

if TYPE_CHECKING:
    from pbmwrap.device.client import Client
    from pbmwrap.device.models import Hello

Port = Annotated[
    str | None,
    Option(
        "--port",
        "-p",
        metavar="PORT",
        help="auto, /dev/ttyACM0, serial:NUMBER, sim: or rp2040:  [default: $PBMWRAP_PORT or auto]",
    ),
]
PIPE_COLUMNS = 200
_NO_LIMIT = 1000  # characters of a sentence
Json = Annotated[bool, Option("--json", help="One JSON envelope instead of text.")]
Yes = Annotated[bool, Option("--yes", help="Do not ask; for scripts.")]


@dataclass(frozen=True)
class Result:
    """What a command gives: `data` for --json, `show` for people (text or a rich object).

    `problem`: the command did its work and found something wrong; its exit code counts.
    """

    data: Any
    show: Any = None
    problem: WrapError | None = None


class Interrupted(WrapError):
    """Ctrl-C."""

    exit_code = EXIT_INTERRUPTED
    code = "interrupted"


class Commands(click.Group):
    """A group that lists its commands in the order in which they were added."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def summaries(self, ctx: click.Context) -> list[tuple[str, str]]:
        """(name, first sentence of its help) of each command."""
        return [(name, one.get_short_help_str(_NO_LIMIT)) for name, one in self.commands.items()]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write whole sentences, over several lines if need be; click would cut them off."""
        with formatter.section("Commands"):
            formatter.write_dl(self.summaries(ctx))


def new_app(help_text: str) -> click.Group:
    """A group of commands."""
    return Commands(help=help_text, no_args_is_help=True)


def command(app: click.Group, path: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a function that returns a Result as the command `path` ("logs pull")."""

    def register(body: Callable[..., Any]) -> Callable[..., Any]:
        def run(**given: Any) -> None:
            code = _run(path, body, {name: _as_list(value) for name, value in given.items()})
            if code:
                raise click.exceptions.Exit(code)

        name = path.split()[-1]
        app.add_command(
            click.Command(name, callback=run, params=params_of(body), help=body.__doc__)
        )
        return body

    return register


def _as_list(value: Any) -> Any:
    """click gives a tuple where a function asks for a list."""
    return list(value) if isinstance(value, tuple) else value


def _run(path: str, body: Callable[..., Any], given: dict[str, Any]) -> int:
    as_json = bool(given.get("json"))
    try:
        result = body(**given)
        if result is None:
            return 0
        _print(path, result, as_json)
        return result.problem.exit_code if result.problem else 0
    except WrapError as problem:
        return fail(path, problem, as_json)
    except KeyboardInterrupt:
        return fail(path, Interrupted("interrupted"), as_json)
    except BrokenPipeError:
        return _closed_pipe()
    except (click.exceptions.Exit, click.Abort):
        raise
    except Exception as bug:
        return _report_bug(path, bug, as_json)


def _print(path: str, result: Result, as_json: bool) -> None:
    if as_json:
        from pbmwrap.cli import envelope

        print(envelope.good(path, result.data, result.problem), flush=True)
    elif isinstance(result.show, str):
        print(result.show, flush=True)
    elif result.show is not None:
        from rich.console import Console

        # In a pipe there is no width to keep to: a wrapped table would be of no use there.
        width = None if sys.stdout.isatty() else PIPE_COLUMNS
        Console(width=width, highlight=False).print(result.show)


def fail(path: str, problem: WrapError, as_json: bool) -> int:
    """Tell the error in one line and return its exit code."""
    if as_json:
        from pbmwrap.cli import envelope

        print(envelope.bad(path, problem), flush=True)
    else:
        for line in getattr(problem, "problems", ()):
            print(line, file=sys.stderr)
        print(f"error: {problem}", file=sys.stderr, flush=True)
    return problem.exit_code


def _report_bug(path: str, bug: Exception, as_json: bool) -> int:
    import traceback

    traceback.print_exception(bug, file=sys.stderr)
    problem = WrapError(
        f"{type(bug).__name__} in `{path}`: {bug}",
        "this is a fault of pbmwrap: please report it with the lines above",
    )
    return fail(path, problem, as_json)


def _closed_pipe() -> int:
    """Whoever read our output went away (`| head`): not worth a word, now or at exit."""
    sys.stdout = None  # type: ignore[assignment]
    return EXIT_FAULT


def default_port(port: str | None) -> str:
    """The port to use: --port, $PBMWRAP_PORT, the config file, `auto`. Raises InvalidFile."""
    from pbmwrap.device import find

    if port:
        return port
    from pbmwrap import config

    return find.default_port(None, config.load().port)


@contextmanager
def wrap_at(port: str | None) -> Iterator[tuple[Client, Hello]]:
    """An open client and its hello, closed again afterwards. Raises WrapError."""
    from pbmwrap.device import find

    client, hello = find.connect(default_port(port))
    try:
        yield client, hello
    finally:
        client.close()


def note(text: str) -> None:
    """A line for a person who watches: on stderr, and only when that is a terminal."""
    if sys.stderr.isatty():
        print(text, file=sys.stderr, flush=True)


def warn(lines: Iterable[str]) -> None:
    """What people and programs must be told beside the answer: lines on stderr, always."""
    for line in lines:
        print(f"note: {line}", file=sys.stderr, flush=True)


def ask(shown: Iterable[Any], question: str, yes: bool, as_json: bool) -> None:
    """Show things on stderr and ask; returns when the answer is yes, or `yes` was given. Raises
    WrapError when it is no, UsageError where nobody can be asked."""
    if yes:
        return
    if as_json:
        raise UsageError("--json cannot ask", "add --yes when you have read what it means")
    from rich.console import Console

    console = Console(stderr=True, highlight=False)
    for thing in shown:
        console.print(thing)
    if not click.confirm(question, err=True):
        raise WrapError("not confirmed, nothing was changed")


def scaled(name: str, value: float, scale: int, unit: str) -> int:
    """`value` as a whole number above 0 of 1/`scale` `unit`. Raises UsageError for what is none:
    nan, inf, or so small that it would become 0."""
    import math

    if not math.isfinite(value):
        raise UsageError(f"{name} is {value}, not a number of {unit}")
    out = round(value * scale)
    if out <= 0:
        raise UsageError(f"{name} is {value:g}, it must be at least {1 / scale:g} {unit}")
    return out


@contextmanager
def progress(label: str) -> Iterator[Callable[[int, int], None]]:
    """A function (done, total) that draws a bar on stderr while that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
