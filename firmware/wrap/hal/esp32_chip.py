"""What differs between the chips of the family: addresses that are read, and the causes of a reset.

Addresses: ESP-IDF, soc/<chip>/register/soc/{gpio,rtc_cntl,usb_serial_jtag}_reg.h.
"""

import machine

from wrap.mp import const

_ROUTES = {"esp32": 0x3FF44530, "esp32s3": 0x60004554, "esp32c3": 0x60004554}  # GPIO_FUNCn_OUT_SEL
_RESETS = {"esp32": 0x3FF48034, "esp32s3": 0x60008038, "esp32c3": 0x60008038}  # RESET_STATE
_USB = {"esp32s3": 0x60038004, "esp32c3": 0x60043004}  # USB_SERIAL_JTAG_EP1_CONF
_CAUSE = const(0x3F)  # of the CPU that runs MicroPython
_POWER_ON = const(1)  # soc/reset_reasons.h, on all three; the EN pin's is the same
_MARK = b"PBMWRAP"


def route_at(chip, pin):
    """Address of the word that says what drives `pin`: a peripheral's signal or the GPIO itself."""
    return _ROUTES[chip] + 4 * pin


def usb_at(chip):
    """Address of the USB-Serial-JTAG's EP1_CONF. Raises ValueError for a chip without one."""
    if chip not in _USB:
        raise ValueError("no USB port in chip " + chip)
    return _USB[chip]


def mark_reset():
    """The restart that follows is wanted."""
    machine.RTC().memory(_MARK)


def reset_cause(chip):
    """The contract's reset_cause. machine.reset_cause() calls a brown-out a power-on
    (ports/esp32/modmachine.c), but only after a true one does the chip itself say so: ESP-IDF
    restarts by software when the supply has sagged. A panic looks like machine.reset(): both are
    HARD_RESET, so what has no mark counts as a watchdog's."""
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
