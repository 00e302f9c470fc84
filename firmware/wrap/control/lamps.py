"""Turns intensities, fade, derating and supply into one duty per channel, writes them, meters them.

May not decide whether light is allowed: `dark` is always obeyed, `apply` only while the app says
so.
"""

from wrap.compat import const, small
from wrap.control.dose import DoseMeter
from wrap.rules import limits

FADE_FULL = const(4096)
_MAX_GAP_MS = const(3000)  # longer than the watchdog lets a step be late
_OFF = const(-1)
_ROUNDED_UJ = const(2)
_ROUNDED_MS = const(4)


class Lamps:
    """channels: (name, nm, pin, full-duty mA, worst uW/cm2) per channel; irradiance: (nominal,
    upper) uW/cm2 at full duty per channel."""

    def __init__(self, hal, channels, supply_ma, irradiance):
        self._hal = hal
        self._n = len(channels)
        self._ma = tuple([small(c[3]) for c in channels])
        self._worst_uw = tuple([small(c[4]) for c in channels])
        self._supply_ma = supply_ma
        self.meters = [DoseMeter(small(a), small(b)) for a, b in irradiance]
        self.duties = [0] * self._n  # what the pins hold
        self._wanted = [0] * self._n  # where the duties are rising to
        self._modes = [_OFF] * self._n  # pulse Hz, 0 carrier, or _OFF: pin held low without PWM
        self._spec = None
        self._pulsed = True
        self._fade = -1
        self._derate = -1
        self._rising = False
        self._slew = 65535
        self._lit = False
        self._open = False  # one way to dark is open, for the self-test
        self._blank = False  # every lamp is out for this step, `duties` come back after it
        self._upper_rate_uw = 0
        self.rate_uw = 0  # nominal irradiance of all channels at the duties wanted

    def meter(self, dt_ms):
        """Book the light of the last `dt_ms`, which was what the pins still hold."""
        if self._lit and not self._blank:
            if dt_ms > _MAX_GAP_MS:
                dt_ms = _MAX_GAP_MS
            duties = self.duties
            i = 0
            for m in self.meters:
                m.add(duties[i], dt_ms)
                i += 1

    def set_ramp(self, ramp_ms):
        """No duty rises faster than from 0 to full in `ramp_ms`; falling is never held back."""
        self._slew = max(1, 65535 * limits.STEP_MS // ramp_ms)

    def apply(self, spec, fade, derate, pulsed):
        """Write the duties of `spec` ((permille, Hz, on permille) per channel) at `fade` and
        `derate` (0..4096).

        pulsed False: pulsed channels go dark at once, since a compare value is only taken over at
        the end of a pulse, up to 100 ms later.
        """
        if spec is not self._spec or pulsed != self._pulsed:
            self._prepare(spec, pulsed)
        if fade != self._fade or derate != self._derate:
            self._decide(spec, fade, derate)
        if self._rising:
            self._rise()
            self._write()
        self._lit = True

    def limit_current(self, ma):
        """Let all lamps together draw at most `ma` from the next `apply` on."""
        self._supply_ma = ma
        self._fade = -1

    def blank(self):
        """Put every lamp out for one step; what is decided stays decided."""
        self._blank = True
        for i in range(self._n):
            if self._modes[i] > 0:  # a slow pulse would go on to its end
                self._hal.lamp_off(i)
            else:
                self._hal.lamp_write(i, 0)

    def unblank(self):
        """After a blank step: the duties that were."""
        if not self._blank:
            return
        self._blank = False
        for i in range(self._n):
            if self._modes[i] > 0:
                self._hal.lamp_mode(i, self._modes[i])
        self._write()

    def is_steady(self):
        """The duties are where they are wanted."""
        return not self._rising

    def dose_in_ms(self, target_uj, cap_uj):
        """For so long neither dose can get there, at the duties wanted; target_uj 0: there is
        none. Fading out from there is counted in, what rounding keeps back as well."""
        left = _in_ms(cap_uj - self.upper_uj(), self._upper_rate_uw)
        if target_uj:
            fading_uj = self.rate_uw * (limits.RAMP_DOWN_MS // 2) // 1000
            left = min(left, _in_ms(target_uj - self.dose_uj() - fading_uj, self.rate_uw))
        return left

    def _write(self):
        for i in range(self._n):
            if self._modes[i] != _OFF:
                self._hal.lamp_write(i, self.duties[i])

    def _prepare(self, spec, pulsed):
        """Another step of the plan: channels change between carrier and pulses only through
        dark."""
        for i in range(self._n):
            hz = spec[i][1]
            mode = _OFF if hz and not pulsed else hz  # H-23
            if mode != self._modes[i]:
                self._modes[i] = mode
                self.duties[i] = 0
                if mode == _OFF:
                    self._hal.lamp_off(i)
                else:
                    self._hal.lamp_mode(i, mode)
        self._spec = spec
        self._pulsed = pulsed
        self._fade = -1

    def _decide(self, spec, fade, derate):
        self._fade = fade
        self._derate = derate
        wanted = self._wanted
        total = 0
        for i in range(self._n):
            level, _, on = spec[i]
            wanted[i] = duty_of_level(level) * on // 1000 if self._modes[i] != _OFF else 0
            total += wanted[i] * self._ma[i] // 65535
        if total > self._supply_ma:
            for i in range(self._n):
                wanted[i] = wanted[i] * self._supply_ma // total
        # After the limit: a plan that asks for four times of it is derated as any other.
        for i in range(self._n):
            wanted[i] = wanted[i] * fade // FADE_FULL * derate // FADE_FULL
        rate = upper = 0
        for i in range(self._n):
            rate += self.meters[i].full_uw * (wanted[i] >> 4) // 4096
            upper += self.meters[i].upper_uw * (wanted[i] >> 4) // 4096
        self.rate_uw = rate
        self._upper_rate_uw = upper
        self._rising = True

    def _rise(self):
        """Take the duties towards what is wanted: down at once, up by the slew."""
        duties = self.duties
        self._rising = False
        for i in range(self._n):
            duty = duties[i] + self._slew  # H-34
            if duty < self._wanted[i]:
                self._rising = True
                duties[i] = duty
            else:
                duties[i] = self._wanted[i]

    def stay_dark(self):
        """Dark is what is decided: written when something was lit, verified in every step.
        Returns whether something was."""
        if not (self._lit or self._open):
            return False
        self.dark()
        return True

    def open_enable(self):
        """The enable up, with every lamp pin low: for the self-test."""
        self._open = True
        self._hal.enable(True)

    def open_pins(self, duty):
        """Every lamp pin at `duty` (u16), with the enable low: for the self-test."""
        self._open = True
        self._hal.enable(False)
        for i in range(self._n):
            self._hal.lamp_mode(i, 0)
            self._hal.lamp_write(i, duty)
            self.duties[i] = duty
            self._modes[i] = 0

    def dark(self):
        """All channels off, now."""
        self._hal.dark()
        duties = self.duties
        for i in range(self._n):
            duties[i] = 0
            self._modes[i] = _OFF
        self._lit = self._open = self._blank = False
        self._spec = None
        self.rate_uw = 0

    def dose_uj(self):
        """Sum over the channels, nominal."""
        total = 0
        for m in self.meters:
            total += m.uj
        return total

    def worst_mj(self):
        """Dose of this session, mJ/cm2, by the board's stated worst case, whatever the calibration
        says. Whole seconds at full duty are counted."""
        total = 0
        for i in range(self._n):
            total += self.meters[i].on_ms // 1000 * self._worst_uw[i] // 1000
        return total

    def upper_uj(self):
        """Sum over the channels, upper bound."""
        total = 0
        for m in self.meters:
            total += m.upper_uj
        return total


def duty_of_level(permille):
    """The duty (u16) next to a level of 0..1000 permille."""
    return (65535 * permille + 500) // 1000


def _in_ms(uj, rate_uw):
    """Milliseconds that `uj` last at `rate_uw`, some too few: rates and doses are rounded down."""
    uj_a_ms = rate_uw // 1000 + _ROUNDED_UJ
    return uj // uj_a_ms - _ROUNDED_MS
