"""Lines of the link that are written field by field have the bytes of a dictionary's JSON."""

from hypothesis import given
from hypothesis import strategies as st

from wrap.link import frames, json_writer
from wrap.link.json_writer import PlainWriter, open_writer
from wrap.link.server import dumps

PLAIN = st.none() | st.booleans() | st.integers() | st.text()
VALUES = PLAIN | st.lists(PLAIN) | st.dictionaries(st.text(), PLAIN)
NAMES = ["a", "temps_mc", "warn", "fault", "unix_s", *(f"f{n}" for n in range(14))]
FIELDS = st.dictionaries(st.sampled_from(NAMES), VALUES)


def written(buffer, fields, at=0, most=1 << 20):
    """The index behind the line of `fields`, in a push."""
    out = PlainWriter(buffer, dumps)
    out.begin_line(at, most, "n", "sample", "p")
    for name, value in fields.items():
        out.put(name, value)
    return out.end_line()


@given(FIELDS, st.integers(0, 9))
def test_a_line_is_that_of_the_whole_dictionary(fields, at):
    line = frames.encode(dumps({"n": "sample", "p": fields}))
    buffer = bytearray(at + len(line))
    assert written(buffer, fields, at) == at + len(line)
    assert bytes(buffer[at:]) == line
    assert len(buffer) == at + len(line)


@given(FIELDS)
def test_a_line_that_does_not_fit_is_dropped(fields):
    """What it wrote until then stays behind the bytes that are sent."""
    body = dumps({"n": "sample", "p": fields})
    line = frames.encode(body)
    short = bytearray(3) + bytearray(len(line) - 1)
    assert (written(short, fields, 3), any(short[:3])) == (-1, False)
    room = bytearray(len(line) + 9)
    assert written(room, fields, most=len(body) - 1) == -1
    assert not any(room[len(line) :])
    assert written(room, fields, most=len(body)) == len(line)


def test_a_line_may_be_cut_off_anywhere():
    fields = {"a": [-12, None, "x"], "b": 345, "c": "yz", "d": True, "e": {"f": 1.5}, "g": [6]}
    body = dumps({"n": "sample", "p": fields})
    for most in range(len(body)):
        buffer = bytearray(3 + len(body) + 11)
        assert written(buffer, fields, 3, most) == -1, most
        assert not any(buffer[:4] + buffer[4 + most + 2 :]), most  # two bytes of a list
    assert written(buffer, fields, 3, len(body)) == len(buffer)


def test_an_exception_in_a_line_leaves_nothing_for_the_next():
    buffer = bytearray(100)
    out = PlainWriter(buffer, dumps)
    out.begin_line(0, 99, "i", 1, "r")
    out.put("a", 1)
    out.begin_line(0, 99, "i", 2, "r")
    out.put("b", 2)
    assert bytes(buffer[: out.end_line()]) == frames.encode(b'{"i":2,"r":{"b":2}}')
    assert out.end_line() == -1


def test_no_buffer_is_too_short_to_say_so():
    for size in range(12):
        assert written(bytearray(size), {"a": 1}) == -1


def test_a_list_is_as_it_was_when_it_was_put():
    """Its owner uses it again for the next field."""
    row, buffer = [1, 2], bytearray(100)
    out = PlainWriter(buffer, dumps)
    out.begin_line(0, 99, "i", 1, "r")
    out.put("a", row)
    row[0] = 3
    out.put("b", row)
    assert bytes(buffer[: out.end_line()]) == frames.encode(b'{"i":1,"r":{"a":[1,2],"b":[3,2]}}')


def test_the_c_module_writes_where_the_image_has_it(monkeypatch):
    made = []
    monkeypatch.setattr(json_writer, "Writer", lambda *args: made.append(args) or "writer")
    buffer = bytearray(9)
    assert (open_writer(buffer, dumps), made) == ("writer", [(buffer, dumps)])
