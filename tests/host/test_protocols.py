"""Protocol files: every fault of a file at once, at its line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbmwrap.errors import InvalidFile
from pbmwrap.protocols import encode
from pbmwrap.protocols.load import load, loads
from pbmwrap.protocols.locate import key_lines
from tests.protocol_texts import FAULTS, GOOD, ODD, ROUNDED, SITES
from wrap.rules import limits

CHANNELS = {"red": 660, "nir": 850}


def faults(text: str) -> list[tuple[int, str, str]]:
    return [(f.line, f.key, f.reason) for f in loads(text, CHANNELS).faults]


def broken(old: str, new: str) -> list[tuple[int, str, str]]:
    assert GOOD.count(old) == 1
    return faults(GOOD.replace(old, new))


def test_a_good_file_becomes_the_device_object():
    raw = encode.canonical(loads(GOOD, CHANNELS).require())
    assert raw == (
        b'{"dose":6000,"flicker_ok":true,"grade":"weak","id":"foot-evening",'
        b'"name":"Foot, evening","ramp":2000,"site":"foot-left",'
        b'"steps":[{"ch":{"nir":[800,40,500],"red":[501]},"t":600}],"trip":40500,"v":1}'
    )
    assert len(encode.sha256(raw)) == 64


def test_what_is_left_out_becomes_the_strict_default():
    text = 'schema=1\nid="a"\nname="A"\nsite="b"\n[[step]]\nduration_s=60\nnir.intensity=1\n'
    obj = json.loads(encode.canonical(loads(text, CHANNELS).require()))
    assert (obj["dose"], obj["flicker_ok"], obj["grade"]) == (0, False, "")
    assert (obj["trip"], obj["ramp"]) == (limits.SKIN_TRIP_MC, limits.RAMP_UP_MS)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    FAULTS,
)
def test_each_fault_has_its_line_key_and_reason(old, new, fault):
    found = broken(old, new)
    line, key, reason = fault
    assert [f for f in found if f[:2] == (line, key) and f[2].startswith(reason)], found
    assert len(found) == (2 if key == "nam" else 1)  # a misspelt key is also missing


@pytest.mark.parametrize(
    ("old", "new", "step"),
    ROUNDED,
)
def test_what_would_be_rounded_is_a_fault(old, new, step):
    ((_, _, reason),) = broken(old, new)
    assert reason == f"must be a multiple of {step}, {new.strip('= ').strip()} is not"


def test_pulsing_keys_and_mode_belong_together():
    assert broken('mode = "pulsed"\n', "") == [
        (
            23,
            "step[1].nir.frequency_hz",
            'requires mode = "pulsed"; remove it for continuous light',
        ),
        (24, "step[1].nir.on_fraction", 'requires mode = "pulsed"; remove it for continuous light'),
    ]
    assert broken("frequency_hz = 40\n", "") == [
        (21, "step[1].nir.frequency_hz", 'is missing: mode = "pulsed" requires it')
    ]


def test_misspelt_keys_in_steps_are_explained():
    assert broken("intensity = 50.1", "intensty = 50.1") == [
        (19, "step[1].red.intensity", "is missing"),
        (20, "step[1].red.intensty", "is not known; did you mean intensity?"),
    ]
    assert broken("duration_s", "duration") == [
        (17, "step[1].duration_s", "is missing"),
        (
            18,
            "step[1].duration",
            "is not known: a step has duration_s and one table per channel; "
            "did you mean duration_s?",
        ),
    ]
    assert broken("id =", "colour = 1\nid =") == [(2, "colour", "is not known")]


def test_tables_and_lists_of_the_wrong_kind_are_faults():
    text = 'schema=1\nid="a"\nname="A"\nsite="b"\ncautions=4\nevidence=5\nstep=[1]\n'
    assert faults(text) == [
        (5, "cautions", "must be a list"),
        (6, "evidence", "must be a table"),
        (7, "step[1]", "must be a table"),
    ]


def test_visible_slow_pulses_need_the_confirmation():
    text = GOOD.replace("[step.red]\nintensity = 50.1\n[step.nir]", "[step.red]")
    assert faults(text) == []
    ((line, key, reason),) = faults(text.replace("= true", "= false"))
    assert (line, key) == (22, "step[1].red.frequency_hz")
    assert reason == "visible light at 3-60 Hz needs the photosensitivity confirmation"


@pytest.mark.parametrize("name", ["a.b", "a[1]", "u[0].ch.v"])
def test_a_channel_is_named_whatever_its_name(name):
    text = GOOD.replace("[step.nir]", f'[step."{name}"]')
    reason = "is not a channel of this wrap (it has nir, red)"
    assert faults(text) == [(21, f"step[1].{name}", reason)]


def test_only_missing_keys_are_ignored_where_a_line_cannot_be_read():
    text = GOOD.replace('id = "foot-evening"', "id = foot").replace("frequency_hz = 40\n", "")
    assert [(line, key) for line, key, _ in faults(text)] == [(2, "")]
    assert [(line, key) for line, key, _ in faults(text.replace("50.1", "101"))] == [
        (2, ""),
        (20, "step[1].red.intensity"),
    ]


def test_steps_together_may_not_last_longer_than_a_session():
    text = GOOD + "[[step]]\nduration_s = 601\nred = {intensity = 1}\n"
    assert faults(text) == [(17, "step", "take 1201 s together, at most 1200 s are allowed")]


def test_too_many_bytes_for_the_wrap_are_a_fault():
    step = "[[step]]\nduration_s = 1\n"
    names = {f"channel-with-a-long-name-{n:02d}": 850 for n in range(8)}
    step += "".join(
        f'{n}={{intensity=100,mode="pulsed",frequency_hz=5000,on_fraction=1}}\n' for n in names
    )
    head = 'schema=1\nid="a"\nname="A"\nsite="b"\n'
    found = loads(head + step * 16, names).faults
    assert [f.reason for f in found] == ["is longer than 2048 bytes on the wrap; use fewer steps"]


@given(st.sets(st.sampled_from(sorted(SITES))))
def test_the_list_of_faults_is_complete_and_has_nothing_more(chosen):
    text = GOOD
    for old in chosen:
        text = text.replace(old, SITES[old][0], 1)
    lines = {SITES[old][1]: GOOD[: GOOD.index(old)].count("\n") + 1 for old in chosen}
    assert {key: line for line, key, _ in faults(text)} == lines


def test_syntax_faults_do_not_hide_each_other_or_the_rest():
    text = GOOD.replace('name = "Foot, evening"', "name = Foot").replace("50.1", "50.15")
    text = text.replace('site = "foot-left"', 'site : "foot-left"')
    assert [(line, key) for line, key, _ in faults(text)] == [
        (3, ""),
        (4, ""),
        (20, "step[1].red.intensity"),
    ]


def test_a_broken_header_keeps_its_keys_to_itself():
    assert [f[0] for f in faults(GOOD.replace("[evidence]", "[evidence"))] == [10]


@pytest.mark.parametrize(
    "text",
    ODD,
)
def test_no_text_makes_the_check_raise(text):
    assert loads(text, CHANNELS).faults


@given(st.text(alphabet="[]{}=.\"'#\n ab1\\,", max_size=60))
def test_noise_never_makes_the_check_raise(text):
    assert loads(text, CHANNELS).faults


def test_windows_line_ends_change_nothing():
    good = loads(GOOD, CHANNELS).require()
    assert loads(GOOD.replace("\n", "\r\n"), CHANNELS).require() == good
    assert broken("50.1\n", "50.15\n") == faults(
        GOOD.replace("50.1\n", "50.15\n").replace("\n", "\r\n")
    )


def test_keys_are_located_whatever_way_they_are_written():
    text = 'a.b = 1\nc = {d = {e = 2}}\n[f]\n"g h" = """\n[x]\n"""\n'
    text += "[[i]]\nj = [\n 1]\n[[i.k]]\n[[i]]\nl = 1\n"
    lines = key_lines(text)
    expected = {("a", "b"): 1, ("c", "d", "e"): 2, ("f",): 3, ("f", "g h"): 4, ("i", 0): 7}
    expected |= {("i", 0, "j"): 8, ("i", 0, "k", 0): 10, ("i", 1): 11, ("i", 1, "l"): 12}
    assert {path: lines[path] for path in expected} == expected


def test_files_that_cannot_be_read_are_reported_in_one_line(tmp_path: Path):
    with pytest.raises(InvalidFile, match="cannot be read: No such file"):
        load(tmp_path / "none.toml")
    bad = tmp_path / "bad.toml"
    bad.write_bytes(b"schema = 1\nid = '\xff'\n")
    assert [str(f) for f in load(bad).faults] == ["line 2: is not UTF-8 text"]
    bad.write_text(GOOD, encoding="utf-16")
    reason = "line 1: is UTF-16 text; save it as UTF-8"
    assert [str(f) for f in load(bad).faults] == [reason]
    bad.write_bytes(b"#" * 70000)
    assert [f.reason for f in load(bad).faults] == ["is far too long for a protocol"]


def test_a_byte_order_mark_and_windows_line_ends_change_nothing(tmp_path: Path):
    path = tmp_path / "windows.toml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert load(path, CHANNELS).require() == loads(GOOD, CHANNELS).require()
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("50.1", "101").encode())
    assert [f.line for f in load(path, CHANNELS).faults] == [20]


def test_require_raises_with_every_fault(tmp_path: Path):
    path = tmp_path / "two.toml"
    path.write_text(GOOD.replace("50.1", "101").replace("6.0", "61"))
    with pytest.raises(InvalidFile) as caught:
        load(path).require()
    assert caught.value.problems == (
        f"{path}: line 5: dose_j_cm2 must be from 0 to 60 J/cm2",
        f"{path}: line 20: step[1].red.intensity must be from 0 to 100 %",
    )
    assert caught.value.message == f"2 faults in {path}"


def test_a_single_fault_is_the_message_and_not_listed_again(tmp_path: Path):
    path = tmp_path / "one.toml"
    path.write_text(GOOD.replace("50.1", "101"))
    with pytest.raises(InvalidFile) as caught:
        load(path).require()
    where = f"{path}: line 20: step[1].red.intensity must be from 0 to 100 %"
    assert (caught.value.message, caught.value.problems) == (where, ())
