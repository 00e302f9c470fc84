"""Small dictionaries and settings that survive power: old or new, never anything between."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

import board_facts
from tests.unit.conftest import DEFAULTS, MemFiles, PowerCut
from wrap.errors import BAD_PARAM, Refused
from wrap.storage.atomic_store import Store, seal
from wrap.storage.settings import BOUNDS, Settings

BREAKS = list(itertools.product([1, 2], [OSError(5), PowerCut()], [0, 0.5, 1]))


def settings(files):
    return Settings(files, board_facts.CHANNELS)


def test_what_was_put_is_there_after_power(files):
    store = Store(files, "s")
    for n in range(5):
        store.put({"n": n})
        assert Store(files, "s").value == store.value == {"n": n}
    assert sorted(files.names()) == ["s.a", "s.b"]


@pytest.mark.parametrize("puts", [0, 1, 2, 3])
@pytest.mark.parametrize("op,error,torn", BREAKS)
def test_a_broken_put_leaves_the_old_value(puts, op, error, torn):
    files = MemFiles()
    store = Store(files, "s")
    for n in range(puts):
        store.put({"n": n})
    old = store.value
    files.break_at, files.error, files.torn = files.ops + op, error, torn
    with pytest.raises(type(error)):
        store.put({"n": 99})
    assert store.value == old == Store(files, "s").value
    assert not Store(files, "s").damaged
    store.put({"n": 100})
    assert Store(files, "s").value == {"n": 100}


@given(st.integers(0, 60), st.integers(1, 255))
def test_a_damaged_file_is_reported_and_the_other_one_counts(at, flip):
    files = MemFiles()
    store = Store(files, "s")
    store.put({"n": 1})
    store.put({"n": 2})
    raw = bytearray(files.data["s.a"])
    raw[at % len(raw)] ^= flip
    files.data["s.a"] = bytes(raw)
    again = Store(files, "s")
    assert (again.value, again.damaged) == ({"n": 1}, True)


@pytest.mark.parametrize("raw", [b"", b"1234567", b"00000000{}", b"x" * 40])
def test_rubbish_counts_as_empty(files, raw):
    files.data["s.a"] = raw
    store = Store(files, "s")
    assert (store.value, store.damaged) == ({}, True)


@pytest.mark.parametrize("body", [b"[]", b"{", b"{}", b'{"g":1}', b'{"g":1,"v":3}', b'{"g":[]}'])
def test_a_true_checksum_over_the_wrong_thing_counts_as_damage(files, body):
    from binascii import crc32

    files.data["s.b"] = b"%08x%s" % (crc32(body), body)
    store = Store(files, "s")
    assert (store.value, store.damaged) == ({}, True)


def test_settings_are_the_defaults_until_they_are_set(files):
    assert settings(files).all() == DEFAULTS
    assert settings(files).set("time_s", 600) == {"time_s": 600}
    settings(files).set("trip_mc", 40000)
    assert settings(files).all() == {**DEFAULTS, "trip_mc": 40000, "time_s": 600}
    assert settings(files).damaged() == settings(files).unconfirmed() == []


@pytest.mark.parametrize("key", sorted(BOUNDS))
def test_settings_may_be_stricter_and_never_laxer(files, key):
    kept = settings(files)
    low, high = BOUNDS[key]
    for value in (low, high):
        assert kept.set(key, value) == {key: value}
    for value in (low - 1, high + 1, True, None, "1", 1.5, [low]):
        with pytest.raises(Refused) as refused:
            kept.set(key, value)
        assert refused.value.args == (
            BAD_PARAM,
            f"{key} must be a whole number from {low} to {high}",
        )
    assert settings(files).get(key) == high


def test_unknown_settings_are_refused(files):
    known = "answer_s, cap_mj, light_day_s, site_week, time_s, trip_mc, wake_s"
    with pytest.raises(Refused, match="the setting must be one of " + known):
        settings(files).set("skin", 1)


@pytest.mark.parametrize("value", [41001, 35999, -1, True, None, "40000", 40000.5, {}])
def test_a_stored_setting_out_of_bounds_counts_as_the_default(files, value):
    files.data["settings.a"] = seal(1, {"trip_mc": value})
    assert settings(files).get("trip_mc") == 41000


@pytest.mark.parametrize("name", ["settings.a", "cal.b", "heat.a"])
def test_a_damaged_settings_file_is_reported_by_its_store(files, name):
    files.data[name] = b"half"
    assert settings(files).damaged() == settings(files).unconfirmed() == [name[:-2]]


def test_calibrations_are_kept_per_channel_and_can_be_removed(files):
    kept = settings(files)
    assert (kept.calibrations(), kept.calibrated()) == ([None, None], False)
    kept.calibrate("red", 50000, 100, 20261101, "meter")
    cal = {"uw": 50000, "unc_pm": 100, "date": 20261101, "how": "meter"}
    assert settings(files).calibrations() == [cal, None]
    assert not settings(files).calibrated()
    kept.calibrate("nir", 70001, 33, 20261101, "meter")
    assert settings(files).calibrated()
    assert settings(files).irradiance() == [(50000, 55000), (70001, 72311)]
    kept.calibrate("red", 0, 0, 0, "")
    kept.calibrate("red", 0, 0, 0, "")
    assert settings(files).irradiance() == [(60000, 60000), (70001, 72311)]


def test_only_channels_of_this_board_can_be_calibrated(files):
    for uw in (0, 50000):
        with pytest.raises(Refused, match="the channel must be one of red, nir"):
            settings(files).calibrate("uv", uw, 100, 20261101, "")


@pytest.mark.parametrize("name,least,worst", [("red", 1500, 60000), ("nir", 2000, 80000)])
def test_a_calibration_is_bounded_by_the_stated_worst_case(files, name, least, worst):  # H-53
    kept = settings(files)
    for uw in (least, 200000):
        kept.calibrate(name, uw, 100, 20261101, "")
        assert uw in [cal and cal["uw"] for cal in settings(files).calibrations()]
    for uw in (1, least - 1, 200001, -1):
        with pytest.raises(Refused) as refused:
            kept.calibrate(name, uw, 100, 20261101, "")
        assert refused.value.args == (
            BAD_PARAM,
            f"uw must be from {least} to 200000 (the board's stated worst case for {name} is "
            f"{worst}), or 0 to remove",
        )
    assert 200000 in [cal and cal["uw"] for cal in settings(files).calibrations()]


def test_a_calibration_needs_an_uncertainty(files):
    kept = settings(files)
    for unc_pm in (30, 500):
        kept.calibrate("red", 50000, unc_pm, 20261101, "")
    for unc_pm in (0, 29, 501):
        with pytest.raises(Refused) as refused:
            kept.calibrate("red", 50000, unc_pm, 20261101, "")
        assert refused.value.args == (BAD_PARAM, "unc_pm must be a whole number from 30 to 500")
    assert settings(files).irradiance()[0] == (50000, 75000)


@pytest.mark.parametrize("uw,unc_pm,void", [
    (1499, 100, True), (1500, 30, False), (200000, 500, False), (200001, 100, True),
    (50000, 29, True), (50000, 0, True), (50000, 501, True),
])  # fmt: skip
def test_a_stored_calibration_beyond_its_bounds_counts_as_none_and_is_reported(
    files, uw, unc_pm, void
):
    cal = {"uw": uw, "unc_pm": unc_pm, "date": 20261101, "how": ""}
    files.data["cal.a"] = seal(1, {"red": cal, "uv": cal})
    kept = settings(files)
    assert (kept.void(), kept.calibrations()) == (
        ["red"] if void else [],
        [None if void else cal, None],
    )
    kept.calibrate("red", 0, 0, 0, "")
    assert settings(files).void() == []
