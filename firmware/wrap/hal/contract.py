"""The interface that the HAL of every chip implements. Documentation: nothing imports it at run
time, and `rp2040/board.py`, `esp32/board.py` and the simulators' fake HAL need not inherit from it.
tests/hal runs the same checks on all of them.

A HAL clamps values, knows the chip's errata and decides nothing. All calls return at once.
"""

from wrap.compat import const

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from array import array
    from typing import Protocol  # pyright compares each HAL with it

    class Sliced(Protocol):
        """Bytes that are read by slices."""

        def __getitem__(self, __part: slice) -> "bytearray | memoryview": ...

    class FlashArea(Protocol):
        """Reads and writes a raw area of NOR flash, see `Hal.open_flash`."""

        @property
        def sectors(self) -> int: ...
        @property
        def mem(self) -> Sliced: ...
        def program(self, at: int, page: "bytes | bytearray | memoryview") -> None: ...
        def erase(self, at: int) -> None: ...
else:
    Protocol = object


class BoardFacts(Protocol):
    """States what every board's facts module does (boards/*/board_facts.py). Further facts have
    defaults and are read by `getattr`. Per channel: name, wavelength in nm, pin, current at full
    duty in mA, worst-case irradiance in uW/cm2. Per sensor: name, role and its input. WARMER is
    None, or name, kind ("heat"), pin and current at full duty in mA of a resistor in the pad:
    behind the channels of CHANNELS it is one more for the HAL (`wrap.hal.list_outputs`)."""

    @property
    def CHANNELS(self) -> "tuple[tuple[str, int, int, int, int], ...]": ...
    @property
    def SENSORS(self) -> "tuple[tuple, ...]": ...
    @property
    def SUPPLY_MA(self) -> int: ...
    @property
    def NTC_R25_OHM(self) -> int: ...
    @property
    def NTC_BETA_K(self) -> int: ...
    @property
    def PULLUP_OHM(self) -> int: ...
    @property
    def BOARD(self) -> str: ...
    @property
    def CHIP(self) -> str: ...
    @property
    def CARRIER_HZ(self) -> int: ...
    @property
    def ENABLE_PIN(self) -> int: ...
    @property
    def BUTTON_PIN(self) -> int: ...
    @property
    def INDICATOR_PIN(self) -> int: ...
    @property
    def SENSE_PIN(self) -> "int | None": ...


