"""The arithmetic behind docs/build-a-wrap.md: against laws it does not use, and against limits."""

from __future__ import annotations

import dataclasses

import pytest

from tools.reference_design import design, heat, irradiance, parts
from tools.reference_design.guide_text import format_table
from wrap.rules import limits

PICO = parts.facts_of("PBMWRAP_RP2040")
ESP32S = [parts.facts_of(b) for b in parts.BOARDS if "ESP32" in b]
CORNERS = (design.LEAST, design.NOMINAL, design.MOST)


@pytest.mark.parametrize("corner", CORNERS)
@pytest.mark.parametrize("lit", [parts.STRINGS, parts.STRINGS[:1]])
def test_voltages_around_every_loop_add_up_to_the_supply(lit, corner) -> None:
    amps = [ma / 1000 for ma in design.channel_ma(lit, corner)]
    for kind, amp in zip(lit, amps, strict=True):
        around = (
            sum(amps) * design.path_ohm()
            + corner.leds_v(kind)
            + amp / kind.strings * corner.string_ohm(kind)
            + amp * parts.LAMP_FET_OHM
        )
        assert around == pytest.approx(corner.supply_v)


def test_the_strings_are_those_of_the_boards_facts() -> None:
    for facts in (PICO, *ESP32S):
        assert len(facts.CHANNELS) == len(parts.STRINGS)
        for channel, kind in zip(facts.CHANNELS, parts.STRINGS, strict=True):
            assert channel[:2] == (kind.channel, kind.nm)
            assert design.alone_ma(kind) == pytest.approx(channel[3], rel=0.05)


def test_the_worst_corner_stays_within_what_the_heat_balance_allows() -> None:
    """Beyond it a good wrap would report `lamp-stuck`."""
    for channel, kind in zip(PICO.CHANNELS, parts.STRINGS, strict=True):
        written = channel[3] * parts.SUPPLY_V * 0.81  # mW; wrap/safety/thermal.py, _HEAT_PM
        given = design.alone_ma(kind, design.MOST) * design.MOST.supply_v * 0.81
        assert given < written * (1000 + limits.HEAT_SPARE_PM) / 1000 + limits.HEAT_SPARE_MW


def test_supply_fuse_and_resistors_bear_the_worst_corner() -> None:
    worst = design.peak_a(design.MOST)
    assert worst < 0.8 * parts.SUPPLY_A
    assert worst <= design.fuse_a() * parts.FUSE_LOAD
    for kind in parts.STRINGS:
        assert design.resistor_w(kind, design.MOST) < 0.5 * 0.7  # 1/2 W, at seven tenths


def test_power_given_is_power_taken() -> None:
    kind = parts.STRINGS[0]
    amp = design.alone_ma(kind) / 1000
    path = amp * amp * (design.path_ohm() + parts.LAMP_FET_OHM)
    resistors = kind.strings * design.resistor_w(kind)
    leds = amp * design.NOMINAL.leds_v(kind)
    assert path + resistors + leds == pytest.approx(amp * parts.SUPPLY_V)
    light = design.count_leds(kind) * design.led_mw(kind) / 1000
    assert light == pytest.approx(leds * kind.efficiency)


def test_one_led_alone_gives_what_a_lambertian_point_gives() -> None:
    """Far apart, right above one: phi / (pi d^2), and a cell's mean is phi / spacing^2."""
    ratio = 20.0
    assert irradiance.relative_irradiance(0, 0, ratio) == pytest.approx(
        ratio**2 / 3.14159265, rel=0.01
    )


@pytest.mark.parametrize("ratio", [0.8, 1.5, 3.0])
def test_light_is_neither_made_nor_lost(ratio: float) -> None:
    steps = [i / 12 for i in range(12)]
    mean = sum(irradiance.relative_irradiance(x, y, ratio) for x in steps for y in steps) / 144
    assert mean == pytest.approx(1.0, rel=0.005)


@pytest.mark.parametrize("allowed", [0.05, 0.1, 0.2])
def test_the_widest_spacing_is_just_within_what_is_allowed(allowed: float) -> None:
    ratio = irradiance.widest_ratio(allowed)
    assert irradiance.unevenness(ratio) <= allowed < irradiance.unevenness(ratio + 0.02)


def test_no_spot_of_these_pads_passes_the_boards_worst_case_from_a_centimetre_on() -> None:
    for facts in (PICO, *ESP32S):
        for channel, kind in zip(facts.CHANNELS, parts.STRINGS, strict=True):
            for area in parts.AREAS_CM2:
                spot = design.brightest_mw_cm2(kind, area, min(parts.DISTANCES_CM))
                assert 1000 * spot < channel[4]


def test_codes_are_the_firmwares_and_far_from_the_steps_where_light_is_decided() -> None:
    for celsius in range(35, 46):
        code = design.convert_to_code12(PICO, celsius)
        assert design.code_celsius(PICO, code) == pytest.approx(celsius, abs=0.05)
        assert code == pytest.approx(4095 * design.divider_share(PICO, celsius), abs=5)
        assert design.step_away(code) > 250
    usual = parts.Facts(**{**vars(PICO), "PULLUP_OHM": 10_000})
    assert design.step_away(design.convert_to_code12(usual, 37)) < 10


