"""Protocol files of the user's own, in the page: the same bytes and faults as on the host."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page

from pbmwrap.protocols import encode, template
from pbmwrap.protocols.load import loads
from tests.protocol_texts import FAULTS, GOOD, ODD, ROUNDED, SITES

COMPILE = """async texts => {
  const { createRuntime } = await import(new URL("device/runtime.js", location.href).href);
  const runtime = await createRuntime(["protocol_text"]);
  await runtime.use("toml_reader");
  const found = await runtime.call("protocol_text.compile_texts", [texts]);
  runtime.close();
  return found;
}"""
SYNTAX = ("is not valid TOML", "is nested too deeply")
EXAMPLES = [path.read_text(encoding="utf-8") for path in template.examples().values()]
STEP = "[[step]]\nduration_s = 601\nred = {intensity = 1}\n"
GOODS = [
    GOOD,
    GOOD.replace("\n", "\r\n"),
    GOOD.replace("50.1", "5.01e1").replace("6.0", "6.0_0").replace("= 80", "= 0x50"),
    GOOD.replace("[step.red]\nintensity = 50.1\n", "red.intensity = 50.1\n"),
    GOOD.replace('"Foot, evening"', "'Foot \"evening\" \\ {}'"),
    GOOD.replace('"..."', '"""\nSch\u00f6n [[step]]\n= 50.1"""'),
]
BADS = [
    *(GOOD.replace(old, new, 1) for old, new, _ in FAULTS),
    *(GOOD.replace(old, new, 1) for old, new, _ in ROUNDED),
    *(GOOD.replace(old, new, 1) for old, (new, _) in SITES.items()),
    GOOD.replace('mode = "pulsed"\n', ""),
    GOOD.replace("frequency_hz = 40\n", ""),
    GOOD.replace("intensity = 50.1", "intensty = 50.1"),
    GOOD.replace("duration_s", "duration"),
    GOOD.replace("id =", "colour = 1\nid ="),
    'schema=1\nid="a"\nname="A"\nsite="b"\ncautions=4\nevidence=5\nstep=[1]\n',
    GOOD.replace("50.1", "1e-400"),
    GOOD.replace("6.0", "5.9999999999999999999"),
    GOOD.replace("6.0", "1979-05-27"),
    GOOD.replace("600\n", "99999999999999999999\n"),
    GOOD.replace("[step.nir]", '[step."a.b"]'),
    GOOD + STEP,
    GOOD.replace("[[step]]", "[[step]]\n[[step]]"),
    GOOD + "\x00",
    GOOD.replace('name = "Foot, evening"', "name = Foot").replace("50.1", "50.15"),
    GOOD.replace('site = "foot-left"', 'site : "foot-left"'),
    GOOD.replace("[evidence]", "[evidence"),
    GOOD.replace('"weak"', '"weak'),
    GOOD.replace("ramp_s", "skin_trip_c"),
    GOOD.replace("[step.red]\n", "[step.red]\nmode = {a = 1,\n}\n"),
]


BROKEN = [*ODD, GOOD.replace('"..."', '"""')]  # the readers need not find the same line


def compile_here(text: str) -> dict[str, Any]:
    found = loads(text)
    if found.protocol is None:
        return {"raw": "", "sha": "", "faults": [[f.line, f.key, f.reason] for f in found.faults]}
    raw = encode.canonical(found.protocol)
    return {"raw": raw.decode(), "sha": encode.sha256(raw), "faults": []}


def list_others(faults: list[Any]) -> list[Any]:
    """Return the faults that are not of TOML itself, whose words are the reader's."""
    return [fault for fault in faults if not fault[2].startswith(SYNTAX)]


def test_own_files_give_the_same_bytes_and_faults_as_on_the_host(
    visit: Callable[..., Page],
) -> None:
    good = EXAMPLES + GOODS
    found = visit().evaluate(COMPILE, good + BADS + BROKEN)
    for text, theirs in zip(good, found, strict=False):
        assert theirs == compile_here(text), text
        assert theirs["sha"]
    broken = found[len(good + BADS) :]
    assert all(one["faults"] and not one["sha"] for one in broken), broken
    for text, theirs in zip(BADS, found[len(good) :], strict=False):
        mine = compile_here(text)
        assert mine["faults"], text
        assert theirs["faults"], text
        assert list_others(theirs["faults"]) == list_others(mine["faults"]), text
        if len(list_others(mine["faults"])) < len(mine["faults"]):  # TOML: at least the same line
            assert theirs["faults"][0][0] == mine["faults"][0][0], text
