"""Turns inputs into choices and odd JSON: what a wrong or hostile host could send. Runs on
MicroPython too."""

ATOMS = (
    "0",
    "1",
    "-1",
    "3",
    "7",
    "1000",
    "41000",
    "1073741823",
    "1073741824",
    "1800000000",
    "4294967295",
    "4294967296",
    "-0",
    "1.0",
    "1e999",
    "-1e999",
    "NaN",
    "Infinity",
    "9" * 60,
    "true",
    "false",
    "null",
    '""',
    '"red"',
    '"nir"',
    '"*"',
    '"time_s"',
    '"trip_mc"',
    '"hand-left"',
    '"QUJD"',
    '"%s%d{}"',
    '"' + "a" * 64 + '"',
    '"\\ud800"',
    '"\\u0003\\u007f"',
    '"\u00e9\U0001f525"',
    '"\\u00e9"',
    "[]",
    "{}",
    "[500]",
    "[800,40,500]",
    '{"red":[500]}',
    '[{"t":3,"ch":{"red":[500],"nir":[800]}}]',
    '{"uw":50000,"unc_pm":100,"date":20261101,"how":"meter"}',
    "[1,0,1000]",
    "[[0,0,1000]]",
)
KEYS = (
    "t",
    "k",
    "v",
    "ch",
    "uw",
    "unc_pm",
    "date",
    "how",
    "slot",
    "size",
    "sha",
    "o",
    "d",
    "n",
    "ms",
    "every_ms",
    "tethered",
    "i",
    "m",
    "p",
    "id",
    "name",
    "site",
    "steps",
    "dose",
    "ramp",
    "trip",
    "flicker_ok",
    "grade",
    "g",
    "code",
    "session",
    "age",
    "line",
    "sites",
    "red",
    "nir",
    "",
    "\\ud800",
    "\u00e9",
)


class Choices:
    """Reads an input as choices, from its beginning on; zeros when it is used up."""

    def __init__(self, data):
        self._data = data
        self._at = 0

    def byte(self):
        self._at += 1
        return self._data[self._at - 1] if self._at <= len(self._data) else 0

    def below(self, n):
        return self.byte() % n

    def of(self, things):
        return things[self.byte() % len(things)]

    def some(self, n):
        self._at += n
        return bytes(self._data[self._at - n : self._at])

    def rest(self):
        return self.some(max(0, len(self._data) - self._at))

    def more(self):
        return self._at < len(self._data)


def _number(src):
    return str(int.from_bytes(src.some(1 + src.below(5)), "little") - src.below(2) * 1000)


def _nest(src):
    n = src.byte()
    left, right = src.of((("[", "]"), ('{"a":', "}"), ("[[", "")))
    return left * n + "1" + right * n


def _text(src):
    raw = src.some(src.below(40))
    return '"' + "".join(["\\u%04x" % b if b < 32 or b in b'"\\' else chr(b) for b in raw]) + '"'


def value(src, depth=3):
    """Return JSON text of any value, mostly one that something expects somewhere."""
    kind = src.below(16)
    if kind < 9 or depth == 0:
        return src.of(ATOMS)
    if kind == 9:
        return "[" + ",".join([value(src, depth - 1) for _ in range(src.below(5))]) + "]"
    if kind < 12:
        return thing(src, KEYS, depth - 1)
    return (_number, _nest, _text, _number)[kind - 12](src)


def thing(src, keys, depth=3):
    """Return JSON text of an object with some of `keys`, now and then one of them twice."""
    pairs = ['"%s":%s' % (src.of(keys), value(src, depth)) for _ in range(src.below(6))]
    return "{" + ",".join(pairs) + "}"


def changed(src, text):
    """Return `text` with a few pieces taken out, put in or replaced, at places that `src` names."""
    for _ in range(src.below(5)):
        at = (src.byte() << 8 | src.byte()) % (len(text) + 1)
        text = (
            text[:at]
            + src.of(("", src.of(ATOMS), "[", '"', chr(src.byte())))
            + text[at + src.below(8) :]
        )
    return text