def test_an_esp32_reads_within_its_converters_range() -> None:
    for facts in ESP32S:
        for celsius in (5, 100):
            assert 150 < 3300 * design.divider_share(facts, celsius) < 2450


def test_pull_ups_on_the_wrong_supply_read_too_cold() -> None:
    assert 0.3 < design.wrong_pull_up_k(PICO, 41) < 0.6


def test_gates_are_within_their_limits() -> None:
    most = design.enable_vgs_v(design.MOST.supply_v)
    least = design.enable_vgs_v(design.LEAST.supply_v)
    assert parts.P_FET_FULL_V < least < most < parts.P_FET_LIMIT_V
    assert design.gate_held_v(parts.GATE_DOWN_OHM) < parts.LAMP_FET_VTH_MIN_V
    low, high = parts.SMALL_FET_VTH_V
    assert design.gate_held_v(parts.ENABLE_DOWN_ESP32_OHM) < low
    assert design.rc_to_v_us(high) > 100  # RMT's gap, docs/decisions/0017: some 50 us
    after_us = design.rc_to_v_us(low) + design.enable_off_us()
    assert after_us < 1000 * limits.STEP_MS  # a step later than the pin, at most


def test_a_smaller_pad_is_brighter_and_dims_sooner() -> None:
    sums = [design.both_mw_cm2(PICO, a) for a in parts.AREAS_CM2]
    assert sums == sorted(sums)
    times = [heat.seconds_to_dim(PICO, a) for a in parts.AREAS_CM2]
    assert times[0] is None
    later = [t for t in times if t is not None]
    assert later == sorted(later, reverse=True) and len(later) == len(times) - 1


def test_a_targets_leds_give_the_target() -> None:
    for kind in parts.STRINGS:
        count = round(600 * design.leds_per_cm2(kind, 20))
        given = irradiance.mean_mw_cm2(count, design.led_mw(kind), parts.COUPLING, 600)
        assert given == pytest.approx(20, rel=0.01)
        whole = design.count_leds(kind) * design.led_electric_mw(kind)
        assert whole == pytest.approx(design.alone_ma(kind) * parts.SUPPLY_V)


def test_the_area_of_a_power_has_it() -> None:
    for area in (450, 200):
        power = design.electric_mw_cm2(PICO, area)
        assert heat.area_of(PICO, power) == pytest.approx(area)


@pytest.mark.parametrize("covered", [False, True])
def test_the_undisturbed_duty_is_and_a_little_more_is_not(covered: bool) -> None:
    duty = heat.quiet_permille(PICO, 300, covered=covered)
    full_ma = sum(c[3] for c in PICO.CHANNELS)
    for permille, quiet in ((duty - 5, True), (duty + 10, False)):
        facts = parts.Facts(**{**vars(PICO), "SUPPLY_MA": full_ma * permille / 1000})
        assert (heat.seconds_to_dim(facts, 300, covered=covered) is None) == quiet
        # The lowest S1 never opens before the firmware dims.
        opens = heat.seconds_to_open(facts, 300, parts.CUTOFF_EARLIEST_C, covered=covered)
        assert opens is None


def test_before_a_heat_test_the_lamps_draw_what_the_firmware_allows() -> None:
    """450 mA of 12 V on 600 cm2, whatever is lit; a pad of another area has the same light."""
    assert design.blind_share(PICO) == 0.25
    red, nir = parts.STRINGS
    for lit, duty in (([red], 0.5), ([nir], 0.5), ([red, nir], 0.25)):
        given = design.shared_mw_cm2(PICO, lit, 600, 0.25)
        full = design.shared_mw_cm2(PICO, lit, 600, 1.0)
        assert given == pytest.approx(duty * full)
        half = parts.Facts(**{**vars(PICO), "PAD_CM2": 300})
        share = design.blind_share(half)
        assert design.shared_mw_cm2(half, lit, 300, share) == pytest.approx(given)
    alone = design.shared_mw_cm2(PICO, [red], 600, 1.0)
    assert alone == pytest.approx(design.even_mw_cm2(red, 600))


def test_a_corroded_ground_moves_the_reference_and_the_sensors() -> None:
    """By hand: 1.46 mA through 30 ohm are 44 mV, of which 52 % reach the reference's node."""
    ohm = design.ground_ohm(PICO, round(65520 * 0.044 * 0.523 / 3.3))
    assert ohm == pytest.approx(30, abs=1)
    assert design.too_cold_k(PICO, 41, 0.0) == pytest.approx(0, abs=0.02)
    assert 0.5 < design.too_cold_k(PICO, 41, 30.0) < 0.8


def test_ripple_is_that_of_a_capacitor_that_carries_the_difference() -> None:
    """Half a period of half the peak, into C: dV = I t / C."""
    assert design.ripple_v(1000) == pytest.approx(design.peak_a() / 2 * 0.5e-3 / 1000e-6)
    assert design.bulk_for_uf(1000, design.ripple_v(1000)) == pytest.approx(parts.BULK_UF)


def test_more_leds_in_a_string_hang_more_on_the_supply() -> None:
    four = parts.STRINGS[0]
    five = dataclasses.replace(four, series=5, resistor_ohm=22)
    assert design.corner_share(five) > 2 * design.corner_share(four)


def test_a_table_refuses_a_row_of_another_length() -> None:
    with pytest.raises(ValueError, match="another length"):
        format_table(("a", "b"), [("1",)])
