"""The console of a served twin: one-line commands in, one line of answer out."""

from __future__ import annotations

import re

from pbmwrap.errors import InvalidFile
from pbmwrap.facts import by_role
from pbmwrap.twin.base import Twin
from pbmwrap.twin.scenario import Player

HELP = (
    "press | long | double | cover on|off | ambient C | contact 0..1 | blood 0..5 | "
    "sensor NAME open|short|stuck|none | sensor NAME offset K | power off|on|cycle | "
    "reset watchdog|pin | skip 30s|90m|12h|1d | status | help | quit"
)
SKIP_MOST_S = 30 * 86400
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_SWITCH = {"on": True, "off": False}
_FIGURES = {"ambient": "ambient_c", "contact": "contact", "blood": "blood_flow"}


def obey(line: str, player: Player) -> str:
    """Run the command `line` on the twin. Returns one line; a hint for an unknown command."""
    match line.split():
        case []:
            return ""
        case ["help"]:
            return HELP
        case ["status"]:
            return status(player)
        case ["press"]:
            return _do(player, line, press="short")
        case ["long" | "double" as kind]:
            return _do(player, line, press=kind)
        case ["cover", "on" | "off" as state]:
            return _do(player, line, cover=_SWITCH[state])
        case ["ambient" | "contact" | "blood" as name, figure]:
            return _do(player, line, **{_FIGURES[name]: _number(figure)})
        case ["sensor", name, "offset", figure]:
            sensor = {"name": name, "fault": "offset", "offset_k": _number(figure)}
            return _do(player, line, sensor=sensor)
        case ["sensor", name, fault]:
            return _do(player, line, sensor={"name": name, "fault": fault})
        case ["power", state]:
            return _do(player, line, power=state)
        case ["skip", span]:
            return _skip(player, span)
        case ["reset", kind]:
            return _do(player, line, reset=kind)
    return f"unknown command {line.strip()!r}; commands: {HELP}"


def _skip(player: Player, span: str) -> str:
    """Skip the time `span` ("90m"). For a twin that cannot skip, return how to do it."""
    found = re.fullmatch(r"(\d{1,7}(?:\.\d{1,3})?)([smhd])", span)
    seconds = float(found[1]) * _UNITS_S[found[2]] if found else 0.0
    if not 0 < seconds <= SKIP_MOST_S:
        return f"refused: skip {span}: give a number and s, m, h or d, at most 30d; try: skip 1d"
    if player.twin.kind == "rp2040":
        return "refused: an emulated chip runs every step and cannot skip; use `pbmwrap sim`"
    player.skip_ms(round(seconds * 1000))
    return f"{player.now_ms / 1000:.1f} s: skipped {span}"


def _number(text: str) -> float | str:
    """Return a number, or the text as it is, which the scenario's check then names."""
    try:
        return float(text)
    except ValueError:
        return text


def _do(player: Player, line: str, **action: object) -> str:
    try:
        player.happen(**action)
    except InvalidFile as problem:
        reasons = "; ".join(p.removeprefix("event[0].") for p in problem.problems)
        return f"not possible: {reasons}; type help for the commands"
    return f"{player.now_ms / 1000:.1f} s: {' '.join(line.split())}"


def status(player: Player) -> str:
    """Return one line of at most 80 columns: time, lamps at the pins, temperatures by role, ambient
    temperature, and unusual conditions behind them."""
    twin = player.twin
    plant = twin.plant
    light = "dark" if twin.dark() else f"lit {_percent(twin)} %"
    temps = [f"{plant.sensor_c(i):.1f}" for i in range(len(plant.sensor_names))]
    line = (
        f"{player.now_ms / 1000:.1f} s: {light}, {by_role(plant.sensor_roles, temps)} C, "
        f"room {plant.params.ambient_c:g} C"
    )
    unusual = {
        "no power": not player.powered,
        "covered": plant.params.covered,
        "enable on": twin.dark() and twin.enabled(),
        "indicator on": twin.indicator(),
        "buzzer on": twin.buzzing(),
    }
    return ", ".join([line, *(words for words, true in unusual.items() if true)])


def _percent(twin: Twin) -> str:
    return " ".join(f"{lamp.on_ppm / 10000:.1f}" for lamp in twin.lamps())
