"""Simulates an ESP32, S3 or C3 as far as the wrap's HAL can see it: pins and what drives them,
LEDC, time.

Every rule of the fakes in this folder names its source. Paths like ports/esp32/... are
MicroPython's (1.27 to 1.29-preview), components/... are ESP-IDF's (5.3 to 5.5).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

APB_HZ = 80_000_000  # LEDC_USE_APB_CLK, machine_pwm.c set_freq


@dataclass(frozen=True)
class Kind:
    """Holds what differs between the chips. Sources: components/soc/<chip>/include/soc/soc_caps.h,
    gpio_sig_map.h."""

    modes: int  # LEDC_SPEED_MODE_MAX: only the ESP32 has high-speed ones
    channels: int  # of a mode
    timer_bits: int  # SOC_LEDC_TIMER_BIT_WIDTH
    ledc_signal: int  # of the first channel
    rmt_signal: int
    rmt_channels: int  # that send: SOC_RMT_TX_CANDIDATES_PER_GROUP
    rmt_stops: bool  # SOC_RMT_SUPPORT_ASYNC_STOP
    gpio_signal: int  # SIG_GPIO_OUT_IDX
    adc1: tuple[int, ...]  # ports/esp32/machine_adc.c, madc_obj
    inputs_only: tuple[int, ...]
    routes_at: int  # soc/gpio_reg.h GPIO_FUNC0_OUT_SEL_CFG_REG
    resets_at: int  # soc/rtc_cntl_reg.h RTC_CNTL_RESET_STATE_REG
    usb_at: int = 0  # soc/usb_serial_jtag_reg.h USB_SERIAL_JTAG_EP1_CONF_REG


KINDS = {
    "esp32": Kind(
        modes=2,
        channels=8,
        timer_bits=20,
        ledc_signal=71,
        rmt_signal=87,
        rmt_channels=8,
        rmt_stops=False,
        gpio_signal=256,
        adc1=tuple(range(32, 40)),
        inputs_only=tuple(range(34, 40)),
        routes_at=0x3FF44530,
        resets_at=0x3FF48034,
    ),
    "esp32s3": Kind(
        modes=1,
        channels=8,
        timer_bits=14,
        ledc_signal=73,
        rmt_signal=81,
        rmt_channels=4,
        rmt_stops=True,
        gpio_signal=256,
        adc1=tuple(range(1, 11)),
        inputs_only=(),
        routes_at=0x60004554,
        resets_at=0x60008038,
        usb_at=0x60038004,
    ),
    "esp32c3": Kind(
        modes=1,
        channels=6,
        timer_bits=14,
        ledc_signal=45,
        rmt_signal=51,
        rmt_channels=2,
        rmt_stops=True,
        gpio_signal=128,
        adc1=tuple(range(5)),
        inputs_only=(),
        routes_at=0x60004554,
        resets_at=0x60008038,
        usb_at=0x60043004,
    ),
}


@dataclass
class PinState:
    """Simulates a pad: its GPIO latch and the signal that the matrix brings to it."""

    signal: int
    level: int = 0
    out: bool = False
    input_on: bool = True
    pull: int = 0
    lows: int = 0  # times that the GPIO was set low as an output


@dataclass
class Channel:
    """Simulates an LEDC channel. A duty counts from the end of the period under way: TRM, "LED PWM
    Controller", duty update; ports/esp32/machine_pwm.c says the same of ledc_update_duty."""

    pin: int = -1
    timer: int = -1
    on: bool = False
    was: int = 0
    duty: int = 0
    since_us: int = 0


@dataclass
class Timer:
    hz: int = -1
    bits: int = 0
    begun_us: int = 0


