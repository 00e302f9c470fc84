"""Proves for any order of requests to the lamps: no light that nobody asked for, every step held,
and a drop of the pin for each off."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.esp32.world import BOARDS, World

HZ = st.sampled_from((0, 10, 11, 40, 146, 1167, 5000))
ASK = st.one_of(
    st.tuples(st.just("mode"), st.integers(0, 1), HZ),
    st.tuples(st.just("write"), st.integers(0, 1), st.integers(-5, 70000)),
    st.tuples(st.just("off"), st.integers(0, 1), st.just(0)),
    st.tuples(st.just("wait"), st.just(0), st.integers(1, 300)),
)
_STEP = 8 / 65535


class Asked:
    """Follows what the lamps may give: the newest duty, and older ones up to two periods ago."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.modes: list[int | None] = [None, None]
        self.written: list[list[tuple[int, int]]] = [[], []]  # (ms, duty)

    def do(self, what: str, ch: int, value: int) -> None:
        hal, now = self.world.hal, self.world.chip.now_us // 1000
        if what == "mode":
            hal.lamp_mode(ch, value)
            self.modes[ch], self.written[ch] = value or 1000, [(now, 0)]
        elif what == "off":
            hal.lamp_off(ch)
            self.modes[ch], self.written[ch] = None, []
        elif what == "write" and self.modes[ch] is not None:
            hal.lamp_write(ch, value)
            self.written[ch].append((now, min(65535, max(0, value))))

    def most(self, ch: int) -> int:
        hz = self.modes[ch]
        if hz is None:
            return 0
        since = self.world.chip.now_us // 1000 - 2000 // hz - 12
        before = [duty for ms, duty in self.written[ch] if ms <= since][-1:]
        return max([*before, *(duty for ms, duty in self.written[ch] if ms > since)], default=0)


@settings(max_examples=40)
@given(st.sampled_from(BOARDS), st.lists(ASK, max_size=30))
def test_no_order_of_calls_gives_light_that_nobody_asked_for(
    board: str, asks: list[tuple[str, int, int]]
) -> None:
    world = World(board)
    world.boot()
    asked = Asked(world)
    for what, ch, value in asks:
        asked.do(what, ch, value)
        for _ in range(value // 10 + 1 if what == "wait" else 1):
            for lamp in (0, 1):
                assert world.light(lamp) <= asked.most(lamp) / 65535 + _STEP / 8
            assert world.hal.verify_and_feed()
            world.chip.advance_ms(10)
    for _ in range(60):
        world.chip.advance_ms(10)
        assert world.hal.verify_and_feed()
    for lamp in (0, 1):
        wanted = asked.written[lamp][-1][1] / 65535 if asked.written[lamp] else 0
        assert wanted - _STEP < world.light(lamp) <= wanted + _STEP / 8
    world.hal.dark()
    assert (world.light(0), world.light(1)) == (0, 0)
