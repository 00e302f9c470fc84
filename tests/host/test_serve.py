"""A served twin: bytes through a real pty, commands by hand."""

from __future__ import annotations

import os
import select
import threading
import time
from pathlib import Path

import pytest

import board_facts
from pbmwrap.errors import InvalidFile, PortBusy, UsageError
from pbmwrap.twin.base import LampState, Twin
from pbmwrap.twin.console import HELP, obey
from pbmwrap.twin.plant import Plant
from pbmwrap.twin.scenario import Player, parse
from pbmwrap.twin.serve import PtyServer

PATIENCE_S = 5.0


class EchoTwin(Twin):
    """Sends back what it is sent, upper case, when virtual time passes; takes few bytes a write."""

    kind = "echo"

    def __init__(self, takes: int = 64) -> None:
        self.plant = Plant(board_facts)
        self.takes = takes
        self.unsent = b""
        self.done: list[str] = []
        self._now = 0
        self._in = b""

    @property
    def now_ms(self):
        return self._now

    def start(self):
        self.done.append("start")

    def advance_ms(self, ms):
        self._now += ms
        self.unsent += self._in.upper()
        self._in = b""

    def write(self, data):
        taken = data[: max(0, self.takes - len(self._in))]
        self._in += taken
        return len(taken)

    def read(self):
        data, self.unsent = self.unsent, b""
        return data

    def press(self, down):
        self.done.append("down" if down else "up")

    def lamps(self):
        return [LampState(0, False)] * 2

    def enabled(self):
        return False

    def indicator(self):
        return True

    def reset(self, kind):
        self.done.append(kind)

    def hang(self):
        self.done.append("hang")

    def power_off(self):
        self.done.append("off")

    def close(self):
        self.done.append("close")


class Served:
    """A server in a thread and what a test needs of it."""

    def __init__(self, twin: Twin, **options) -> None:
        self.twin = twin
        self.server = PtyServer(twin, **options)
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.server.run, args=(self.stop,), daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join(PATIENCE_S)
        self.server.close()

    def open(self) -> int:
        return os.open(self.server.port, os.O_RDWR | os.O_NOCTTY)


def received(fd: int, count: int) -> bytes:
    data = b""
    while len(data) < count and select.select([fd], [], [], PATIENCE_S)[0]:
        data += os.read(fd, 4096)
    return data


def until(happened) -> bool:
    """Looks again every few ms, so that the server's thread is not kept from running."""
    deadline, pause = time.monotonic() + PATIENCE_S, threading.Event()
    while not happened() and time.monotonic() < deadline:
        pause.wait(0.002)
    return happened()


@pytest.mark.parametrize("speed", [1.0, 50.0, None])
def test_bytes_go_both_ways_unchanged_and_at_once(speed):
    with Served(EchoTwin(), speed=speed) as served:
        port = served.open()
        odd = b"\x03\x04\r\n\r\n\x00\x11\x13\x7f\xff@{}*"
        os.write(port, odd)
        assert received(port, len(odd)) == odd.upper()
        os.close(port)


def test_a_twin_that_takes_few_bytes_loses_none():
    with Served(EchoTwin(takes=3), speed=None) as served:
        port = served.open()
        data = bytes(range(64)) * 8
        os.write(port, data)
        assert received(port, len(data)) == data
        os.close(port)


# Private: `_hung_up`, since the server notices a closed port in one of its next turns, and a client
# that opens the port before would find the old conversation. Nothing public shows that turn.


def test_a_client_may_close_and_come_back():
    with Served(EchoTwin(), speed=1.0) as served:
        for _ in range(3):
            port = served.open()
            os.write(port, b"x")
            assert received(port, 1) == b"X"
            os.close(port)
            assert until(lambda: served.server._hung_up)


def test_a_new_client_finds_nothing_of_the_last_one():
    with Served(EchoTwin(), speed=1.0) as served:
        port = served.open()
        os.write(port, b"left behind")
        assert select.select([port], [], [], PATIENCE_S)[0]
        os.close(port)
        assert until(lambda: served.server._hung_up)
        served.server.run_command("status")  # returns after the turn that noticed has ended
        port = served.open()
        os.write(port, b"mine")
        assert received(port, 4) == b"MINE"
        os.close(port)


def test_bytes_of_a_client_that_writes_and_leaves_still_arrive():
    twin = EchoTwin()
    arrived = []
    twin.write = lambda data: arrived.append(data) or len(data)  # type: ignore[method-assign]
    with Served(twin, speed=1.0) as served:
        port = served.open()
        os.write(port, b"\x03")
        os.close(port)
        assert until(lambda: b"".join(arrived) == b"\x03")


def test_waiting_costs_little_processor_time():
    with Served(EchoTwin(), speed=1.0) as served:
        port = served.open()
        start_cpu, start = time.process_time(), time.monotonic()
        select.select([port], [], [], 0.4)
        assert time.process_time() - start_cpu < 0.5 * (time.monotonic() - start)
        os.close(port)


def test_the_link_leads_to_the_port_and_goes_with_it(tmp_path):
    link = tmp_path / "wrap"
    link.symlink_to("/dev/old")
    with PtyServer(EchoTwin(), link=link) as server:
        assert str(link.readlink()) == server.port
    assert not link.is_symlink()


def test_an_existing_file_is_not_replaced_by_the_link(tmp_path):
    link = tmp_path / "precious"
    link.write_text("mine")
    with pytest.raises(UsageError, match="precious exists and is no link to a port; choose"):
        PtyServer(EchoTwin(), link=link)
    assert link.read_text() == "mine"


