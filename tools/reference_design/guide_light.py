"""The guide's tables of light and of the heat that comes with it."""

from __future__ import annotations

from tools.reference_design import cutoff, design, heat, irradiance, parts
from tools.reference_design.guide_text import format_table

_RP2040 = "PBMWRAP_RP2040"
_DOSES_J_CM2 = (1, 2, 4, 6)


def light_table() -> str:
    """Irradiance by area."""
    facts = parts.facts_of(_RP2040)
    rows = []
    for area in parts.AREAS_CM2:
        spacing = [irradiance.spacing_cm(design.count_leds(k), area) for k in parts.STRINGS]
        each = [design.even_mw_cm2(k, area) for k in parts.STRINGS]
        quiet = heat.quiet_permille(facts, area) / 1000 / design.supply_share(facts)
        rows.append(
            (
                f"{area}",
                " / ".join(f"{s:.1f}" for s in spacing),
                " / ".join(f"{e:.1f}" for e in each),
                f"{design.both_mw_cm2(facts, area):.1f}",
                f"{design.both_mw_cm2(facts, area) * quiet:.1f}",
            )
        )
    head = ("area cm2", "spacing cm, red / nir", "alone at full duty, mW/cm2, red / nir", "both, at the supply's limit", "both, undisturbed for 20 minutes")  # fmt: skip
    return format_table(head, rows)


def target_table() -> str:
    """What one channel takes for an irradiance, and how long the stand-in bears it."""
    facts = parts.facts_of(_RP2040)
    rows = []
    for wanted in parts.TARGETS_MW_CM2:
        dense = [design.leds_per_cm2(k, wanted) for k in parts.STRINGS]
        power = [d * design.led_electric_mw(k) for d, k in zip(dense, parts.STRINGS, strict=True)]
        first = [heat.seconds_to_dim(facts, heat.area_of(facts, p)) for p in power]
        rows.append(
            (
                f"{wanted}",
                " / ".join(f"{100 * d:.0f}" for d in dense),
                " / ".join(f"{d**-0.5:.2f}" for d in dense),
                " / ".join(f"{p:.0f}" for p in power),
                " / ".join(_format_minutes(s) for s in first),
            )
        )
    head = ("one channel, mW/cm2", "LEDs on 100 cm2, red / nir", "spacing cm", "power mW/cm2", "dims after, min")  # fmt: skip
    return format_table(head, rows)


def warmth_table() -> str:
    """What the stand-in says of the heat by area."""
    facts = parts.facts_of(_RP2040)
    middle, latest = parts.CUTOFF_C, parts.CUTOFF_LATEST_C
    rows = []
    for area in parts.AREAS_CM2:
        dim = [heat.seconds_to_dim(facts, area, covered=c) for c in (False, True)]
        cut = [heat.seconds_to_open(facts, area, middle, covered=c) for c in (False, True)]
        quiet = [heat.quiet_permille(facts, area, covered=c) for c in (False, True)]
        stuck = cutoff.find_worst_case(facts, cutoff.FULL_POWER, [cutoff.CHOSEN], area)[
            cutoff.CHOSEN
        ]
        rows.append(
            (
                f"{area}",
                f"{design.electric_mw_cm2(facts, area):.0f}",
                " / ".join(_format_minutes(s) for s in dim),
                " / ".join(_format_minutes(s) for s in cut),
                f"{quiet[0] / 10:.0f} / {quiet[1] / 10:.0f} %",
                f"{stuck.skin_c:.1f} C",
            )
        )
    head = ("area cm2", "power mW/cm2", "dims after, min", f"S1 of {middle:g} C opens after, min", "undisturbed duty", f"lamps stuck on: hottest skin, S1 at {latest:g} C")  # fmt: skip
    return format_table(head, rows)


def blind_power_table() -> str:
    """What the wrap gives before a heat test is recorded, and after."""
    facts = parts.facts_of(_RP2040)
    area = parts.REFERENCE_CM2
    red, nir = parts.STRINGS
    least = design.blind_share(facts)
    most = design.supply_share(facts)
    shares = [(least, "no heat test"), (0.5, "heat test of 50 %"), (most, "the supply's limit")]
    rows = []
    for share, why in shares:
        for lit in ([red], [nir], [red, nir]):
            mw_cm2 = design.shared_mw_cm2(facts, lit, area, share)
            rows.append(
                (
                    f"{why}, {100 * share:.0f} %",
                    " and ".join(kind.channel for kind in lit),
                    f"{mw_cm2:.1f}",
                    f"{mw_cm2 * heat.SESSION_S / 1000:.1f}",
                    " / ".join(_dose_minutes(dose, mw_cm2) for dose in _DOSES_J_CM2),
                )
            )
    doses = " / ".join(f"{dose}" for dose in _DOSES_J_CM2)
    return format_table(("power allowed, of full power", "lit", "mW/cm2", "J/cm2 in 20 min", f"minutes to {doses} J/cm2"), rows)  # fmt: skip


def _dose_minutes(j_cm2: int, mw_cm2: float) -> str:
    minutes = 1000 * j_cm2 / mw_cm2 / 60
    return f"{minutes:.0f}" if 60 * minutes <= heat.SESSION_S else "-"


def _format_minutes(seconds: int | None) -> str:
    return "never" if seconds is None else f"{seconds / 60:.1f}"


def unevenness_table() -> str:
    """Unevenness of a square grid of bare LEDs."""
    rows = []
    for ratio in (1.0, 1.25, 1.5, 2.0, 3.0):
        dark, bright = irradiance.extreme_irradiances(ratio)
        rows.append(
            (
                f"{ratio:g}",
                f"{100 * dark:.0f} %",
                f"{100 * bright:.0f} %",
                f"+-{100 * irradiance.unevenness(ratio):.0f} %",
            )
        )
    return format_table(
        ("spacing / distance", "darkest spot, of the mean", "brightest", "unevenness"), rows
    )


def spacing_table() -> str:
    """The widest spacing for an unevenness, and what distance the areas want."""
    rows = []
    for allowed in (0.05, 0.10, 0.20):
        ratio = irradiance.widest_ratio(allowed)
        wanted = [
            max(irradiance.spacing_cm(design.count_leds(k), a) for k in parts.STRINGS) / ratio
            for a in parts.AREAS_CM2
        ]
        rows.append(
            (
                f"+-{100 * allowed:.0f} %",
                f"{ratio:.2f} x distance",
                *(f"{w:.1f} cm" for w in wanted),
            )
        )
    head = ("unevenness", "spacing at most", *(f"distance, {a} cm2" for a in parts.AREAS_CM2))
    return format_table(head, rows)


def brightest_spot_table() -> str:
    """The brightest spot of bare LEDs against the boards' worst case."""
    facts = parts.facts_of(_RP2040)
    rows = []
    for distance in parts.DISTANCES_CM:
        cells = []
        for number, kind in enumerate(parts.STRINGS):
            most = max(design.brightest_mw_cm2(kind, a, distance) for a in parts.AREAS_CM2)
            cells.append(f"{most:.0f} (stated {facts.CHANNELS[number][4] / 1000:.0f})")
        rows.append((f"{distance:g} cm", *cells))
    return format_table(("LEDs to cover", *(f"{k.channel}, mW/cm2" for k in parts.STRINGS)), rows)
