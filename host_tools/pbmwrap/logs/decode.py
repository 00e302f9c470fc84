"""Decodes log bytes to records. Never raises, and yields only records whose CRC matches."""

from __future__ import annotations

import binascii
import json
import struct
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from wrap.rules import states
from wrap.storage import payload_reader, payloads, record_reader, records

NAMES = {
    records.BOOT: "boot",
    records.CLOCK: "clock",
    records.START: "start",
    records.STATE: "state",
    records.SAMPLE: "sample",
    records.FAULT: "fault",
    records.END: "end",
    records.ACK: "ack",
    records.NOTE: "note",
    records.BLOB: "blob",
    records.SECTOR: "sector",
    records.WAKE: "wake",
    records.COURSE: "course",
    records.TRIAL: "trial",
    records.MASKED: "masked",
}


def _unpack_trial(payload: bytes) -> Any:
    """Unpack a TRIAL record. It comes before the session that it names is recorded, and belongs to
    none: the session's number is in `of_session`."""
    data = payload_reader.unpack_json(payload)
    if isinstance(data, dict) and "session" in data:
        data["of_session"] = data.pop("session")
    return data


def _unpack_masked(payload: bytes) -> Any:
    """Unpack a MASKED record. Its own number of the session counts those of the trial: `n`."""
    data = payload_reader.unpack_masked(payload)
    return {
        "of_kind": data["kind"],
        "n": data["session"],
        "record": data["record"],
        "hidden": data["hidden"].hex(),
    }


UNPACKERS: dict[int, Callable[[bytes], Any]] = {
    records.BOOT: payload_reader.unpack_boot,
    records.CLOCK: payload_reader.unpack_clock,
    records.START: payload_reader.unpack_start,
    records.STATE: payload_reader.unpack_state,
    records.SAMPLE: payload_reader.unpack_sample,
    records.FAULT: payload_reader.unpack_json,
    records.END: payload_reader.unpack_end,
    records.ACK: payload_reader.unpack_json,
    records.NOTE: payload_reader.unpack_json,
    records.BLOB: payload_reader.unpack_blob,
    records.SECTOR: payload_reader.unpack_sector,
    records.WAKE: payload_reader.unpack_wake,
    records.COURSE: payload_reader.unpack_course,
    records.TRIAL: _unpack_trial,
    records.MASKED: _unpack_masked,
}

MAX_RECORD_BYTES = records.MAX_PAYLOAD + records.OVERHEAD + 2
# The longest damage that one interrupted write can cause: the device leaves the bytes of a CRC free
# behind a write that was cut short.
MAX_TORN_BYTES = MAX_RECORD_BYTES - 1 + records.CRC_SIZE


@dataclass(frozen=True)
class Entry:
    """One record.

    offset: absolute, bytes, in the wrap's log. size: bytes, with header and CRC. up_s, up_ms:
    uptime, seconds and the milliseconds within one. data: the decoded payload; None when its type
    or schema is newer than this program, or when it cannot be decoded.
    """

    offset: int
    size: int
    kind: int
    seq: int
    boot: int
    up_s: int
    up_ms: int
    payload: bytes
    data: dict[str, Any] | None

    @property
    def name(self) -> str:
        """Name of the type: `sample`, or `type-200` for a type that this program does not know."""
        return NAMES.get(self.kind, f"type-{self.kind}")

    @property
    def up_ms_total(self) -> int:
        """Uptime in ms."""
        return self.up_s * 1000 + self.up_ms

    @property
    def session(self) -> int | None:
        """Number of the session that the record belongs to (u32, not 0); None outside sessions."""
        number = self.data.get("session") if self.data else None
        if not isinstance(number, int) or isinstance(number, bool):
            return None
        return number if 0 < number < 1 << 32 else None

    @property
    def schema(self) -> int | None:
        """Schema version of the payload; None without a payload."""
        return payload_reader.schema(self.payload) if self.payload else None


@dataclass(frozen=True)
class Decoded:
    """All records in the log's order. Ranges are (start, end), absolute offsets in bytes.

    damage: bytes without a valid record. missing: deleted by the wrap before they were pulled.
    torn: the last damage reaches the end (an interrupted write, or a pull that stopped inside a
    record). unknown: (type, count) of types that this program does not know. newer: records of a
    newer schema. unreadable: records with a valid CRC whose payload cannot be decoded.
    """

    entries: tuple[Entry, ...]
    damage: tuple[tuple[int, int], ...] = ()
    missing: tuple[tuple[int, int], ...] = ()
    torn: bool = False
    unknown: tuple[tuple[int, int], ...] = ()
    newer: int = 0
    unreadable: int = 0


