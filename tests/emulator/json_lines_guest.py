"""Runs at the REPL of the benchmark's image: writes lines by the C module, compares them with the
JSON of dictionaries, and prints how many there were and how many of them did not fit. Ends with an
error at the first difference."""

from wrap_json import Writer

from wrap.link import frames
from wrap.link.server import dumps

TEXTS = (
    "",
    "running",
    'a "quote"',
    "back\\slash",
    "tab\tnewline\n",
    "\x7f",
    "\u00e9\U0001f525",
    "~ ",
)
NUMBERS = (0, 7, -1, 10, 99, 100, 1073741823, -1073741824, 1073741824, 1800000000, -5000000000)
PLAIN = TEXTS + NUMBERS + (None, True, False, 1.5)
NAMES = ("state", "temps_mc", "warn", "u")


class Numbers:
    """A random generator within small integers."""

    def __init__(self):
        self._x = 22

    def below(self, n):
        self._x = self._x * 16381 % 65521
        return self._x % n


def draw_value(numbers):
    kind = numbers.below(8)
    items = [PLAIN[numbers.below(len(PLAIN))] for _ in range(numbers.below(5))]
    if kind == 0:
        return items
    if kind == 1:
        return tuple(items)
    if kind == 2:
        return {"code": items}
    if kind == 3:
        return [items, items]
    return PLAIN[numbers.below(len(PLAIN))]


def write_line(buffer, at, most, fields):
    out = Writer(buffer, dumps)
    out.begin_line(at, most, "n", "sample", "p")
    for name, value in fields:
        out.put(name, value)
    return out.end_line()


def encode_line(fields):
    """Return the JSON that a dictionary with these fields in this order would have."""
    parts = [dumps({name: value})[1:-1] for name, value in fields]
    return b'{"n":"sample","p":{' + b",".join(parts) + b"}}"


def compare_lines(count):
    numbers = Numbers()
    too_long = 0
    for _ in range(count):
        buffer = bytearray(60 + numbers.below(160))
        at, most = numbers.below(12), 40 + numbers.below(120)
        fields = [(NAMES[numbers.below(4)], draw_value(numbers)) for _ in range(numbers.below(5))]
        body = encode_line(fields)
        line = frames.encode(body)
        end = write_line(buffer, at, most, fields)
        if len(body) > most or at + len(line) > len(buffer):
            assert end == -1, (fields, at, most, end)
            too_long += 1
        else:
            assert end == at + len(line), (fields, at, most, end)
            assert buffer[at:end] == line, (fields, buffer)
        assert not any(buffer[:at]), (fields, at)
    print(count, too_long)


compare_lines(400)
