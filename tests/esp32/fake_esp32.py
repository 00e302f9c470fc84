"""Stands in for `esp32` of MicroPython's esp32 port, as its sources say it behaves: RMT and
Partition."""

from __future__ import annotations

import types

from tests.esp32.chip import Chip

SECTOR = 4096


def made_rmt(chip: Chip) -> type:
    class RMT:
        def __init__(self, number, *, pin, resolution_hz):
            """esp32_rmt.c and components/esp_driver_rmt/src/rmt_tx.c rmt_new_tx_channel: the pad
            becomes an output without an input, pull-up on, and idles low."""
            if pin.number in chip.kind.inputs_only:
                raise OSError(-258, "ESP_ERR_INVALID_ARG")
            free = [n for n in range(chip.kind.rmt_channels) if n not in chip.rmt_taken]
            if not free:  # rmt_tx_register_to_group; the number asked for counts for nothing
                raise OSError(-261, "ESP_ERR_NOT_FOUND")
            self._channel = free[0]
            chip.rmt_taken.add(self._channel)
            state = chip.pin(pin.number)
            state.signal = self._signal = chip.kind.rmt_signal + self._channel
            state.out, state.input_on, state.pull = True, False, 2
            chip.rmt_until_us[self._signal] = -1
            self._pin = state
            self._hz = resolution_hz
            self._enabled = False

        def active(self, on):
            """esp32_rmt_active: False stops a wave at once; True is refused. An ESP32 has no bit
            that stops one (SOC_RMT_SUPPORT_ASYNC_STOP): rmt_tx_disable() clears the first word of
            the channel's memory, which is sent already, and polls TX_DONE until the wave has run
            out, inside a critical section (espressif/esp-idf#17692)."""
            if on:
                raise ValueError("activate by calling write_pulses()")
            if self._enabled and not chip.kind.rmt_stops:
                left_us = max(0, chip.rmt_until_us[self._signal] - chip.now_us)
                chip.rmt_waited_us += left_us
                chip.hold_interrupts_us(left_us)
            chip.rmt_until_us[self._signal] = -1
            self._enabled = False

        def write_pulses(self, durations, levels):
            """esp32_rmt_write_pulses: waits for a wave under way, in C: interrupts come, callbacks
            do not; durations have 15 bits (rmt_symbol_word_t); sent by hardware alone up to a
            channel's memory of 48 symbols."""
            left_us = max(0, chip.rmt_until_us[self._signal] - chip.now_us)
            if self._enabled and left_us:
                chip.rmt_waited_us += left_us
                chip.now_us += left_us
                chip.advance_us(0)
            if len(durations) != len(levels):
                raise ValueError("duration and data must have same length")
            if not all(0 < n < 1 << 15 for n in durations) or len(durations) > 96:
                raise ValueError("a pulse that RMT cannot hold")
            if not all(levels):
                raise ValueError("only high waves are modelled")
            self._enabled = True
            us = sum(durations) * 1_000_000 // self._hz
            chip.rmt_until_us[self._signal] = chip.now_us + us

        def deinit(self):
            """rmt_tx_destroy: also switches the pad's output off."""
            self.active(False)
            self._pin.out = False
            chip.rmt_taken.discard(self._channel)

    return RMT


class Nor:
    """Holds the bytes of a flash; a bit is cleared by writing and set by erasing only."""

    def __init__(self, size: int) -> None:
        self.data = bytearray(b"\xff" * size)
        self.erased = 0


def made_partition(parts: dict[str, Nor]) -> type:
    class Partition:
        TYPE_DATA = 1

        def __init__(self, label):
            self._label = label
            self._nor = parts[label]

        @staticmethod
        def find(kind, *, label):
            """esp32_partition_find: a list, empty when there is none."""
            return [Partition(label)] if label in parts and kind == Partition.TYPE_DATA else []

        def info(self):
            return (1, 0x40, 0x210000, len(self._nor.data), self._label, False)

        def readblocks(self, block, buf, offset=0):
            """Any offset and length (esp_partition_read)."""
            at = block * SECTOR + offset
            if at + len(buf) > len(self._nor.data):
                raise OSError(-260, "ESP_ERR_INVALID_SIZE")
            buf[:] = self._nor.data[at : at + len(buf)]

        def writeblocks(self, block, buf, offset=None):
            """With an offset nothing is erased; without, the sectors are."""
            at = block * SECTOR + (offset or 0)
            data = self._nor.data
            if at + len(buf) > len(data):
                raise OSError(-260, "ESP_ERR_INVALID_SIZE")
            if offset is None:
                data[at : at + len(buf)] = b"\xff" * len(buf)
            for n, byte in enumerate(buf):
                data[at + n] &= byte

        def ioctl(self, command, block):
            """6 erases a sector; 4 and 5 tell counts (esp32_partition_ioctl)."""
            if command == 6:
                self._nor.data[block * SECTOR : (block + 1) * SECTOR] = b"\xff" * SECTOR
                self._nor.erased += 1
                return 0
            return {4: len(self._nor.data) // SECTOR, 5: SECTOR}[command]

    return Partition


def made_esp32(chip: Chip, parts: dict[str, Nor]) -> types.ModuleType:
    """Return the module."""
    module = types.ModuleType("esp32")
    vars(module).update({"RMT": made_rmt(chip), "Partition": made_partition(parts)})
    return module


def made_esp(chip: Chip) -> types.ModuleType:
    """Return the module `esp`."""
    module = types.ModuleType("esp")

    def osdebug(uart, level=3):
        """modesp.c esp_osdebug: None does not silence, it sets the level of the start, errors; a
        level counts with any other first argument."""
        chip.log_level = 1 if uart is None else level

    vars(module).update({"osdebug": osdebug, "LOG_NONE": 0, "LOG_ERROR": 1})
    return module
