"""The guided calibration of the page: its steps, its light, and what interrupts it."""

from __future__ import annotations

from typing import Any

import pytest

from pbmwrap.calibration.steps import AWAY_S
from pbmwrap.errors import DeviceError, LinkLost, NoDevice, PortBusy
from pbmwrap.web.calibration_guide import PRESENT_S
from pbmwrap.web.security import Refusal
from tests.calibration.files import hopoocolor
from tests.web.cal_bench import ME, Bench, wants
from tests.web.kit import Site, until

OTHER = "other-browser"


def begun(**answers: str) -> Bench:
    bench = Bench()
    bench.answers |= answers
    bench.guide.begin(ME, False)
    return bench


def lit(**answers: str) -> Bench:
    """A bench at its first reading of red, warmed up."""
    bench = begun(**answers)
    bench.go(wants("reading", "light"))
    return bench


def refuse(bench: Bench, text: str, **more: Any) -> Refusal:
    with pytest.raises(Refusal) as found:
        bench.answer(text, **more)
    return found.value


def test_from_the_meter_to_the_calibration_on_the_wrap() -> None:
    bench = begun()
    seen = bench.go()
    assert (seen["phase"], bench.wrap.lit, bench.shelf.locks) == ("store", None, 0)
    assert bench.wrap.begun == ["red", "nir"]
    red = seen["results"][0]
    assert red["mean"] == pytest.approx(26.25) and red["peak"] > red["evenness"]
    total = sum(one["u_pct"] ** 2 for one in red["budget"]) ** 0.5
    assert red["u_pct"] == pytest.approx(2 * total) and red["refused"] is None
    assert {"meter", "spectral", "angle", "grid", "cover"} <= {c["code"] for c in red["budget"]}
    bench.guide.decide(ME, "red", True)
    seen = bench.guide.decide(ME, "nir", False)
    assert seen["phase"] == "start"
    assert [one["decision"] for one in seen["results"]] == ["stored", "declined"]
    stored = bench.wrap.cal["red"]
    assert stored and stored["peak_pm"] == red["peak_pm"] and bench.wrap.cal["nir"] is None
    page = bench.guide.make_report(bench.port.hello.uid, seen["record"])
    assert "its hash is the one of this record" in page and "Uncertainty budget" in page
    assert "the wrap has no calibration of this channel" in page
    with pytest.raises(Refusal, match="has been decided"):
        bench.guide.decide(ME, "red", True)


def test_a_restarted_server_goes_on_at_the_next_reading() -> None:
    bench = lit()
    bench.answer("24.10")
    again = Bench(bench.shelf, bench.wrap)
    bench.shelf.locks = 0  # the process has ended
    seen = again.look()
    assert (seen["phase"], seen["step"]["kind"], seen["light"]["channel"]) == (
        "measure",
        "light_on",
        None,
    )
    again.light()
    assert again.look()["step"]["seconds"] == 120  # how long it was dark is not known
    seen = again.go(wants("reading", "light"))
    assert seen["step"]["number"] == 2
    assert again.go()["phase"] == "store"


def test_a_pulled_cable_loses_nothing_and_the_light_asks_again() -> None:
    bench = lit()
    bench.answer("24.10")
    bench.wrap.vanish_after = 0
    bench.pass_s(1)
    assert bench.look() == {"wrap": None}
    with pytest.raises(NoDevice):
        bench.guide.answer(ME, "", "1")
    bench.wrap.vanish_after = -1
    bench.wrap.now_s += 30
    bench.port.cable = True
    seen = bench.look()
    assert seen["said"].startswith("the light has ended: ") and "vanished" in seen["said"]
    assert (seen["step"]["kind"], bench.shelf.locks) == ("light_on", 0)
    bench.light()
    assert 30 <= bench.look()["step"]["seconds"] <= 40  # as long as it was dark
    assert bench.go(wants("reading", "light"))["step"]["number"] == 2


def test_a_lost_answer_gives_no_reading() -> None:
    bench = lit()
    turn = bench.look()["turn"]
    bench.wrap.vanish_after = 0
    with pytest.raises(LinkLost):
        bench.guide.answer(ME, turn, "24.10")
    assert bench.shelf.locks == 0
    bench.wrap.vanish_after, bench.port.cable = -1, True
    assert bench.look()["readings"] == 1  # the dark one


def test_the_light_goes_out_when_its_page_is_closed() -> None:
    bench = lit()
    bench.pass_s(int(PRESENT_S), there=False)
    assert bench.wrap.lit == "red"
    bench.pass_s(2, there=False)
    assert (bench.wrap.lit, bench.shelf.locks) == (None, 0)
    assert bench.look()["said"].startswith("the page was closed")


def test_the_light_goes_out_without_an_answer_but_not_while_it_warms_up() -> None:
    bench = begun()
    bench.go(wants("light_on"))
    bench.light()
    bench.pass_s(119 + int(AWAY_S))
    assert bench.wrap.lit == "red"
    bench.pass_s(3)
    assert bench.wrap.lit is None
    assert bench.look()["said"].startswith("no answer for a while")


def test_the_light_goes_out_when_another_browser_takes_over() -> None:
    bench = lit()
    bench.actor = OTHER
    bench.pass_s(1)
    assert bench.wrap.lit is None
    assert bench.look(OTHER)["said"].startswith("another browser has taken over")


def test_any_browser_turns_the_light_off() -> None:
    bench = lit()
    seen = bench.guide.darken(bench.port.hello)
    assert (bench.wrap.lit, seen["step"]["kind"], bench.shelf.locks) == (None, "light_on", 0)


