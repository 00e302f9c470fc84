"""Computes one duty per channel from levels, fade, derating and supply; writes and meters them.

Does not decide whether light is allowed: the app calls `apply` only while it is.
"""

from wrap.compat import const, small_int
from wrap.control.dose import DoseMeter
from wrap.rules import limits

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from wrap.hal.contract import Hal

    # Per channel: level in permille, pulse frequency in Hz (0: carrier), on-time in permille.
    Spec = tuple[tuple[int, ...], ...]

FADE_FULL = const(4096)
_MAX_GAP_MS = const(3000)  # longer than the watchdog lets a step be late; DoseMeter.add's bound
_OFF = const(-1)
# What the integer divisions of the rates and of the meters can hide, at most.
_ROUNDED_UJ = const(2)
_ROUNDED_MS = const(4)


class Lamps:
    """Drives the lamps of all channels. channels: those of the board's facts, and its warmer
    (`wrap.hal.list_outputs`); supply_ma: most current of all together; irradiance: (nominal, upper
    bound) at full duty per channel, uW/cm2.

    meters: a DoseMeter per channel; duties: what the pins hold, u16; rate_uw: nominal irradiance of
    all channels at the duties that `apply` approaches, uW/cm2."""

    def __init__(
        self,
        hal: "Hal",
        channels: "tuple[tuple[str, int, int, int, int], ...]",
        supply_ma: int,
        irradiance: "list[tuple[int, int]]",
    ) -> None:
        self._hal = hal
        self._n = len(channels)
        self._ma = tuple([small_int(c[3]) for c in channels])
        self._worst_uw = tuple([small_int(c[4]) for c in channels])
        self._supply_ma = supply_ma
        self.meters = [DoseMeter(small_int(a), small_int(b)) for a, b in irradiance]
        self.duties = [0] * self._n
        self._wanted = [0] * self._n  # the duties that `apply` approaches
        self._modes = [_OFF] * self._n  # pulse Hz, 0 carrier, or _OFF: pin held low without PWM
        self._spec: "Spec | None" = None
        self._pulsed = True
        self._fade = -1
        self._derate = -1
        self._rising = False
        self._slew = 65535
        self._lit = False
        self._open = False  # the self-test has opened one shut-off path
        self._blank = False  # all lamps are off for this step; `duties` return after it
        self._upper_rate_uw = 0
        self.rate_uw = 0

    def meter(self, dt_ms: int) -> None:
        """Add the light of the last `dt_ms`, in which the pins held `duties`. Call it before
        anything that changes them."""
        if self._lit and not self._blank:
            if dt_ms > _MAX_GAP_MS:
                dt_ms = _MAX_GAP_MS
            duties = self.duties
            i = 0
            for m in self.meters:
                m.add(duties[i], dt_ms)
                i += 1

    def set_ramp(self, ramp_ms: int) -> None:
        """Set the fastest rise of a duty: from 0 to full in `ramp_ms`. Falling is not limited."""
        self._slew = max(1, 65535 * limits.STEP_MS // ramp_ms)

    def apply(self, spec: "Spec", fade: int, derate: int, pulsed: bool) -> None:
        """Write the duties of `spec` at `fade` and `derate` (0..4096). Call it in every step while
        light is on.

        pulsed: False switches pulsed channels off at once. The PWM takes a new compare value at the
        end of a period, which is up to 100 ms later at 10 Hz.
        """
        if spec is not self._spec or pulsed != self._pulsed:
            self._set_modes(spec, pulsed)
        if fade != self._fade or derate != self._derate:
            self._set_wanted(spec, fade, derate)
        if self._rising:
            self._approach_wanted()
            self._write_duties()
        self._lit = True

    def limit_current(self, ma: int) -> None:
        """Limit the current of all lamps together to `ma`, from the next `apply` on."""
        self._supply_ma = ma
        self._fade = -1  # no fade: the next `apply` computes the duties again

    def blank(self) -> None:
        """Switch all lamps off for one step, without changing `duties`."""
        self._blank = True
        for i in range(self._n):
            if self._modes[i] > 0:  # a compare value of 0 would let a slow pulse end first
                self._hal.lamp_off(i)
            else:
                self._hal.lamp_write(i, 0)

    def unblank(self) -> None:
        """Write `duties` again after a blank step; does nothing otherwise."""
        if not self._blank:
            return
        self._blank = False
        for i in range(self._n):
            if self._modes[i] > 0:
                self._hal.lamp_mode(i, self._modes[i])
        self._write_duties()

    def is_steady(self) -> bool:
        """Return whether the duties have reached what `apply` asked for."""
        return not self._rising

    def is_pulsed(self) -> bool:
        """Return whether a channel pulses."""
        for mode in self._modes:
            if mode > 0:
                return True
        return False

    def dose_in_ms(self, target_uj: int, cap_uj: int) -> int:
        """Return the milliseconds for which, at the present duties, the nominal dose cannot reach
        `target_uj` (0: none) nor its upper bound `cap_uj`. Rather too few: it includes the light of
        the final fade and all rounding."""
        left = _in_ms(cap_uj - self.upper_uj(), self._upper_rate_uw)
        if target_uj:
            fading_uj = self.rate_uw * (limits.RAMP_DOWN_MS // 2) // 1000
            left = min(left, _in_ms(target_uj - self.dose_uj() - fading_uj, self.rate_uw))
        return left

    def _write_duties(self) -> None:
        for i in range(self._n):
            if self._modes[i] != _OFF:
                self._hal.lamp_write(i, self.duties[i])

    def _set_modes(self, spec: "Spec", pulsed: bool) -> None:
        """Set each channel to carrier, pulses or off for a new step of the plan. A channel that
        changes starts from duty 0, so that no old compare value meets a new period."""
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

    def _set_wanted(self, spec: "Spec", fade: int, derate: int) -> None:
        """Compute the duties to approach, and the rates of light at them."""
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
        # After the supply limit: otherwise a plan that asks for four times the current would have
        # to be derated to a quarter before its light decreased at all.
        for i in range(self._n):
            wanted[i] = wanted[i] * fade // FADE_FULL * derate // FADE_FULL
        rate = upper = 0
        for i in range(self._n):
            rate += self.meters[i].full_uw * (wanted[i] >> 4) // 4096
            upper += self.meters[i].upper_uw * (wanted[i] >> 4) // 4096
        self.rate_uw = rate
        self._upper_rate_uw = upper
        self._rising = True

    def _approach_wanted(self) -> None:
        """Change the duties towards those wanted: down at once, up by at most the slew."""
        duties = self.duties
        self._rising = False
        for i in range(self._n):
            duty = duties[i] + self._slew  # H-34
            if duty < self._wanted[i]:
                self._rising = True
                duties[i] = duty
            else:
                duties[i] = self._wanted[i]

    def stay_dark(self) -> bool:
        """Switch all channels off unless they are. Returns whether something was on."""
        if not (self._lit or self._open):
            return False
        self.dark()
        return True

    def open_enable(self) -> None:
        """Raise the enable while every lamp pin is low, for the self-test."""
        self._open = True
        self._hal.enable(True)

    def open_pins(self, duty: int) -> None:
        """Drop the enable and put `duty` (u16) on every lamp pin, for the self-test."""
        self._open = True
        self._hal.enable(False)
        for i in range(self._n):
            self._hal.lamp_mode(i, 0)
            self._hal.lamp_write(i, duty)
            self.duties[i] = duty
            self._modes[i] = 0

    def dark(self) -> None:
        """Switch all channels off at once, in any state."""
        self._hal.dark()
        duties = self.duties
        for i in range(self._n):
            duties[i] = 0
            self._modes[i] = _OFF
        self._lit = self._open = self._blank = False
        self._spec = None
        self.rate_uw = 0

    def dose_uj(self) -> int:
        """Return the nominal dose of the session, sum of the channels, uJ/cm2."""
        total = 0
        for m in self.meters:
            total += m.uj
        return total

    def worst_mj(self) -> int:
        """Return the dose of the session by the board's stated worst case, whatever the calibration
        is, mJ/cm2. Only whole seconds at full duty count, so that the product stays small."""
        total = 0
        for i in range(self._n):
            total += self.meters[i].on_ms // 1000 * self._worst_uw[i] // 1000
        return total

    def upper_uj(self) -> int:
        """Return the upper bound of the session's dose, sum of the channels, uJ/cm2."""
        total = 0
        for m in self.meters:
            total += m.upper_uj
        return total


def duty_of_level(permille: int) -> int:
    """Return the duty (u16) nearest to a level of 0..1000 permille."""
    return (65535 * permille + 500) // 1000


def _in_ms(uj: int, rate_uw: int) -> int:
    """Return the milliseconds in which `rate_uw` gives `uj` uJ/cm2. Rather too few, since rates and
    doses are rounded down."""
    uj_a_ms = rate_uw // 1000 + _ROUNDED_UJ
    return uj // uj_a_ms - _ROUNDED_MS
