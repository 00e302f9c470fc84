"""docs/link.md: its methods and the fields of its answers are those of the simulated wrap."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pbmwrap.device.client import Client
from pbmwrap.device.twin_transport import TwinTransport
from pbmwrap.errors import DeviceError
from pbmwrap.twin.sim import SimTwin
from wrap.link import commands, frames, server, trial_commands

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "link.md").read_text("utf-8")


@pytest.fixture
def twin() -> Iterator[SimTwin]:
    made = SimTwin()
    made.start()
    yield made
    made.close()


def part(heading: str) -> str:
    return TEXT.split(f"\n{heading}\n", 1)[1].split("\n#", 1)[0]


def names(listed: str) -> set[str]:
    """The fields of a list such as `a, b [x, y], c (null or object), d or null`."""
    plain = re.sub(r"\[\[.*?\]\]|\[[^\[]*?\]|\([^)]*\)", "", listed)
    return {word.split()[0] for word in plain.split(",")}


def methods() -> set[str]:
    cells = re.findall(r"^\| (`[^|]*`) \|", part("## Methods"), re.M)
    return {name for cell in cells for name in re.findall(r"`([\w.]+)`", cell)}


def test_every_method_of_the_table_is_known_to_the_wrap(twin: SimTwin) -> None:
    client = Client(TwinTransport(twin))
    unknown = set()
    for method in sorted(methods() - {"reset", "service"}):
        try:
            client.call(method)
        except DeviceError as error:
            if error.device_code == "unknown_method":
                unknown.add(method)
    assert unknown == set()


def test_every_method_of_the_firmware_is_in_the_table() -> None:
    files = Path(commands.__file__), Path(trial_commands.__file__)
    source = "".join(file.read_text("utf-8") for file in files)
    assert set(re.findall(r'^ +"([a-z.]+)": \([A-Z]', source, re.M)) == methods()


def test_the_fields_of_hello_are_listed(twin: SimTwin) -> None:
    listed = re.search(r"`(product, .*?)`", part("### hello"), re.S)
    assert listed
    assert names(listed[1]) == set(Client(TwinTransport(twin)).call("hello"))


def test_the_fields_of_sample_and_status_are_listed(twin: SimTwin) -> None:
    sample, more = re.findall(r"`(\w+, \w+[^`]*)`", part("### status and sample"))[:2]
    client = Client(TwinTransport(twin))
    got = next(iter(client.telemetry(every_ms=100))).as_json()
    assert names(sample) == set(got)
    left_out = {"person", "next_person", "held"}  # this wrap has neither
    assert names(sample) | names(more) == set(client.call("status")) | left_out


def test_the_fields_of_a_fault_are_listed(twin: SimTwin) -> None:
    listed = re.search(r"`\{(.*?)\}`", part("### fault.get"), re.S)
    assert listed
    twin.plant.set_fault("skin-mid", "open")
    twin.advance_ms(300)
    assert names(listed[1]) == set(Client(TwinTransport(twin)).call("fault.get"))


def test_limits_are_those_of_the_code() -> None:
    assert f"at most {frames.MAX_REQUEST} bytes" in TEXT
    assert f"at most {frames.MAX_ANSWER} bytes" in TEXT
    source = Path(server.__file__).read_text("utf-8")
    act_ms, piece_ms = (
        re.search(rf"{key} = const\((\d+)\)", source) for key in ("_ACT_MS", "_STEP_MS")
    )
    assert act_ms and f"with {act_ms[1]} ms left" in TEXT
    assert piece_ms and f"with {piece_ms[1]} ms left" in TEXT