@dataclass
class Chip:
    """Simulates the chip. name: a key of KINDS. Time moves by `advance_us` alone."""

    name: str
    now_us: int = 0
    pins: dict[int, PinState] = field(default_factory=dict)
    wires: dict[int, int] = field(default_factory=dict)  # input -> the pin that drives it
    driven: dict[int, int] = field(default_factory=dict)  # input -> level from outside
    sensed: tuple[int, Callable[[], bool]] | None = None  # an input, and whether it sees light
    volts_mv: dict[int, int] = field(default_factory=dict)
    calibrated: bool = True
    log_level: int = 1  # ESP_LOG_ERROR, ports/esp32/boards/sdkconfig.base
    console: Callable[[bytes], object] = len  # where ESP-IDF logs: on a UART board, the link
    rmt_until_us: dict[int, int] = field(default_factory=dict)  # signal -> end of its high
    rmt_taken: set[int] = field(default_factory=set)  # channels
    rmt_waited_us: int = 0  # in which a call of RMT did not return
    panicked: bool = False  # by the interrupt watchdog
    timers: list = field(default_factory=list)  # machine.Timers that run
    fed_us: int = -1
    watchdog_ms: int = 0
    cause: int = 1
    chip_cause: int = 1
    rtc: bytes = b"\xa5"
    restarted: bool = False
    usb_free: bool = True

    def __post_init__(self) -> None:
        kind = self.kind
        self.ledc_timers = [[Timer() for _ in range(4)] for _ in range(kind.modes)]
        self.ledc = [[Channel() for _ in range(kind.channels)] for _ in range(kind.modes)]

    @property
    def kind(self) -> Kind:
        return KINDS[self.name]

    def pin(self, number: int) -> PinState:
        return self.pins.setdefault(number, PinState(self.kind.gpio_signal))

    def advance_us(self, us: int) -> None:
        """Move time; periodic timers are called on the way, as the scheduler would."""
        end = self.now_us + us
        while due := [t for t in self.timers if t.due_us <= end]:
            first = min(due, key=lambda t: t.due_us)
            self.now_us = max(self.now_us, first.due_us)
            first.due_us += first.period_us
            first.callback(first)
        self.now_us = end

    def advance_ms(self, ms: int) -> None:
        self.advance_us(ms * 1000)

    def log_error(self, text: str) -> None:
        """ESP_LOGE: a line on the console."""
        if self.log_level >= 1:
            self.console(f"E ({self.now_us // 1000}) {text}\r\n".encode())

    def hold_interrupts_us(self, us: int) -> None:
        """Let time pass in a critical section: what was due comes behind it. 300 ms of it are the
        interrupt watchdog's panic (CONFIG_ESP_INT_WDT_TIMEOUT_MS)."""
        self.now_us += us
        self.panicked = self.panicked or us >= 300_000
        self.advance_us(0)

    def gives(self, mode: int, number: int) -> int:
        """Return the duty that the channel gives now, in its timer's counts."""
        channel = self.ledc[mode][number]
        timer = self.ledc_timers[mode][channel.timer]
        period_us = 1_000_000 // max(1, timer.hz)
        whole = (channel.since_us - timer.begun_us) // period_us + 1
        ended = self.now_us >= timer.begun_us + whole * period_us
        return channel.duty if ended else channel.was

    def share(self, number: int) -> float:
        """Return the share of time in which the pad is high, as things are now."""
        pin = self.pin(number)
        kind = self.kind
        if pin.signal == kind.gpio_signal:
            return float(pin.level and pin.out)
        at = pin.signal - kind.ledc_signal
        if 0 <= at < kind.modes * kind.channels:
            mode, channel = divmod(at, kind.channels)
            ledc = self.ledc[mode][channel]
            bits = self.ledc_timers[mode][ledc.timer].bits
            return self.gives(mode, channel) / (1 << bits) if ledc.on else 0.0
        return float(self.rmt_until_us.get(pin.signal, -1) > self.now_us)

    def level(self, number: int) -> int:
        """Return what an input reads: nothing where the input is off (rmt_tx.c:
        GPIO_MODE_OUTPUT)."""
        if number in self.wires:
            return int(self.share(self.wires[number]) > 0)
        if number in self.driven:
            return self.driven[number]
        if self.sensed and number == self.sensed[0]:
            return int(self.sensed[1]())
        pin = self.pin(number)
        if not pin.out:
            return int(pin.pull == 2)
        return int(self.share(number) > 0) if pin.input_on else 0


Callback = Callable[[object], None]
