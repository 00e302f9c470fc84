"""A wrap on the fake HAL: power, resets, Ctrl-C, service mode and virtual time around the real App.

Plain enough for MicroPython: the simulated wrap runs it on CPython, the unix twin runs this very
file on the MicroPython unix port.
"""

# pyright: reportOptionalMemberAccess=false

from wrap.hal.fake import PROGRAM, RX_SIZE, FakeHal
from wrap.main_loop import boot, service_wanted
from wrap.rules.limits import STEP_MS

CTRL_C = 3
CTRL_D = 4
TURNS_PER_SLICE = 8  # link slices a real wrap has time for between two steps


class FakeBoard:
    """files: what survives power; facts: the board's facts module. `app` is None in a REPL or
    without power."""

    def __init__(self, files, facts, uid="sim0000000000001"):
        self.files = files
        self.facts = facts
        self._uid = uid
        self.now_ms = 0
        self.boots = 0
        self._on_before = [0] * len(facts.CHANNELS)
        self._light_before = [0] * len(facts.CHANNELS)
        self._raws = [30000] * len(facts.SENSORS)
        self._pressed = False
        self._hung = False
        self._program = PROGRAM
        self._ram_fault = 0
        self._buzzes = []
        self.hal = None
        self.app = None

    def power_on(self, cause="power"):
        """Boot: what boot.py and main.py do."""
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
        if service_wanted(self.hal):
            self.hal.service_blink()
            self.app = None
        else:
            self.app = boot(self.hal, f)

    def _make_hal(self, start, cause):
        """A hook: the fault campaign (tests/faults) puts broken hardware here."""
        f = self.facts
        return FakeHal(self.files, len(f.CHANNELS), len(f.SENSORS), start, cause, self._uid)

    def power_off(self):
        """Pins fall, RAM is gone."""
        self._keep_on_time()
        self.hal = None
        self.app = None

    def _keep_on_time(self):
        if self.hal is not None:
            self.hal.buzz(False)
            self._keep_buzzes()
            for ch in range(len(self._on_before)):
                self.hal.settle(ch)
                self._on_before[ch] += self.hal.on_acc[ch]
                self._light_before[ch] += self.hal.light_acc[ch]

    def _keep_buzzes(self):
        self._buzzes += self.hal.buzzed
        self.hal.buzzed = []

    def take_buzzes(self):
        """The buzzer's changes since the last call: (ms, on)."""
        if self.hal is not None:
            self._keep_buzzes()
        out = self._buzzes
        self._buzzes = []
        return out

    def on_acc(self, ch):
        """duty (u16) x ms at the pin since the twin was made."""
        if self.hal is None:
            return self._on_before[ch]
        self.hal.settle(ch)
        return self._on_before[ch] + self.hal.on_acc[ch]

    def light_acc(self, ch):
        """duty (u16) x ms that the enable let through so far: what warms the pad."""
        if self.hal is None:
            return self._light_before[ch]
        self.hal.settle(ch)
        return self._light_before[ch] + self.hal.light_acc[ch]

    def pins(self):
        """(duty u16 per lamp, enable, indicator) as the pins are now."""
        hal = self.hal
        if hal is None:
            return [0] * len(self._on_before), False, False
        return list(hal.duty), hal.enabled, hal.lit or hal.blinking

    def set_raw(self, sensor, raw):
        """What the ADC will read: 16 conversions summed."""
        self._raws[sensor] = raw

    def flip_program(self, at, bit):
        """A bit of the program's flash turns over, and stays so."""
        damaged = bytearray(self._program)
        damaged[at] ^= 1 << bit
        self._program = bytes(damaged)
        if self.hal is not None:
            self.hal.program = self._program

    def break_ram(self, address):
        """This RAM word fails its test from the next boot on; 0: none does."""
        self._ram_fault = address

    def press(self, down):
        self._pressed = down
        if self.hal is not None:
            self.hal.pressed = down

    def write(self, data):
        """Bytes from the USB host; returns how many fitted."""
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

    def read(self):
        """Bytes the device has sent since the last call."""
        if self.hal is None or not self.hal.tx:
            return b""
        out = bytes(self.hal.tx)
        self.hal.tx = bytearray()
        return out

    def hang(self):
        """No step runs any more, until the watchdog or a person resets the chip."""
        self._hung = True

    def _interrupt(self):
        """Ctrl-C: KeyboardInterrupt out of the loop, dark, then the REPL."""
        self.hal.rx = bytearray()
        self.hal.dark()
        self.hal.buzz(False)
        if self.app is not None:
            self.app = None
            self.hal.tx += b"pbmwrap: dark. Ctrl-D starts it again.\r\n"
        self.hal.tx += b"\r\n>>> "

    def _repl(self, byte):
        self.hal.tx.append(byte)
        if byte in (10, 13):
            self.hal.tx += b"\r\n>>> "

    def advance(self, ms):
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
            self.app.fast_step.flush()  # whoever looks sees what was

    def is_quiescent(self):
        """Nothing is lit, under way or pressed: a step would find what the last one found."""
        app = self.app
        hal = self.hal
        if app is None or hal is None or self._hung or self._pressed or hal.enabled or hal.rx:
            return False
        return app.fast_step.on and not app.busy and not app.session.active()

    def skip(self, ms):
        """Let `ms` pass without a step, which a wrap at rest would spend on finding nothing new:
        its uptime grows, and its watchdog is content. Only while `rests`."""
        app = self.app
        hal = self.hal
        app.fast_step.exit_fast_path()
        app.uptime.add_elapsed(ms)
        self.now_ms += ms
        self._due += ms
        hal.now_ms = self.now_ms
        hal.fed_ms += ms
        app.steps.now = (app.steps.now + ms) & 0x3FFFFFFF

    def _turn(self, now):
        """A hook, like _make_hal: one turn of the loop and the link's slices behind it."""
        self.app.turn(now & 0x3FFFFFFF)
        if self.app.busy:
            self._slices()

    def _slices(self):
        for _ in range(TURNS_PER_SLICE):
            if not self.app.run_link():
                break
