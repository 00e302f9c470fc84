"""Stands in for `machine` of MicroPython's esp32 port, as its sources say it behaves."""

from __future__ import annotations

import types

from tests.esp32.chip import APB_HZ, Channel, Chip

_ADC_MAX_MV = {"esp32": 3100, "esp32s3": 3100, "esp32c3": 2500}


def made_pin(chip: Chip) -> type:
    class Pin:
        IN, OUT = 1, 3  # GPIO_MODE_INPUT, GPIO_MODE_INPUT_OUTPUT: an output can be read back
        PULL_DOWN, PULL_UP = 1, 2

        def __init__(self, number, mode=None, pull=-1, *, value=None):
            self.number = number.number if isinstance(number, Pin) else number
            if mode is not None:
                self.init(mode, pull, value=value)

        def init(self, mode, pull=-1, *, value=None):
            """machine_pin.c machine_pin_obj_init_helper: the level first, then the direction;
            gpio_set_direction connects the pad to the GPIO again, which is why machine_pwm.c
            reconfigure_pin() connects its own signal after it."""
            state = chip.pin(self.number)
            if value is not None:
                state.level = int(value)
            if mode == Pin.OUT:
                if self.number in chip.kind.inputs_only:
                    raise ValueError("pin can only be input")  # machine_pin.c, the same words
                state.signal = chip.kind.gpio_signal
                state.lows += state.level == 0
            state.out = mode == Pin.OUT
            state.input_on = True
            if pull != -1:
                state.pull = pull or 0

        def value(self, level=None):
            if level is None:
                return chip.level(self.number)
            chip.pin(self.number).level = int(level)
            return None

    return Pin