def get_reported_loss(entry: Entry) -> int | None:
    """Return how many records the wrap lost since that boot, where `entry` is a note of it.

    None for every other record, and where the number makes no sense.
    """
    lost = entry.data.get("lost") if entry.kind == records.NOTE and entry.data else None
    return lost if type(lost) is int and lost > 0 else None


def count_lost_records(entries: Iterable[Entry]) -> int:
    """Count the records that the wrap lost before they reached the log, by its notes.

    A note gives the total since the boot, so the last one of each boot counts.
    """
    lost = {entry.boot: n for entry in entries if (n := get_reported_loss(entry)) is not None}
    return sum(lost.values())


def decode(data: bytes, base: int = 0) -> Decoded:
    """Decode one run of log bytes. base: absolute offset of its first byte."""
    return decode_extents([(base, data)])


def decode_extents(extents: Iterable[tuple[int, bytes]]) -> Decoded:
    """Decode runs of bytes, each with its absolute offset, in rising order."""
    return _decode_chosen(extents, _leave_nothing_out)


def decode_outline(extents: Iterable[tuple[int, bytes]]) -> Decoded:
    """Decode runs of bytes without what happened inside of whole sessions.

    Left out are samples, answers to the wake check, and states but the first rise of the light,
    between the start and the end of a session where no record is missing in between: most of a log.
    The other entries, and all else, are as `decode_extents` gives them. So a summary of a session
    is the same, without samples.
    """
    return _decode_chosen(extents, _find_insides)


def decode_only(extents: Iterable[tuple[int, bytes]], boot: int) -> Decoded:
    """Decode the records of the boots with this number alone, and the blobs that they may name."""

    def find_others(_data: bytes, places: list[_Place]) -> set[int]:
        return {
            number
            for number, (kind, _, its, _, _) in enumerate(places)
            if its != boot and kind != records.BLOB
        }

    return _decode_chosen(extents, find_others)


# A record in a run of bytes: (kind, seq, boot, offset of its first byte, offset behind it).
_Place = tuple[int, int, int, int, int]


def _decode_chosen(
    extents: Iterable[tuple[int, bytes]], choose: Callable[[bytes, list[_Place]], set[int]]
) -> Decoded:
    """Decode the records whose numbers in the list of places `choose` does not return."""
    entries: list[Entry] = []
    damage: list[tuple[int, int]] = []
    missing: list[tuple[int, int]] = []
    end: int | None = None
    inheritance = _Inheritance()
    for base, data in extents:
        if end is not None and base > end:
            missing.append((end, base))
        places, gaps = _find_records(data)
        left_out = choose(data, places)
        for number, place in enumerate(places):
            if number in left_out:
                continue
            if number - 1 in left_out:
                inheritance.pass_over(places[number - 1])
            entry = _make_entry(data, place, base)
            entries.append(entry)
            inheritance.add(entry)
        damage += [(base + start, base + stop) for start, stop in gaps]
        end = base + len(data)
    unknown = Counter(e.kind for e in entries if e.kind not in UNPACKERS)
    newer = sum(_is_newer(e.kind, e.payload) for e in entries)
    undecoded = sum(e.data is None for e in entries)
    return Decoded(
        tuple(entries),
        tuple(damage),
        tuple(missing),
        bool(damage) and damage[-1][1] == end,
        tuple(sorted(unknown.items())),
        newer,
        undecoded - newer - unknown.total(),
    )


_HEAD = "<BBHH"
_TAG = records.pack(0, 0, 0, 0, 0, b"")[0]
_LONG = 255  # a length that says: the length follows the head
# A record ends with the CRC of what is before it, so the CRC of a whole record is always the same.
_WHOLE = binascii.crc32(records.pack(0, 0, 0, 0, 0, b""))


