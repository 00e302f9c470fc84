"""Runs at the REPL of the benchmark's image: reads bytes by the LineReader in C and by that of
wrap/link/frames.py, compares all that they give, and prints how many lines were valid, how many of
these began with an id, and how many were not valid. Ends with an error at the first difference."""

from wrap_json import LineReader as NativeReader

from wrap.link import frames

LIMIT = 60
BODIES = (
    b'{"i":0,"m":"status"}',
    b'{"i":7,"m":"lease","p":{"ms":3000}}',
    b'{"i":1073741823,"m":"a"}',
    b'{"i":1073741824,"m":"a"}',
    b'{"i":99999999999,"m":"a"}',
    b'{"i":12345678901234567890123,"m":"a"}',
    b'{"i":01,"m":"a"}',
    b'{"i":00,"m":"a"}',
    b'{"i":,"m":"a"}',
    b'{"i":-1,"m":"a"}',
    b'{"i":1.5,"m":"a"}',
    b'{"i":5}',
    b'{"i":5',
    b'{"i":',
    b'{"i"',
    b'{"j":5,"m":"a"}',
    b'{ "i":5,"m":"a"}',
    b'{"n":"@*sample"}',
    b"",
    b"x" * (LIMIT - 10),
    b"x" * (LIMIT - 9),
    b"x" * (2 * LIMIT),
)
TAILS = (b',"m":"status"}', b',"m":"a"}', b"", b"}")
NOISE = (
    b"",
    b"\n",
    b"\r\n",
    b"boot\n",
    b"@",
    b"@\n",
    b"@*\r\n",
    b"noise @",
    b"\x00@\xff*00000000\n",
)


class Numbers:
    """A random generator within small integers."""

    def __init__(self):
        self._x = 22

    def below(self, n):
        self._x = self._x * 16381 % 65521
        return self._x % n


def draw_line(numbers):
    line = bytearray(frames.encode(BODIES[numbers.below(len(BODIES))]))
    kind = numbers.below(6)
    if kind == 0:
        line[numbers.below(len(line))] = numbers.below(256)
    elif kind == 1:
        line = line[: numbers.below(len(line))]
    elif kind == 2:
        line = line[:-1] + b"\r\n"
    return NOISE[numbers.below(len(NOISE))] + line if numbers.below(3) == 0 else line


def look_at(reader):
    """Return what a server may ask of a reader after a valid line."""
    body = reader.body()
    before = [reader.ends_with(tail) for tail in TAILS]
    number = reader.number()
    after = [reader.ends_with(tail) for tail in TAILS]
    return (body, number, before, after, reader.is_body(body), reader.is_body(body[1:]))


def compare_readers(count):
    numbers = Numbers()
    ours, theirs = NativeReader(LIMIT), frames.LineReader(LIMIT)
    valid = with_id = wrong = 0
    left = b""
    for n in range(count):
        left += bytes(draw_line(numbers))
        piece = bytearray(left[: 1 + numbers.below(80)])
        left = left[len(piece) :]
        begin = numbers.below(3)
        if n % 97 == 96:
            ours.reset()
            theirs.reset()
        ours.at = theirs.at = begin
        while ours.at < len(piece):
            event = ours.take(piece, ours.at, len(piece))
            assert event == theirs.take(piece, theirs.at, len(piece)), (event, piece)
            assert ours.at == theirs.at, piece
            if event == frames.OK:
                seen = look_at(ours)
                assert seen == look_at(theirs), seen
                valid += 1
                with_id += seen[1] >= 0
            elif event is not None:
                wrong += 1
    print(valid, with_id, wrong)


compare_readers(1000)
