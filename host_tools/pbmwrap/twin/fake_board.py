"""A wrap on the fake HAL: power, resets, Ctrl-C, service mode and virtual time around the real App.

The simulated wrap runs this file on CPython, the unix twin runs it on the MicroPython unix port.
"""

# pyright: reportOptionalMemberAccess=false

from pbmwrap.twin.fake_hal import PROGRAM, RX_SIZE, FakeHal
from wrap.hal import list_outputs
from wrap.main_loop import make_app, take_service_request
from wrap.rules.limits import STEP_MS
from wrap.storage.mount import Storage

TYPE_CHECKING = False  # MicroPython runs this module as well and has no `typing`
if TYPE_CHECKING:
    from typing import Any

CTRL_C = 3
CTRL_D = 4
TURNS_PER_SLICE = 8  # link slices a real wrap has time for between two steps


class FakeBoard:
    """files: a `Files`, which survives power cuts; facts: the board's facts module. `app` is None
    in a REPL or without power."""

    def __init__(self, files, facts, uid: str = "sim0000000000001") -> None:
        self.files = files
        self.facts = facts
        self._uid = uid
        self.now_ms = 0
        self.boots = 0
        self._on_before = [0] * len(list_outputs(facts))
        self._light_before = [0] * len(self._on_before)
        self._raws = [30000] * len(facts.SENSORS)
        self._pressed = False
        self._hung = False
        self._program = PROGRAM
        self._ram_fault = 0
        self._buzzes = []
        self.hal: Any = None  # while powered off
        self.app: Any = None  # while powered off

    def power_on(self, cause: str = "power") -> None:
        """Boot as boot.py and main.py do. cause: see `Hal.reset_cause`."""
        start = self.now_ms
        self._keep_on_time()
        f = self.facts
        self.hal = self._make_hal(start, cause)
        self.hal.program = self._program
        self.hal.ram_fault = self._ram_fault
        self.hal.raws = self._raws
        self.hal.pressed = self._pressed
        self.hal.sensed = f.SENSE_PIN is not None
        self.boots += 1
        self._hung = False
        self._due = start
        storage = self._open_storage()
        if take_service_request(storage.files):
            self.hal.service_blink()
            self.app = None
        else:
            self.app = make_app(self.hal, f, storage)

    def _make_hal(self, start: int, cause: str) -> FakeHal:
        """Return the HAL of a boot. The fault campaign (tests/faults) overrides it with broken
        hardware."""
        f = self.facts
        n = len(self._on_before)
        return FakeHal(n, len(f.SENSORS), start, cause, self._uid, n - len(f.CHANNELS))

    def _open_storage(self) -> Storage:
        """Return the storage of a boot. Tests with raw flash override it."""
        return Storage(self.files)

    def power_off(self) -> None:
        """Remove the power: all pins are low, RAM is lost."""
        self._keep_on_time()
        self.hal = None
        self.app = None

    def _keep_on_time(self) -> None:
        if self.hal is not None:
            self.hal.buzz(False)
            self._keep_buzzes()
            for ch in range(len(self._on_before)):
                self.hal.settle(ch)
                self._on_before[ch] += self.hal.on_acc[ch]
                self._light_before[ch] += self.hal.light_acc[ch]

    def _keep_buzzes(self) -> None:
        self._buzzes += self.hal.buzzed
        self.hal.buzzed = []

    def take_buzzes(self) -> list:
        """Return the buzzer's changes since the last call: (ms, on)."""
        if self.hal is not None:
            self._keep_buzzes()
        out = self._buzzes
        self._buzzes = []
        return out

    def on_acc(self, ch: int) -> int:
        """Return duty (u16) x ms at the pin since the twin was made."""
        if self.hal is None:
            return self._on_before[ch]
        self.hal.settle(ch)
        return self._on_before[ch] + self.hal.on_acc[ch]

    def light_acc(self, ch: int) -> int:
        """Return duty (u16) x ms with the enable high since the twin was made: it heats the pad."""
        if self.hal is None:
            return self._light_before[ch]
        self.hal.settle(ch)
        return self._light_before[ch] + self.hal.light_acc[ch]

    def pins(self) -> "tuple[list[int], bool, bool]":
        """Return (duty u16 per lamp, enable, indicator) at the pins."""
        hal = self.hal
        if hal is None:
            return [0] * len(self._on_before), False, False
        return list(hal.duty), hal.enabled, hal.lit or hal.blinking

    def set_raw(self, sensor: int, raw: int) -> None:
        """Set the sensor's reading, 0..65520 (see `Hal.inputs`)."""
        self._raws[sensor] = raw

    def flip_program(self, at: int, bit: int) -> None:
        """Flip a bit of the program's flash permanently."""
        damaged = bytearray(self._program)
        damaged[at] ^= 1 << bit
        self._program = bytes(damaged)
        if self.hal is not None:
            self.hal.program = self._program

    def break_ram(self, address: int) -> None:
        """Let this RAM word fail its test from the next boot on; 0: none."""
        self._ram_fault = address

    def press(self, down: bool) -> None:
        """Hold or release the button."""
        self._pressed = down
        if self.hal is not None:
            self.hal.pressed = down

    def write(self, data: bytes) -> int:
        """Receive bytes from the USB host. Returns how many fitted."""
        if self.hal is None:
            return 0
        for i in range(len(data)):
            byte = data[i]
            if self._hung:
                return i
            if byte == CTRL_C:
                self._interrupt()
            elif byte == CTRL_D and self.app is None:
                self.power_on("soft")
            elif self.app is None:
                self._repl(byte)
            elif len(self.hal.rx) >= RX_SIZE:
                return i
            else:
                self.hal.rx.append(byte)
        return len(data)

    def read(self) -> bytes:
        """Return the bytes that the device has sent since the last call."""
        if self.hal is None or not self.hal.tx:
            return b""
        out = bytes(self.hal.tx)
        self.hal.tx = bytearray()
        return out

    def hang(self) -> None:
        """Run no more steps until the watchdog or a person resets the chip."""
        self._hung = True

    def _interrupt(self) -> None:
        """Do what Ctrl-C does: KeyboardInterrupt out of the loop, dark, then the REPL."""
        self.hal.rx = bytearray()
        self.hal.dark()
        self.hal.buzz(False)
        if self.app is not None:
            self.app = None
            self.hal.tx += b"pbmwrap: dark. Ctrl-D starts it again.\r\n"
        self.hal.tx += b"\r\n>>> "

    def _repl(self, byte: int) -> None:
        self.hal.tx.append(byte)
        if byte in (10, 13):
            self.hal.tx += b"\r\n>>> "

    def advance(self, ms: int) -> None:
        """Let `ms` pass. Steps run at their due times."""
        end = self.now_ms + ms
        hal = self.hal
        while hal is not None and self._due <= end:
            now = self._due
            self.now_ms = hal.now_ms = now
            self._due = now + STEP_MS
            if hal.enabled:
                hal.deadman()
            if hal.watchdog_ms and hal.watchdog_bites():
                self.power_on("watchdog")
            elif self.app is not None and not self._hung:
                self._turn(now)
            if hal.reset_wanted:
                self.power_on("intended")
            hal = self.hal
        self.now_ms = end
        if hal is not None:
            hal.now_ms = end
        if self.app is not None:
            self.app.fast_step.flush()  # add its sums to what observers read

    def is_quiescent(self) -> bool:
        """Return whether nothing is lit, running or pressed: a step would change nothing."""
        app = self.app
        hal = self.hal
        if app is None or hal is None or self._hung or self._pressed or hal.enabled or hal.rx:
            return False
        return app.fast_step.on and not app.busy and not app.session.active()

    def skip(self, ms: int) -> None:
        """Let `ms` pass without steps; the uptime grows and the watchdog is fed. Only while
        `is_quiescent`."""
        app = self.app
        hal = self.hal
        app.fast_step.exit_fast_path()
        app.uptime.add_elapsed(ms)
        self.now_ms += ms
        self._due += ms
        hal.now_ms = self.now_ms
        hal.fed_ms += ms
        app.steps.now = (app.steps.now + ms) & 0x3FFFFFFF

    def _turn(self, now: int) -> None:
        """Run one turn of the loop and the link's slices behind it. The fault campaign overrides
        it."""
        self.app.turn(now & 0x3FFFFFFF)
        if self.app.busy:
            self._slices()

    def _slices(self) -> None:
        for _ in range(TURNS_PER_SLICE):
            if not self.app.run_link():
                break