def _find_records(data: bytes) -> tuple[list[_Place], list[tuple[int, int]]]:
    """Find the places of all records, and the ranges that hold none, as `record_reader.scan` does.

    That one reads each payload; this one takes a fifth of its time.
    """
    found: list[_Place] = []
    gaps: list[tuple[int, int]] = []
    at, end, lost, seq = 0, len(data), -1, -1
    tag = size = low = boot = 0
    view, last = memoryview(data), len(data) - records.OVERHEAD
    while at < end:
        stop = 0
        if at <= last and data[at] & 0xE0 == _TAG:
            tag, size, low, boot = struct.unpack_from(_HEAD, data, at)
            stop = at + size + records.OVERHEAD
            if size == _LONG:
                record = record_reader.parse(data, at)
                stop = record[6] if record else 0
            elif stop > end or binascii.crc32(view[at:stop]) != _WHOLE:
                stop = 0
        if not stop:
            lost = at if lost < 0 else lost
            at += 1
            continue
        if lost >= 0:
            gaps.append((lost, at))
            lost = -1
        kind = tag - _TAG
        if kind == records.SECTOR and size >= 9:
            place = at + records.HEAD_SIZE + (2 if size == _LONG else 0) + 5
            seq = int.from_bytes(data[place : place + 4], "little")
        else:
            seq += 1 + ((low - seq - 1) & 0xFFFF)
        found.append((kind, seq, boot, at, stop))
        at = stop
    if lost >= 0:
        gaps.append((lost, end))
    return found, gaps


def _leave_nothing_out(_data: bytes, _places: list[_Place]) -> set[int]:
    return set()


def _find_insides(data: bytes, places: list[_Place]) -> set[int]:
    """Find the numbers of the records that `decode_outline` leaves out."""
    out: set[int] = set()
    inside: list[int] = []
    start: _Place | None = None  # of a session in which nothing is missing so far
    dark = True  # since then
    layout, following = 0, (0, -1)  # of its samples; seq and boot that come next
    for number, (kind, seq, boot, at, _) in enumerate(places):
        if following != (seq, boot):
            start = None
        following = seq + 1, boot
        if kind == records.SAMPLE and start:
            # size, schema and state, numbers of sensors and channels
            found = data[at + 1] << 16 | (data[at + 10] & 15) << 8 | data[at + 11]
            if found == layout or _is_sample(found):
                layout = found
                inside.append(number)
        elif kind == records.START:
            start, inside, dark = places[number], [], True
        elif kind == records.END:
            if start and _ends(data, start, places[number]):
                out.update(inside)
            start = None
        elif kind == records.BOOT:
            start = None
        elif start and _is_plain(kind, data, at):
            if kind == records.STATE and dark and data[at + 11] & 15 == states.RAMP_UP:
                dark = False
            else:
                inside.append(number)
    return out


def _is_sample(layout: int) -> bool:
    """Whether a SAMPLE record is certainly readable: of the size that its numbers ask for."""
    size, schema, counts = layout >> 16, layout >> 8 & 15, layout & 255
    return schema == payloads.SCHEMA and size == 2 + 2 * (counts >> 4) + 3 * (counts & 15)


def _ends(data: bytes, start: _Place, end: _Place) -> bool:
    """Whether an END record is readable and of the session of this START record."""
    sums = _unpack_payload(end[0], _read_payload(data, end))
    begun = _unpack_payload(start[0], _read_payload(data, start))
    if not sums or not begun or sums["session"] != begun["session"]:
        return False
    return bool(sums["dose_uj"] and sums["max_mc"])


def _is_plain(kind: int, data: bytes, at: int) -> bool:
    """Whether it is a STATE or WAKE record that is certainly readable."""
    payload, size = at + records.HEAD_SIZE, data[at + 1]
    if kind == records.STATE:
        whole = size == 3 and data[payload + 2] < _LONG
    else:
        whole = kind == records.WAKE and size == 4 and data[payload + 1] < 3
    return whole and data[payload] & 15 == payloads.SCHEMA


def _read_payload(data: bytes, place: _Place) -> bytes:
    long = 2 if data[place[3] + 1] == _LONG else 0
    return data[place[3] + records.HEAD_SIZE + long : place[4] - records.CRC_SIZE]


def _make_entry(data: bytes, place: _Place, base: int) -> Entry:
    kind, seq, boot, at, stop = place
    up_s, up_10ms = divmod(int.from_bytes(data[at + 6 : at + 10], "little"), 100)
    payload = _read_payload(data, place)
    meaning = _unpack_payload(kind, payload)
    return Entry(base + at, stop - at, kind, seq, boot, up_s, up_10ms * 10, payload, meaning)