class Hal(Protocol):
    """Drives the hardware of one wrap. `facts` is the board's facts module."""

    def ticks_ms(self) -> int:
        """Return a wrapping millisecond counter. Compare two values with `ticks_diff` only."""
        raise NotImplementedError

    def ticks_us(self) -> int:
        """Return a wrapping microsecond counter, for durations below minutes."""
        raise NotImplementedError

    def ticks_diff(self, a: int, b: int) -> int:
        """Return a - b across the wrap, for both counters."""
        raise NotImplementedError

    def ticks_add(self, tick: int, delta: int) -> int:
        """Return tick + delta, wrapped."""
        raise NotImplementedError

    def wait_until(self, tick_ms: int) -> None:
        """Sleep until `ticks_ms` has reached `tick_ms`; the CPU idles."""
        raise NotImplementedError

    def inputs(self, out: "array[int]") -> int:
        """Fill `out` (array of "i") with one reading per sensor, behind a multiplexer or not.

        A reading is 0..65520, a ratio to the supply of the pull-ups; a hot sensor reads lower than
        a cold one. An input that cannot be converted reads 0 or 65520. Returns bits of `wrap.hal`:
        PRESSED while the button is held, LIGHT while the sense input is high."""
        raise NotImplementedError

    def references(self) -> int:
        """Convert the multiplexer's inputs that have known readings.

        Returns 0 when all are within MUX_REFERENCES of the board's facts or the board has no
        multiplexer, else the channel of the first wrong one plus 1. Takes up to 200 us, so it is
        not part of a step."""
        raise NotImplementedError

    def lamp_mode(self, ch: int, hz: int) -> None:
        """Prepare channel `ch` at duty 0. hz: pulse frequency, or 0 for the carrier. Its previous
        output ends at once, and no rest of it appears later."""
        raise NotImplementedError

    def lamp_write(self, ch: int, duty_u16: int) -> None:
        """Set a duty, clamped to 0..65535. Only after `lamp_mode`."""
        raise NotImplementedError

    def lamp_off(self, ch: int) -> None:
        """Drive the pin low at once, on PWM or not."""
        raise NotImplementedError

    def verify_and_feed(self) -> bool:
        """Return whether the hardware holds what was last written: compare values of channels with
        a mode, low pads of all others, and the enable.

        If so, feed the watchdog when it was started, and let the enable stay up for another
        limits.DEADMAN_MS."""
        raise NotImplementedError

    def enable(self, on: bool) -> None:
        """Raise the series enable, or drop it. It drops by itself without `verify_and_feed`."""
        raise NotImplementedError

    def dark(self) -> None:
        """Drive every lamp pin and the enable low at once, in any state."""
        raise NotImplementedError

    def sense(self) -> int:
        """Return 1 while the LEDs give light, 0 while they give none (filtered over a few ms), -1
        where the board has no such input."""
        raise NotImplementedError

    def indicate(self, on: bool) -> None:
        """Switch the indicator."""
        raise NotImplementedError

    def buzz(self, on: bool) -> None:
        """Start or stop a tone of about 2.7 kHz; nothing where the board has no buzzer. Allocates
        nothing and touches no lamp. `dark` does not stop the tone: a fault must be heard."""
        raise NotImplementedError

    def service_blink(self) -> None:
        """Let the hardware blink the indicator, for a REPL without firmware."""
        raise NotImplementedError

    def watchdog_start(self, ms: int) -> None:
        """Start the watchdog. It starts once and cannot be stopped."""
        raise NotImplementedError

    def flash_ahead(self) -> None:
        """Announce a flash write, which runs with interrupts off: the dead-man waits
        limits.DEADMAN_FLASH_MS from now. Does not feed the watchdog."""
        raise NotImplementedError

    def enable_dropped(self) -> bool:
        """Return whether the dead-man or the timer dropped the enable, not `enable` or `dark`."""
        raise NotImplementedError

    def open_flash(self) -> "tuple[FlashArea, FlashArea] | None":
        """Return (store, log), two raw areas of NOR flash for small files and for the log, or None
        where all of the flash is one filesystem (a stock image). Raises OSError or ValueError when
        the flash cannot be used.

        An area has `sectors` of 4096 bytes; `mem`, whose slices read it; `program(at, page)`, which
        writes 256 bytes and only clears bits; `erase(at)`, which sets a sector to 0xFF. `at` is a
        byte offset. Both may raise OSError; neither verifies."""
        raise NotImplementedError

    def program_claim(self) -> "tuple[int, int] | None":
        """Return (length, CRC-32) that the build noted of the program in flash, (0, 0) when the
        note is damaged, None where the image has none."""
        raise NotImplementedError

    def program_crc(self, at: int, n: int, words: "array[int]") -> None:
        """Continue the CRC-32 in `words[0]` (array of "I") over `n` bytes of the program from
        offset `at`. Only where `program_claim` is not None."""
        raise NotImplementedError

    def memory_fault(self) -> int:
        """Return the address of a RAM word that failed the test at boot; 0: none failed; -1: not
        tested."""
        raise NotImplementedError

    def reset_cause(self) -> str:
        """Return the cause of this boot: "power", "brown-out" (where the chip can tell),
        "watchdog", "intended" (by `reset`), "soft" or "pin"."""
        raise NotImplementedError

    def reset(self) -> None:
        """Restart the chip. Does not return on hardware."""
        raise NotImplementedError

    def uid(self) -> str:
        """Return the chip's unique number as hex text."""
        raise NotImplementedError

    def draw_random(self) -> "bytes | None":
        """Return 32 random bytes of the chip's noise source, or None when it fails its test. Takes
        up to 0.2 s: only in the dark."""
        raise NotImplementedError

    def heap(self) -> "tuple[int, int]":
        """Return (bytes used, bytes free) of the heap, (0, 0) where there is no such figure."""
        raise NotImplementedError

    def allocated(self) -> int:
        """Return the bytes allocated since the last `collect`, which may be those of up to 0.1 s
        ago; 0 where only a long walk through the heap could tell. Called once after each step."""
        raise NotImplementedError

    def collect(self) -> None:
        """Collect garbage now."""
        raise NotImplementedError

    def link_read(self, buf: "bytearray | memoryview") -> int:
        """Move received bytes into `buf`. Returns how many, 0 for none."""
        raise NotImplementedError

    def link_write(self, view: memoryview, at: int, end: int) -> int:
        """Offer view[at:end] to the port; indices, because a slice allocates. Returns how many
        bytes it took. Never blocks."""
        raise NotImplementedError
