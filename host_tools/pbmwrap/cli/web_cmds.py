"""`web`: serves the page for the person who wears the wrap."""

from __future__ import annotations

from typing import Annotated

import click

from pbmwrap.cli.command import Json, Port, print_note, register_command, resolve_port, write_line
from pbmwrap.cli.options import Option
from pbmwrap.errors import PortBusy, UsageError

LISTEN_PORT = 8722


def add_to(app: click.Group) -> None:
    """Register this file's command."""
    register_command(app, "web")(serve_web)


def serve_web(
    port: Port = None,
    no_browser: Annotated[
        bool, Option("--no-browser", help="Print the page's address and open no browser.")
    ] = False,
    listen_port: Annotated[
        int,
        Option(
            "--listen-port",
            metavar="N",
            help="The port of the page on this machine; 0: any free one.",
            min=0,
            max=65535,
        ),
    ] = LISTEN_PORT,
    json: Json = False,
) -> None:
    """Show the wrap in a browser on this machine, and control it there (docs/web.md).

    Its first line of output is the page's address, which one browser may use. Other commands reach
    the wrap meanwhile. Ctrl-C ends the page; a session goes on.
    """
    try:
        from pbmwrap.web import server
    except ModuleNotFoundError as problem:
        raise UsageError(
            f"the page needs {problem.name}, which is not installed", "install pbmwrap again"
        ) from problem

    chosen = resolve_port(port)
    server.check_port(chosen)

    def print_url(url: str, first: bool) -> None:
        if first:
            _open_browser(url, no_browser, json)
            print_note("Ctrl-C ends the page; a session on the wrap goes on without it")
        else:
            print_note(f"for one more browser: {url}")

    try:
        server.serve(chosen, listen_port, print_url)
    except KeyboardInterrupt:
        return  # the usual end
    except PortBusy:
        running = server.find_server(listen_port) if listen_port else None
        if running is None:
            raise
        print_note(f"`pbmwrap web` runs already (process {running.pid})")
        _open_browser(running.url, no_browser, json)


def _open_browser(url: str, no_browser: bool, json: bool) -> None:
    """Print the address, and open it in a browser."""
    from pbmwrap.cli import envelope

    write_line(envelope.format_success("web", {"url": url}) if json else url)
    if no_browser:
        return
    import webbrowser

    if not webbrowser.open(url):
        print_note("no browser could be opened: open the address above yourself")