def test_a_light_that_ended_by_itself_takes_no_reading() -> None:
    bench = lit()
    turn = bench.look()["turn"]
    bench.wrap.put_out("worn")
    with pytest.raises(Refusal) as found:
        bench.guide.answer(ME, turn, "24.10")
    assert (found.value.status, found.value.body["error"]["code"]) == (409, "moved_on")
    assert "the light has ended" in found.value.body["error"]["message"]
    assert bench.look()["readings"] == 1


def test_a_second_press_of_enter_is_not_the_next_reading() -> None:
    bench = lit()
    turn = bench.look()["turn"]
    bench.guide.answer(ME, turn, "24.10")
    with pytest.raises(Refusal, match="was not taken"):
        bench.guide.answer(ME, turn, "24.10")
    assert bench.look()["readings"] == 2


def test_no_light_without_the_confirmation() -> None:
    bench = begun()
    seen = bench.go(wants("light_on"))
    with pytest.raises(Refusal, match="until you confirm"):
        bench.guide.light(ME, seen["turn"], False)
    assert bench.wrap.begun == []
    bench.wrap.refuse = "the wrap reads as worn"
    with pytest.raises(DeviceError, match="reads as worn"):
        bench.light()
    assert (bench.shelf.locks, bench.look()["light"]["channel"]) == (0, None)


def test_an_outlier_is_asked_about_and_stays_in_the_record() -> None:
    bench = lit(grid="3x3")
    for n in range(4):
        bench.answer("24.10" if n else "24.11")
        bench.pass_s(4)
    seen = bench.answer("240.1")
    assert (seen["step"]["kind"], seen["step"]["choices"]) == ("question", ["keep", "again"])
    assert bench.wrap.lit == "red" and seen["step"]["typed"] == "240.1"
    seen = bench.answer("again")
    assert seen["step"]["kind"] == "reading"
    (record,) = bench.shelf.kept.values()
    last = record["readings"][-1]
    assert (last["text"], last["replaced"]) == ("240.1", True)
    bench.answer("24.3")
    bench.guide.back(ME)
    (record,) = bench.shelf.kept.values()
    assert [one["text"] for one in record["readings"] if one["replaced"]] == ["240.1", "24.3"]


def test_wrong_answers_are_refused_with_the_reason() -> None:
    bench = begun()
    refusal = refuse(bench, "lux")
    assert refusal.status == 422 and "ageing" in refusal.body["error"]["message"]
    bench.go(wants("field", "grid"))
    options = bench.look()["step"]["options"]
    cost = next(one for one in options if one["value"] == "2x2")
    assert cost == {"value": "2x2", "points": 4, "cost_pct": 6.2, "peak": 1.125}
    bench.go(wants("reading", "light"))
    assert "is not above the dark reading" in refuse(bench, "0.01").body["error"]["message"]
    assert "files are read from a spectrometer only" in str(refuse(bench, "a", file=b"a", name="a"))


def test_a_file_of_a_spectrometer_is_a_reading() -> None:
    bench = lit(meter="spectrometer")
    seen = bench.answer("a.csv", file=hopoocolor(25.0), name="a.csv")
    while seen["step"]["kind"] == "question":
        seen = bench.answer("keep")
    (record,) = bench.shelf.kept.values()
    last = record["readings"][-1]
    assert last["source"].startswith("a.csv (") and last["value"] > 1


def test_beginning_again_gives_up_what_was_begun_and_keeps_its_record() -> None:
    bench = lit()
    old = bench.look()["record"]
    assert bench.guide.begin(ME, False)["record"] == old
    assert bench.wrap.lit == "red"
    seen = bench.guide.begin(ME, True)
    assert (bench.wrap.lit, seen["record"] > old, seen["step"]["key"]) == (None, True, "meter")
    assert set(bench.shelf.kept) == {old, seen["record"]}


def test_the_command_and_the_page_do_not_measure_at_once() -> None:
    bench = begun()
    bench.shelf.taken = True
    with pytest.raises(PortBusy, match="in use by another"):
        bench.answer("silicon")
    assert bench.look()["step"]["key"] == "meter"


# ---- over HTTP, on the simulated wrap


def test_the_simulated_wrap_is_measured_over_http(site: Site) -> None:
    browser = site.browser()
    ask = "/api/calibration/guide"
    assert browser.get(ask).json()["phase"] == "start"
    seen = browser.post(ask, {}).json()
    words = ["silicon", "simulated", "5", "2", "mW/cm2", "9.5", "?", "none", "1x1", "1", "660", "0"]
    for word in words:
        answer = browser.post(f"{ask}/answer", {"turn": seen["turn"], "text": word})
        assert answer.status_code == 200, (word, answer.text)
        seen = answer.json()
    assert seen["step"]["kind"] == "light_on"
    refused = browser.post(f"{ask}/light", {"turn": seen["turn"], "nobody": True})
    assert refused.status_code == 409 and "reads as worn" in refused.json()["error"]["message"]
    assert browser.post(f"{ask}/light", {"turn": seen["turn"]}).status_code == 400
    other = site.browser()
    for path in ("", "/answer", "/light", "/back", "/store"):
        assert other.post(f"{ask}{path}", {"turn": seen["turn"]}).status_code == 403
    browser.world("worn", False)

    def light() -> Any:
        answer = browser.post(f"{ask}/light", {"turn": seen["turn"], "nobody": True})
        return answer.json() if answer.status_code == 200 else None

    lighted = until(light)
    assert (lighted["step"]["kind"], lighted["light"]["channel"]) == ("warm_up", "red")
    assert other.post(f"{ask}/dark").json()["light"]["channel"] is None
    until(lambda: not site.world.state()["lit"])
    assert browser.get("/api/calibration/report?id=../x").status_code == 404