def test_a_link_to_something_else_is_not_replaced(tmp_path):
    (tmp_path / "precious").write_text("mine")
    (link := tmp_path / "wrap").symlink_to(tmp_path / "precious")
    with pytest.raises(UsageError, match="no link to a port"):
        PtyServer(EchoTwin(), link=link)
    assert link.read_text() == "mine"


def test_the_link_of_a_server_that_runs_stays_its_own(tmp_path):
    link = tmp_path / "wrap"
    with PtyServer(EchoTwin(), link=link) as first:
        with pytest.raises(PortBusy, match=f"{link} is in use by another pbmwrap"):
            PtyServer(EchoTwin(), link=link)
        assert str(link.readlink()) == first.port
    with PtyServer(EchoTwin(), link=link) as second:
        assert str(link.readlink()) == second.port


def test_the_link_of_a_server_that_was_killed_is_replaced(tmp_path):
    link = tmp_path / "wrap"
    with PtyServer(EchoTwin()) as other:  # its port has the name that the killed one's had
        link.symlink_to(other.port)
        with PtyServer(EchoTwin(), link=link) as server:
            assert str(link.readlink()) == server.port


def test_a_link_in_a_folder_that_is_not_there_is_reported(tmp_path):
    with pytest.raises(InvalidFile, match="cannot be made: there is no folder"):
        PtyServer(EchoTwin(), link=tmp_path / "no" / "wrap")
    assert list(tmp_path.iterdir()) == []


def test_scenario_events_happen_while_served():
    twin = EchoTwin()
    scenario = parse({"name": "t", "event": [{"at_s": 100, "press": "short"}]})
    server = PtyServer(Player(scenario, twin), speed=None)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert until(lambda: twin.done == ["down", "up"])
    assert server.run_command("quit") == "bye"
    thread.join(PATIENCE_S)
    assert not thread.is_alive()
    server.close()


def test_typed_lines_are_obeyed_in_the_main_loop(tmp_path):
    typed_out, typed_in = os.pipe()
    replies = (tmp_path / "replies").open("w+")
    os.write(typed_in, b"press\nfly\nqu")
    os.write(typed_in, b"it\n")
    twin = EchoTwin()
    with os.fdopen(typed_out) as commands, PtyServer(twin, speed=None) as server:
        server.run(None, commands, replies)
    os.close(typed_in)
    lines = Path(replies.name).read_text().splitlines()
    assert [line.split(";")[0] for line in lines] == [
        "0.0 s: press",
        "unknown command 'fly'",
        "bye",
    ]
    assert twin.done[0] == "down"
    replies.close()


def test_the_end_of_typing_does_not_end_serving():
    typed_out, typed_in = os.pipe()
    os.close(typed_in)
    twin = EchoTwin()
    server = PtyServer(twin, speed=50.0)
    with os.fdopen(typed_out) as commands:
        thread = threading.Thread(target=server.run, args=(None, commands), daemon=True)
        thread.start()
        assert until(lambda: twin.now_ms > 1000)
        server.run_command("quit")
        thread.join(PATIENCE_S)
    server.close()


@pytest.mark.parametrize(
    ("line", "done"),
    [
        ("press", ["down", "up"]),
        ("long", ["down", "up"]),
        ("double", ["down", "up", "down", "up"]),
        ("power cycle", ["off", "start"]),
        ("power off", ["off"]),
        ("reset watchdog", ["watchdog"]),
    ],
)
def test_commands_reach_the_twin(line, done):
    twin = EchoTwin()
    player = Player(parse({"name": "t"}), twin)
    assert obey(line, player) == f"0.0 s: {line}"
    player.advance_ms(5000)
    assert twin.done == done


def test_commands_change_the_world():
    twin = EchoTwin()
    player = Player(parse({"name": "t"}), twin)
    for line in ("cover on", "ambient 35", "contact 0.5", "blood 0", "sensor skin-mid open"):
        assert obey(line, player).startswith("0.0 s: ")
    p = twin.plant.params
    assert (p.covered, p.ambient_c, p.contact, p.blood_flow) == (True, 35.0, 0.5, 0.0)
    assert twin.plant.raw12(0) == 4095
    obey("sensor skin-mid offset 5", player)
    assert 0 < twin.plant.raw12(0) < 4095
    obey("cover off", player)
    assert not twin.plant.params.covered


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("fly", "unknown command"),
        ("cover sideways", "unknown command"),
        ("ambient hot", "ambient_c"),
        ("ambient 500", "ambient_c"),
        ("sensor elbow open", "skin-mid, skin-left, skin-right, board"),
        ("sensor skin-mid melted", "fault"),
        ("power maybe", "power"),
    ],
)
def test_what_is_not_understood_gets_a_one_line_hint(line, hint):
    answer = obey(line, Player(parse({"name": "t"}), EchoTwin()))
    assert hint in answer
    assert "\n" not in answer
    assert "try: " in answer or "help" in answer


def test_help_and_status_are_one_line():
    player = Player(parse({"name": "t"}), EchoTwin())
    assert (obey("help", player), obey("  ", player)) == (HELP, "")
    line = obey("status", player)
    assert all(
        words in line for words in ("dark", "skin 32.9 32.9 32.9 board 30.0 C", "indicator on")
    )
    assert len(line) <= 80 and "\n" not in line
    player.happen(cover=True)
    assert obey("status", player) == line.replace("C, ind", "C, covered, ind")