def _unpack_payload(kind: int, payload: bytes) -> dict[str, Any] | None:
    if kind not in UNPACKERS or _is_newer(kind, payload):
        return None
    try:
        data = UNPACKERS[kind](payload)
    except (ValueError, KeyError, IndexError, TypeError, RecursionError, struct.error):
        return None
    return data if isinstance(data, dict) else None


def _is_newer(kind: int, payload: bytes) -> bool:
    return kind in UNPACKERS and payload_reader.schema(payload) > payloads.SCHEMA


_LIT = (states.RAMP_UP, states.RUNNING)  # the session's light time counts in these
_OF_A_SESSION = (records.STATE, records.SAMPLE, records.WAKE)


class _Inheritance:
    """Fills in the fields that a compact record inherits from the records before it.

    These are the session's number, its light time so far, and the content of a blob that a record
    names by hash. Where records are missing, the field is None: nothing is guessed.
    """

    def __init__(self) -> None:
        self._blobs: dict[str, bytes] = {}
        self._previous: tuple[int, int] | None = None  # boot, seq
        self._forget_boot()

    def _forget_boot(self) -> None:
        self._session: int | None = None
        self._orphans: list[dict[str, Any]] = []  # the start of their session is not in the log
        self._active_ms: int | None = None
        self._lit_since_ms: int | None = None  # uptime

    def add(self, entry: Entry) -> None:
        """Fill in the next record in the log's order. Its `data` is changed in place."""
        self._check_continuity(entry)
        if entry.data is not None:
            self._fill_fields(entry, entry.data)
        self._previous = entry.boot, entry.seq

    def pass_over(self, place: _Place) -> None:
        """Note the last of some records that are left out; none is missing among them."""
        self._previous = place[2], place[1]

    def _check_continuity(self, entry: Entry) -> None:
        """Discard what a missing record may have changed."""
        previous = self._previous
        if previous is None or entry.kind == records.BOOT or entry.boot != previous[0]:
            self._forget_boot()
        elif entry.seq != previous[1] + 1:
            self._active_ms = None
            # One missing record cannot be both the end of a session and the start of the next.
            if entry.seq != previous[1] + 2:
                self._forget_boot()

    def _fill_fields(self, entry: Entry, data: dict[str, Any]) -> None:
        if entry.kind == records.BLOB:
            self._blobs[data["name"]] = data["raw"]
            data["raw"] = data["raw"].decode("utf-8", "replace")
        elif entry.kind == records.SECTOR:
            data["blobs"] = [{"name": name.hex(), "offset": at} for name, at in data["blobs"]]
        elif entry.kind == records.START:
            self._begin_session(data)
        elif entry.kind == records.END:
            self._end_session(data)
        elif entry.kind in _OF_A_SESSION:
            self._fill_inside(entry, data)

    def _begin_session(self, data: dict[str, Any]) -> None:
        self._forget_boot()
        self._session = data["session"]
        self._active_ms = 0
        protocol = self._blobs.get(data["protocol_blob"])
        data["protocol"] = None if protocol is None else protocol.decode("utf-8", "replace")
        try:
            data["cal"] = json.loads(self._blobs.get(data["cal_blob"], b"[]"))
        except ValueError:
            data["cal"] = []

    def _end_session(self, data: dict[str, Any]) -> None:
        """Give the number in the end record to records whose start is missing."""
        for orphan in self._orphans if self._session is None else ():
            orphan["session"] = data["session"]
        self._forget_boot()

    def _fill_inside(self, entry: Entry, data: dict[str, Any]) -> None:
        if entry.kind == records.STATE:
            self._active_ms = self._active_ms_at(entry)
            self._lit_since_ms = entry.up_ms_total if data["new"] in _LIT else None
        else:
            data.setdefault("active_ms", self._active_ms_at(entry))
        data["session"] = self._session
        if self._session is None:
            self._orphans.append(data)

    def _active_ms_at(self, entry: Entry) -> int | None:
        if self._active_ms is None:
            return None
        lit_ms = 0 if self._lit_since_ms is None else entry.up_ms_total - self._lit_since_ms
        return self._active_ms + lit_ms
