"""The log on both kinds of storage, for the tests of it."""

import hashlib
import itertools

import pytest

from tests.nor import LOG, log_sectors, nor
from tests.unit.conftest import MemFiles
from wrap.storage import payload_reader, payloads, record_reader, records
from wrap.storage.log import UNUSED, Log
from wrap.storage.sectors import FileSectors

SIZE = records.OVERHEAD + 5
HEAD = records.OVERHEAD + 41


class Flash:
    """One of the two kinds of storage; `open` is what a boot does."""

    def __init__(self, kind):
        self.nor = nor()
        self.files = MemFiles()
        self.kind = kind

    def open(self):
        return Log(self.sectors())

    def program_behind(self, log, raw):
        """Write bytes behind the last record, which the log does not know of."""
        starts = {start: i for i, start in enumerate(log.starts) if start != UNUSED}
        newest = max(starts)
        self.sectors().program(starts[newest], log.end - newest, (raw,))

    def sectors(self):
        return log_sectors(self.nor) if self.kind == "nor" else FileSectors(self.files, LOG)


@pytest.fixture(params=["nor", "files"])
def flash(request):
    return Flash(request.param)


NUMBERS = itertools.count()


def write(log, n, boot=1):
    """Notes numbered through all tests."""
    for _ in range(n):
        log.append(records.NOTE, boot, log.seq // 100, log.seq % 100 * 10, b"%05d" % next(NUMBERS))


def notes_in(log):
    """The numbers of all notes kept."""
    return [int(r[5]) for r in record_reader.scan(stream(log))[0] if r[0] == records.NOTE]


def stream(log):
    """All bytes kept, read as the link does."""
    out = b""
    while log.first + len(out) < log.end:
        piece = log.read(log.first + len(out), 700)
        assert piece
        out += piece
    return out


def scanned(log):
    """Return the sequence numbers and the gaps of what is kept."""
    found, gaps = record_reader.scan(stream(log))
    return [r[1] for r in found], gaps


def chained(raw):
    """Whether each sector's chain and each seal is the SHA-256 it should be."""
    found, _ = record_reader.scan(raw)
    heads = [i for i, r in enumerate(found) if r[0] == records.SECTOR]
    at = begin = 0
    last = hashlib.sha256().digest()
    for k, record in enumerate(found):
        if record[0] == records.SECTOR:
            if k != heads[0]:
                last = hashlib.sha256(raw[begin:at]).digest()
            begin = at
            chain = payload_reader.unpack_sector(record[5])["chain"]
            if k != heads[0] and chain != last.hex():
                return False
        if record[0] == records.END:
            body = raw[begin : record[6] - records.CRC_SIZE - payloads.SEAL]
            if record[5][-payloads.SEAL :] != hashlib.sha256(body).digest():
                return False
        at = record[6]
    return True