def made_pwm(chip: Chip) -> type:
    kind = chip.kind

    class PWM:
        def __init__(self, pin, freq=-1, *, duty_u16=-1):
            self.pin = pin.number
            self.mode = self.channel = -1
            self.timer = -1
            self._duty = None
            self.init(freq, duty_u16=duty_u16)

        def init(self, freq=-1, *, duty_u16=-1):
            """mp_machine_pwm_init_helper: without a duty, 50 %; without a frequency, 5 kHz; a
            channel of its own pin is taken again; else the first that is free."""
            if freq != -1 and not 0 < freq <= 40_000_000:
                raise ValueError("frequency must be from 1Hz to 40MHz")
            if duty_u16 >= 0:
                self._check(duty_u16)
            elif self._duty is None:
                self._duty = 32768
            self.mode, self.channel = self._find_channel()
            freq = 5000 if freq == -1 else freq
            self._find_timer(freq)
            self._set_freq(freq)
            self._apply()

        def _check(self, duty):
            if not 0 <= duty <= 65535:
                raise ValueError("duty_u16 must be from 0 to 65536")  # check_duty_u16
            self._duty = 65536 if duty == 65535 else duty  # the same: true 100 %

        def _find_channel(self):
            places = [(m, c) for m in range(kind.modes) for c in range(kind.channels)]
            for pin in (self.pin, -1):
                for mode, channel in places:
                    if chip.ledc[mode][channel].pin == pin:
                        return mode, channel
            raise RuntimeError("out of PWM channels")  # the same place

        def _used(self, mode, timer):
            return any(
                c.pin >= 0 and c.timer == timer and n != self.channel
                for n, c in enumerate(chip.ledc[mode])
            )

        def _find_timer(self, freq):
            """select_timer: one that runs at this frequency, its own if nobody else uses it, one
            that is free."""
            timers = chip.ledc_timers
            same = [(m, t) for m in range(kind.modes) for t in range(4) if timers[m][t].hz == freq]
            free = [(m, t) for m in range(kind.modes) for t in range(4) if timers[m][t].hz < 0]
            if same:
                mode, timer = same[0]
            elif self.timer >= 0 and not self._used(self.mode, self.timer):
                mode, timer = self.mode, self.timer
            elif free:
                mode, timer = free[0]
            else:
                raise RuntimeError("out of PWM timers:%d" % (kind.modes * 4))  # noqa: UP031
            if mode != self.mode:  # another mode's timer: a channel there
                self.mode = mode
                spare = [n for n, c in enumerate(chip.ledc[mode]) if c.pin < 0]
                self.channel = spare[0]
            self.timer = timer

        def _set_freq(self, freq):
            """find_suitable_duty_resolution: as many bits as the clock allows, at most 16, and one
            less than the timer has (100 % is not reached with all). The divider has 10 whole bits
            (TRM, LEDC_CLK_DIV_TIMERx), so slow timers fail."""
            bits = min((APB_HZ // freq).bit_length() - 1, kind.timer_bits)
            bits = min(bits, 16)
            if bits >= kind.timer_bits:
                bits -= 1
            if APB_HZ / freq / (1 << bits) >= 1024:
                raise OSError(-261, "ESP_FAIL")
            timer = chip.ledc_timers[self.mode][self.timer]
            if timer.hz != freq:
                timer.hz, timer.bits, timer.begun_us = freq, bits, chip.now_us

        def _apply(self):
            """apply_duty: cut down to the timer's bits; a new channel is connected to the pad."""
            bits = chip.ledc_timers[self.mode][self.timer].bits
            channel = chip.ledc[self.mode][self.channel]
            duty = self._duty >> (16 - bits)
            if channel.pin != self.pin:
                channel.was = channel.duty  # the old one stands until the period's end
                signal = kind.ledc_signal + self.mode * kind.channels + self.channel
                pad = chip.pin(self.pin)
                pad.signal, pad.out = signal, True
            else:
                channel.was = chip.gives(self.mode, self.channel)
            channel.pin, channel.timer, channel.on = self.pin, self.timer, True
            channel.duty, channel.since_us = duty, chip.now_us

        def duty_u16(self, duty=None):
            """get_duty_u16: what the channel gives, not what was written."""
            if self.timer < 0:
                raise RuntimeError("PWM is inactive")
            if duty is not None:
                self._check(duty)
                self._apply()
                return None
            bits = chip.ledc_timers[self.mode][self.timer].bits
            return min(65535, chip.gives(self.mode, self.channel) << (16 - bits))

        def deinit(self):
            """pwm_deinit: the timer is freed when nobody else uses it; the pad stays connected to a
            channel that gives its idle level, low."""
            channel: Channel = chip.ledc[self.mode][self.channel]
            channel.was = channel.duty = chip.gives(self.mode, self.channel)
            if not self._used(self.mode, channel.timer):
                chip.ledc_timers[self.mode][channel.timer].hz = -1
            channel.pin, channel.on = -1, False
            self.timer = -1

    return PWM


def made_adc(chip: Chip) -> type:
    class ADC:
        ATTN_11DB = 3

        def __init__(self, pin, *, atten=3):
            if pin.number not in chip.kind.adc1:
                raise ValueError("invalid pin")  # machine_adc.c; ADC2 is not ours to use
            self._pin = pin.number
            self._calibrated = atten == 3

        def read_uv(self):
            """adc.c madcblock_read_uv_helper: whole millivolts; an error of the calibration raises.
            docs/esp32/quickref.rst: right from 150 to 2450 mV with 11 dB, and not linear above the
            full scale (components/esp_adc: 3100 mV, 2500 on a C3), where the converter saturates;
            below some 140 mV an ESP32 reads its offset (ESP-IDF, "ADC", non-linearity)."""
            if not chip.calibrated:
                # adc.c ensure_adc_calibration tries again at each conversion, and each time
                # esp_adc/.../adc_cali_*_fitting.c reports it by ESP_RETURN_ON_ERROR.
                chip.log_error("adc_cali: no calibration eFuse burnt")
                raise OSError(-262, "ESP_ERR_NOT_SUPPORTED")
            mv = chip.volts_mv.get(self._pin, 0)
            top = _ADC_MAX_MV[chip.name]
            if mv > top:
                mv = top
            elif mv > 2450:
                mv -= (mv - 2450) // 8
            elif mv < 150:
                mv = max(mv, 142) if chip.name == "esp32" else mv
            return mv * 1000

    return ADC


def made_rest(chip: Chip) -> dict[str, object]:
    class Timer:
        PERIODIC = 1

        def __init__(self, number, *, period, mode, callback):
            """machine_timer.c: the callback is scheduled, never called in the interrupt."""
            self.number, self.period_us, self.callback = number, period * 1000, callback
            self.due_us = chip.now_us + self.period_us
            chip.timers = [t for t in chip.timers if t.number != number] + [self]

        def deinit(self):
            chip.timers = [t for t in chip.timers if t is not self]

    class WDT:
        def __init__(self, *, timeout):
            """machine_wdt.c: the task watchdog of ESP-IDF, which panics and restarts."""
            if timeout <= 0:
                raise ValueError("WDT timeout too short")
            chip.watchdog_ms = timeout
            self.feed()

        def feed(self):
            chip.fed_us = chip.now_us

    class RTC:
        def memory(self, data=None):
            """machine_rtc.c: kept through every reset but the loss of power."""
            if data is None:
                return chip.rtc
            chip.rtc = bytes(data)
            return None

    class Mem32:
        """ports/esp32: any word. Those that the HAL knows."""

        def __getitem__(self, at):
            kind = chip.kind
            if at == kind.resets_at:
                return chip.chip_cause | 0x3000
            if at == kind.usb_at:
                return 2 if chip.usb_free else 0
            return chip.pin((at - kind.routes_at) // 4).signal

        def __setitem__(self, at, word):
            chip.pin((at - chip.kind.routes_at) // 4).signal = word

    def reset():
        chip.restarted = True

    # modmachine.c: reset_reason_t
    names = ("PWRON_RESET", "HARD_RESET", "WDT_RESET", "DEEPSLEEP_RESET", "SOFT_RESET")
    causes: dict[str, object] = {name: n + 1 for n, name in enumerate(names)}
    return causes | {
        "Timer": Timer,
        "WDT": WDT,
        "RTC": RTC,
        "mem32": Mem32(),
        "reset": reset,
        "reset_cause": lambda: chip.cause,
        "unique_id": lambda: bytes((0x24, 0x6F, 0x28, 0, 1, 0xAB)),
    }


def made_machine(chip: Chip) -> types.ModuleType:
    """Return the module."""
    module = types.ModuleType("machine")
    found = {"Pin": made_pin(chip), "PWM": made_pwm(chip), "ADC": made_adc(chip)}
    vars(module).update(found | made_rest(chip))
    return module
