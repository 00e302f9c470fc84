"""The contract every chip keeps. Nothing here runs; `rp2040.py`, `esp32.py` and `fake.py` implement
it, and tests/hal executes it on all of them.

The HAL clamps, knows the chip's quirks and decides nothing. All calls return at once.
"""


class Hal:
    """One wrap's hardware. `facts` is the board's facts module."""

    files = None  # a wrap.hal.files.Files
    sectors = None  # where the log is kept: see wrap.storage.sectors

    def ticks_ms(self):
        """Wrapping millisecond counter; only `ticks_diff` may compare two of them."""
        raise NotImplementedError

    def ticks_us(self):
        """Wrapping microsecond counter, for durations below minutes."""
        raise NotImplementedError

    def ticks_diff(self, a, b):
        """a - b across the wrap, for both counters."""
        raise NotImplementedError

    def ticks_add(self, tick, delta):
        """`tick` moved by `delta`, wrapped."""
        raise NotImplementedError

    def wait_until(self, tick_ms):
        """Sleep until `ticks_ms` has reached `tick_ms`; the CPU idles."""
        raise NotImplementedError

    def inputs(self, out):
        """Fill `out` (array of "i") with one reading per sensor, behind a multiplexer or not:
        0..65520 as shares of the pull-ups' supply, a hot sensor lower than a cold one. What cannot
        be read is 0 or 65520. Returns bits of wrap.hal: PRESSED while the button is held, LIGHT
        while the sense input is high."""
        raise NotImplementedError

    def references(self):
        """Convert the multiplexer's inputs with known readings. Returns 0 when all are within
        MUX_REFERENCES of the board's facts or the board has no multiplexer, else the channel of
        the first wrong one, plus 1. Takes up to 200 us, so it is not part of a step."""
        raise NotImplementedError

    def lamp_mode(self, ch, hz):
        """Make channel `ch` ready at duty 0: `hz` pulse frequency, or 0 for the carrier. Whatever
        it gave before ends at once, and nothing of it comes again."""
        raise NotImplementedError

    def lamp_write(self, ch, duty_u16):
        """Set a duty, clamped to 0..65535. Only after `lamp_mode`."""
        raise NotImplementedError

    def lamp_off(self, ch):
        """The pin is driven low at once, PWM or not."""
        raise NotImplementedError

    def verify_and_feed(self):
        """Whether the hardware holds what was last written: compare values of channels with a mode,
        low pads of all others, and the enable as it should be. If so, the step is verified: feed
        the watchdog, if it was started, and let the enable stay up for another
        limits.DEADMAN_MS."""
        raise NotImplementedError

    def enable(self, on):
        """Raise the series enable (it drops by itself without `verify_and_feed`), or drop it."""
        raise NotImplementedError

    def dark(self):
        """Every lamp pin low and the enable low, at once, whatever happened before."""
        raise NotImplementedError

    def sense(self):
        """1 while the LEDs give light, 0 while they give none (through a filter of a few ms); -1
        where the board has no such input."""
        raise NotImplementedError

    def indicate(self, on):
        """Indicator lit or not."""
        raise NotImplementedError

    def buzz(self, on):
        """A tone of some 2.7 kHz on the board's buzzer, or silence; nothing where the board has
        none. Allocates nothing, touches no lamp. `dark` leaves it as it is: a fault is to be
        heard."""
        raise NotImplementedError

    def service_blink(self):
        """Leave the indicator blinking by hardware, for a REPL without firmware."""
        raise NotImplementedError

    def watchdog_start(self, ms):
        """Start the watchdog (once; it cannot be stopped)."""
        raise NotImplementedError

    def flash_ahead(self):
        """Flash is about to be written, with interrupts off: the dead-man waits
        limits.DEADMAN_FLASH_MS from now. Feeds no watchdog."""
        raise NotImplementedError

    def enable_dropped(self):
        """Whether the dead-man or the timer dropped the enable, not `enable` or `dark`."""
        raise NotImplementedError

    def program_claim(self):
        """(length, CRC-32) that the program in flash should have; (0, 0) when the note that says so
        is damaged; None where there is none."""
        raise NotImplementedError

    def program_crc(self, at, n, words):
        """Let the CRC-32 in `words[0]` (array of "I") go on over `n` bytes of the program from
        offset `at`. Only where there is a claim."""
        raise NotImplementedError

    def memory_fault(self):
        """Address of a RAM word that failed the test at boot; 0: none did; -1: not tested."""
        raise NotImplementedError

    def reset_cause(self):
        """ "power", "brown-out" (where the chip tells), "watchdog", "intended" (by `reset`), "soft"
        or "pin" for this boot."""
        raise NotImplementedError

    def reset(self):
        """Restart the chip; does not return on hardware."""
        raise NotImplementedError

    def uid(self):
        """Hex text that names this chip."""
        raise NotImplementedError

    def heap(self):
        """(bytes used, bytes free); (0, 0) where that means nothing."""
        raise NotImplementedError

    def allocated(self):
        """Bytes allocated since the last `collect`; 0 where that is not known at once."""
        raise NotImplementedError

    def collect(self):
        """Collect garbage now, while it harms nothing."""
        raise NotImplementedError

    def link_read(self, buf):
        """Put what has arrived into `buf` (bytearray or memoryview); returns how many bytes, 0 when
        none."""
        raise NotImplementedError

    def link_write(self, view):
        """Offer bytes (memoryview); returns how many were taken. Never blocks."""
        raise NotImplementedError
