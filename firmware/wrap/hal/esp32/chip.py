"""The differences between the chips of the ESP32 family: register addresses and reset causes.

Addresses: ESP-IDF, soc/<chip>/register/soc/{gpio,rtc_cntl,usb_serial_jtag}_reg.h.
"""

import machine

from wrap.compat import const

_ROUTES = {"esp32": 0x3FF44530, "esp32s3": 0x60004554, "esp32c3": 0x60004554}  # GPIO_FUNCn_OUT_SEL
_RESETS = {"esp32": 0x3FF48034, "esp32s3": 0x60008038, "esp32c3": 0x60008038}  # RESET_STATE
_USB = {"esp32s3": 0x60038004, "esp32c3": 0x60043004}  # USB_SERIAL_JTAG_EP1_CONF
_CAUSE = const(0x3F)  # mask: the reset cause of the CPU that runs MicroPython
_POWER_ON = const(1)  # soc/reset_reasons.h, on all three chips; also for the EN pin
_MARK = b"PBMWRAP"


def stops_rmt(chip: str) -> bool:
    """Return whether a running RMT wave can be stopped at once. S3 and C3 have a bit for it. An
    ESP32 has none: rmt_disable() waits for the end of the wave with interrupts off
    (components/esp_driver_rmt/src/rmt_tx.c, rmt_tx_disable; espressif/esp-idf#17692)."""
    return chip != "esp32"


def rmt_channels(chip: str) -> int:
    """Return how many channels of RMT the dead-man uses. Without a stop each rests only when its
    wave has run out: three of 150 ms begin in that time, one more after a flash write, whose own
    takes another, and one drives the pin. A C3 has two that send."""
    return 2 if stops_rmt(chip) else 6


def route_at(chip: str, pin: int) -> int:
    """Return the address of the word that selects what drives `pin`: the signal of a peripheral or
    the GPIO itself."""
    return _ROUTES[chip] + 4 * pin


def usb_at(chip: str) -> int:
    """Return the address of the USB-Serial-JTAG's EP1_CONF. Raises ValueError for a chip
    without one."""
    if chip not in _USB:
        raise ValueError("no USB port in chip " + chip)
    return _USB[chip]


def mark_reset() -> None:
    """Mark the restart that follows as intended."""
    machine.RTC().memory(_MARK)


def reset_cause(chip: str) -> str:
    """Return the cause of this boot, see `Hal.reset_cause`.

    machine.reset_cause() reports a brown-out as a power-on (ports/esp32/modmachine.c), but the
    chip's own register does so only after a real one: ESP-IDF restarts by software when the supply
    has sagged. A panic and machine.reset() are both HARD_RESET, so one without a mark counts as a
    watchdog reset."""
    rtc = machine.RTC()
    marked = rtc.memory() == _MARK
    rtc.memory(b"")
    cause = machine.reset_cause()
    if cause == machine.SOFT_RESET:
        return "soft"
    if cause == machine.PWRON_RESET:
        by_power = machine.mem32[_RESETS[chip]] & _CAUSE == _POWER_ON
        return "power" if by_power else "brown-out"
    if cause == machine.WDT_RESET:
        return "watchdog"
    if cause == machine.HARD_RESET:
        return "intended" if marked else "watchdog"
    return "pin"
