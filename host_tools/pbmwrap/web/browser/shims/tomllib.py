"""`loads` of `tomllib`, with the library that device/toml_reader.js loads."""

import json

_readers = []
_NESTED = "nested"
# The library says this also where a quote is missing.
_QUOTES = "only letter, numbers, dashes and underscores are allowed in keys"
_QUOTES_WORDS = "a quote is missing, or a key has a character that it may not have"


class TOMLDecodeError(ValueError):
    """The text is not TOML; the message ends with the place."""


def loads(text, parse_float=float):
    """Return the table of a TOML text. Raises TOMLDecodeError."""
    if not _readers:
        import toml_reader  # of JavaScript; there is none before it is needed

        _readers.append(toml_reader.read)
    zero = text.find("\x00")
    if zero >= 0:  # JavaScript would get the text before it
        before = text[:zero].split("\n")
        place = (len(before), len(before[-1]) + 1)
        raise TOMLDecodeError("illegal character (at line %d, column %d)" % place)
    found = json.loads(_readers[0](text))
    if found[0] == "!":
        _, reason, line, column = found
        if _NESTED in reason:
            raise RuntimeError(reason)
        if reason == _QUOTES:
            reason = _QUOTES_WORDS
        raise TOMLDecodeError("%s (at line %d, column %d)" % (reason, line, column))
    return _make(found, parse_float)


class Moment:
    """A date or a time: nothing here takes one."""

    def __init__(self, text):
        self.text = text


def _make(found, parse_float):
    kind, value = found
    if kind == "t":
        return {key: _make(one, parse_float) for key, one in value}
    if kind == "a":
        return [_make(one, parse_float) for one in value]
    if kind == "i":
        return int(value)
    if kind == "f":
        return parse_float(value)
    return Moment(value) if kind == "d" else value
