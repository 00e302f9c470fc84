"""Functions for syntax that MicroPython lacks (tools/web_static/translate.py)."""


def join(*parts):
    """Return a list of all elements of all parts: `[*a, *b]`."""
    out = []
    for part in parts:
        out.extend(part)
    return out


def merge(*parts):
    """Return one dictionary of all parts: `{**a, **b}`."""
    out = {}
    for part in parts:
        out.update(part)
    return out


def removeprefix(text, start):
    """Return `text` without `start` at its start."""
    return text[len(start) :] if start and text.startswith(start) else text


def removesuffix(text, end):
    """Return `text` without `end` at its end."""
    return text[: -len(end)] if end and text.endswith(end) else text


def _values(one):
    return tuple(getattr(one, name) for name in one.FIELDS)


def equal_fields(self, other):
    """`==` of a data class."""
    return type(self) is type(other) and _values(self) == _values(other)


def hash_fields(self):
    """`hash` of a data class."""
    return hash(_values(self))


def lower_fields(self, other):
    """`<` of a data class that has an order."""
    return _values(self) < _values(other)
