"""Tries the protocol file's loader, and the way back from a wrap's bytes: any text, any faults, no
exception but the documented ones."""

from __future__ import annotations

from pathlib import Path

from pbmwrap.errors import InvalidFile
from pbmwrap.protocols import board, encode
from pbmwrap.protocols.load import LoadResult, loads
from tests.fuzz import odd
from tests.fuzz.targets import protocol as rules_target
from wrap.rules import protocol as rules

EXAMPLE = (Path(encode.__file__).parent / "examples" / "minor-injury.toml").read_text()
LINES = EXAMPLE.splitlines()
VALUES = (
    *("0", "-1", "1", "0.1", "1e999999999", "1e-99", "inf", "-inf", "nan", "9" * 40, "0x10"),
    *('""', "''", '"a"', '"""a', '"é"', '"\\u0000"', "true", "false", "1979-05-27", "07:32:00"),
    *("[]", "{}", "[1, 2]", "[[[[]]]]", "{ a = 1 }", '{ intensity = 50, mode = "pulsed" }'),
    *("{ intensity = 5e1 }", '"pulsed"', '"continuous"', "660", "99.95", "[" * 60, "= =", ""),
)
NAMES = (
    *("schema", "id", "name", "site", "dose_j_cm2", "skin_trip_c", "ramp_s", "cautions", "step"),
    *("photosensitivity_confirmed", "evidence", "evidence.grade", "duration_s", "red", "nir"),
    *("red.intensity", "nir.frequency_hz", "nir.on_fraction", "nir.mode", "uv.intensity", '""'),
)
HEADS = ("[[step]]", "[step]", "[evidence]", "[step.red]", "[a.b]", "[[evidence]]", "[", "[]")


def _line(src: odd.Choices) -> str:
    kind = src.below(8)
    if kind == 0:
        return src.of(HEADS)
    if kind == 1:
        return src.some(src.below(24)).decode("utf-8", "replace")
    return f"{src.of(NAMES)} = {src.of(VALUES)}"


def _text(src: odd.Choices) -> str:
    """Return the example with lines replaced, put in and taken out, or any text."""
    if src.below(4) == 0:
        return src.rest().decode("utf-8", "replace")
    lines = list(LINES)
    for _ in range(1 + src.below(4)):
        at = src.byte() % len(lines)
        old = lines[at].split("=")[0]
        way = src.below(4)
        new = [f"{old}= {src.of(VALUES)}"] if way == 0 else [_line(src)] if way < 3 else []
        lines[at : at + src.below(3)] = new
        lines = lines or [""]
    return "\n".join(lines)


def _judged(result: LoadResult, text: str) -> None:
    if result.protocol is None:
        assert result.faults
        for fault in result.faults:
            assert 1 <= fault.line <= text.count("\n") + 1 and "\n" not in fault.key
        try:
            result.require()
        except InvalidFile as error:
            listed = len(result.faults) if len(result.faults) > 1 else 0  # one is in the message
            assert len(error.problems) == listed
        return
    assert not result.faults
    raw = encode.canonical(result.protocol)
    assert not rules.find_problems(rules.parse(raw), board.map_wavelengths())
    assert encode.canonical(encode.from_canonical(raw, board.map_wavelengths())) == raw


def one(data: bytes) -> None:
    src = odd.Choices(data)
    if src.below(4) == 3:
        raw = rules_target.raw_of(src)
        try:
            encode.from_canonical(raw, board.map_wavelengths())
        except ValueError:
            return
        return
    text = _text(src)
    _judged(loads(text), text)
