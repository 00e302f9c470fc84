"""The USB port's C code in the binary: Ctrl-C, full buffers, and hosts that close, do not read or
vanish. Steps are watched from outside."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pbmwrap.device.link import encode_request
from pbmwrap.twin.rp2040 import Rp2040Twin
from tools.bench.link_steps import LIMIT_US, Seen, Session, generate_flood

WATCH_MS = 300
SETTLE_MS = 400
RING = 512  # bytes that wait for the REPL or the link
CTRL_C_MS = 36
STACK = 256  # and with the USB stack


def steady(seen: Seen, ms: int) -> None:
    """Steps came and were as long as ever, light stayed."""
    assert seen.figures["lit"]
    assert abs(len(seen.steps) - ms // 10) <= 1
    assert max(map(abs, seen.gaps_us)) <= LIMIT_US
    assert max(seen.took_us) <= 2500 + LIMIT_US  # the longest, once a second, takes 2.4 ms


def talk(session: Session) -> None:
    """A host comes, drops what is left over, and is answered."""
    for _ in range(SETTLE_MS // 20):
        session.twin.advance_ms(20)
        session.twin.read()
    assert session.client.call("state")["state"] == "running"


def ask_much(session: Session) -> None:
    session.client.call("telemetry", {"every_ms": 100, "ms": 10_000})
    for number in range(40):  # more answers than buffers hold
        session.twin.write(encode_request(number, "status", None))


Way = Callable[[Rp2040Twin, bool], None]
WAYS: dict[str, Way] = {
    "unread": lambda twin, back: twin.set_reader(back),
    "closed": lambda twin, back: twin.open_port(back),
    "vanished": lambda twin, back: twin.chip.usb.set_plugged(back),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_host_that_is_not_there_holds_up_no_step_and_is_heard_again(
    session: Session, way: str
) -> None:
    ask_much(session)
    WAYS[way](session.twin, False)
    seen = session.watch_ms(WATCH_MS, False)
    reported = len(session.twin.read())
    ask_much_unheard(session, way)
    seen_later = session.watch_ms(WATCH_MS, False)
    assert session.twin.read() == b""
    WAYS[way](session.twin, True)
    steady(seen, WATCH_MS)
    steady(seen_later, WATCH_MS)
    assert reported < 2048
    talk(session)


def ask_much_unheard(session: Session, way: str) -> None:
    """Requests that a host writes without reading; a closed or vanished one writes none."""
    if way == "unread":
        lines = generate_flood()
        while session.twin.write(line := next(lines)) == len(line):
            pass


def test_ctrl_c_goes_dark_at_once_behind_a_flood_and_leaves_what_follows_to_the_repl(
    session: Session,
) -> None:
    session.watch_ms(50, True)
    sent = b"\x03print(6 * 7)\r"
    while sent:
        sent = sent[session.twin.write(sent) :]
        session.twin.advance_ms(1)
    waited_ms = 0
    while not session.twin.dark() and waited_ms < 100:
        session.twin.advance_ms(1)
        waited_ms += 1
    print(f"dark {waited_ms} ms after Ctrl-C behind a flood")
    # The requests before it come first, a lit `status` among them.
    assert waited_ms <= CTRL_C_MS
    session.twin.advance_ms(1)  # the enable falls first, the pins some microseconds later
    assert not any(lamp.high for lamp in session.twin.lamps())
    session.twin.advance_ms(200)
    reported = session.twin.read()
    assert b"pbmwrap: dark" in reported
    assert reported.rstrip().endswith(b">>> print(6 * 7)\r\n42\r\n>>>")


def test_ctrl_c_in_the_middle_of_an_upload_leaves_a_prompt(ours: Rp2040Twin) -> None:
    ours.reset("power")
    ours.advance_ms(1000)
    ours.read()
    params = {"slot": 0, "size": 500, "sha": "0" * 64}
    ours.write(encode_request(1, "proto.put", params) + b'{"half":')
    ours.advance_ms(30)
    assert ours.read() == b""
    ours.write(b"\x03\r")
    ours.advance_ms(100)
    assert ours.read().rstrip().endswith(b">>>")


def test_bytes_that_wait_for_a_busy_repl_are_all_there(ours: Rp2040Twin) -> None:
    """More than ring and stack hold together: what is left is taken when there is room."""
    ours.write(b"import time; time.sleep(0.3)\r")
    ours.advance_ms(20)
    text = b"n = " + b" + ".join(b"%d" % n for n in range(400)) + b"\rprint(n)\r"
    assert len(text) > 2 * (RING + STACK)
    while text:
        text = text[ours.write(text) :]
        ours.advance_ms(1)
    ours.advance_ms(500)
    assert b"\r\n%d\r\n" % sum(range(400)) in ours.read()


def test_a_ctrl_c_forgets_what_came_before_it(ours: Rp2040Twin) -> None:
    ours.write(b"import time; time.sleep(0.3)\r")
    ours.advance_ms(20)
    ours.write(b"print('never')\r\x03print('later')\r")
    ours.advance_ms(300)
    reported = ours.read()
    assert b"KeyboardInterrupt" in reported
    assert b"\r\nlater\r\n" in reported
    assert b"never" not in reported
