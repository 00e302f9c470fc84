"""`pbmwrap mqtt`: shows the wrap in Home Assistant, read only."""

from __future__ import annotations

import os
import time
from typing import Annotated

import click

from pbmwrap.cli.command import (
    Interrupted,
    Json,
    Port,
    Result,
    print_note,
    register_command,
    wrap_at,
)
from pbmwrap.cli.options import Option
from pbmwrap.errors import UsageError

_PORT, _TLS_PORT = 1883, 8883
_PASSWORD = "PBMWRAP_MQTT_PASSWORD"


def add_to(app: click.Group) -> None:
    """Register this file's command."""
    register_command(app, "mqtt")(show_by_mqtt)


def show_by_mqtt(
    broker: Annotated[
        str | None,
        Option(metavar="HOST[:PORT]", help="The broker. Without it the description is printed."),
    ] = None,
    user: Annotated[
        str, Option(help=f"User name at the broker; its password is in ${_PASSWORD}.")
    ] = "",
    tls: Annotated[bool, Option("--tls", help="Encrypt the connection.")] = False,
    every: Annotated[float, Option(help="Seconds between two states.", min=1, max=50)] = 5.0,
    count: Annotated[int, Option(help="End after this many states; 0: never.", min=0)] = 0,
    port: Port = None,
    json: Json = False,
) -> Result:
    """Show the wrap in Home Assistant by MQTT. Read only: nothing there can start light."""
    from pbmwrap import home_assistant

    if broker is None:
        with wrap_at(port) as (_, hello):
            topic, _ = home_assistant.make_topics(hello.uid)
            description = home_assistant.make_description(hello.uid, hello.fw)
        text = f"{topic}\n{_format_json(description)}"
        return Result({"topic": topic, "description": description}, text)
    host, number = split_address(broker, tls)
    sent = 0
    with wrap_at(port) as (client, hello):
        link = home_assistant.connect_broker(host, number, user, os.environ.get(_PASSWORD, ""), tls)
        print_note(f"wrap {hello.uid} is shown by {host}:{number}; Ctrl-C ends it")
        try:
            home_assistant.publish_description(link, hello)
            while not count or sent < count:
                if sent:
                    time.sleep(every)
                home_assistant.publish_state(link, hello, client.status())
                sent += 1
        except KeyboardInterrupt:
            raise Interrupted(f"interrupted after {sent} states; the session goes on") from None
        finally:
            link.disconnect()
            link.loop_stop()
    return Result({"sent": sent}, f"{sent} states sent")


def _format_json(description: dict[str, object]) -> str:
    from json import dumps

    return dumps(description, indent=1, ensure_ascii=False)


def split_address(text: str, tls: bool) -> tuple[str, int]:
    """Split HOST[:PORT]. Raises UsageError."""
    host, colon, number = text.rpartition(":")
    if not colon:
        return text, _TLS_PORT if tls else _PORT
    if not host or not number.isdigit() or not 0 < int(number) < 65536:
        raise UsageError(f"--broker {text} is not HOST:PORT", "for example --broker 10.0.0.5:1883")
    return host, int(number)
