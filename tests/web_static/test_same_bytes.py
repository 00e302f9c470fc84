"""The same session in the browser and on CPython: the same answers, the same log, byte by byte."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from pbmwrap.logs.decode import Entry, decode
from pbmwrap.web.browser import simulated
from tests.web_static.script import Call, list_calls

DRIVE = """async (calls) => {
  const { createRuntime } = await import("./device/runtime.js");
  const runtime = await createRuntime(["simulated"]);
  await runtime.call("simulated.begin");
  while (!(await runtime.call("simulated.settle")));
  const answers = [];
  for (const [name, args] of calls) answers.push(await runtime.call(name, args));
  const log = await runtime.call("simulated.read_flash");
  runtime.close();
  return [answers, log];
}"""


def run_here(calls: list[Call], folder: Path) -> tuple[list[Any], dict[str, str]]:
    simulated.begin(str(folder / "flash"))
    while not simulated.settle():
        pass
    acts = {"simulated.advance": simulated.advance, "simulated.change": simulated.change}
    return [acts[name](*args) for name, args in calls], simulated.read_flash()


JSON_KINDS = ("fault", "note", "blob", "start", "end", "sector", "ack")  # or hashes of JSON
HASHES = ("seal", "cal_blob", "name", "blobs")


def check(page: Page, calls: list[Call], folder: Path) -> list[Entry]:
    """Compare both; returns the records.

    MicroPython's dictionaries keep no order, so JSON has its keys in another one, and hashes over
    such JSON differ. Everything else is the same byte by byte.
    """
    answers, flash = run_here(calls, folder)
    theirs, their_flash = page.evaluate(DRIVE, [list(call) for call in calls])
    assert sorted(their_flash) == sorted(flash)
    mine, other = read_log(flash), read_log(their_flash)
    assert len(mine) == len(other)
    for one, two in zip(mine, other, strict=True):
        assert (one.offset, one.size, one.kind, one.seq, one.boot, one.up_ms_total) == (
            two.offset,
            two.size,
            two.kind,
            two.seq,
            two.boot,
            two.up_ms_total,
        )
        if one.name in JSON_KINDS:
            assert reduce(one) == reduce(two)
        else:
            assert one.payload == two.payload
    differ = [
        (one, two)
        for one, two in zip(answers[1:], theirs[1:], strict=True)  # `hello` names the interpreter
        if {**one, "out": parse(one)} != {**two, "out": parse(two)}
    ]
    assert differ == []
    return mine


def read_log(flash: dict[str, str]) -> list[Entry]:
    data = b"".join(bytes.fromhex(flash[name]) for name in sorted(flash) if "log" in name)
    return list(decode(data).entries)


def reduce(entry: Entry) -> dict[str, Any]:
    """Return a record's content without hashes over JSON; a blob's JSON parsed."""
    data = {key: value for key, value in (entry.data or {}).items() if key not in HASHES}
    if "raw" in data and isinstance(data["raw"], str):
        data["raw"] = json.loads(data["raw"])
    return data


def parse(answer: dict[str, Any]) -> list[Any]:
    """Return the messages of an answer, parsed."""
    lines = bytes.fromhex(answer.get("out", "")).decode("ascii").split("\n")
    return [json.loads(line[1 : line.rindex("*")]) for line in lines if line]


def test_a_short_session_gives_the_same_log(visit: Callable[..., Page], tmp_path: Path) -> None:
    records = check(visit(), list_calls(20), tmp_path)
    assert {"blob", "start", "state", "fault", "end"} <= {record.name for record in records}
    (end,) = [record.data for record in records if record.name == "end"]
    assert end is not None
    assert end["active_ms"] > 15_000
    assert min(end["dose_uj"]) > 500_000


@pytest.mark.slow
def test_a_covered_session_of_nine_minutes_gives_the_same_log(
    visit: Callable[..., Page], tmp_path: Path
) -> None:
    """With derating: the thermal plant's floats and the firmware's integers agree to the end."""
    records = check(visit(), list_calls(540), tmp_path)
    samples = [record.data for record in records if record.name == "sample"]
    assert len(samples) > 10
    duties = [sample["duties_u16"][0] for sample in samples if sample is not None]
    assert duties[-1] < 0.8 * max(duties)
