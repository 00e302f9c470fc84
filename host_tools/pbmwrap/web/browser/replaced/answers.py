"""Checks a wrap's answers before they are used. See pbmwrap/device/answers.py, of which this module
has the same functions: MicroPython keeps no annotations, so the kinds of the fields are the text
that translate.py has kept."""

from pbmwrap.device import models
from pbmwrap.errors import LinkLost, plain

_HINT = "the wrap's firmware and this page differ in version: load the page again"
_KINDS = {"int": int, "str": str, "bool": bool, "list": list, "dict": dict}
_NAMES = {
    int: "a whole number",
    str: "text",
    bool: "true or false",
    list: "a list",
    dict: "a table",
}


class _WrongKind(Exception):
    """A value is not of the required kind."""


def parse_answer(model, answer):
    """Return `answer` as a model. Raises LinkLost."""
    try:
        return _read_model(model, answer, "")
    except _WrongKind as problem:
        raise _unexpected_answer(str(problem))


def require_kind(answer, kind):
    """Return `answer`, which must be a `kind`. Raises LinkLost."""
    if not isinstance(answer, kind):
        raise _unexpected_answer("it is not " + _NAMES[kind])
    return answer


def require_field(answer, key, kind):
    """Return the value of `key`, which must be a `kind`. Raises LinkLost."""
    value = answer.get(key) if isinstance(answer, dict) else None
    if not isinstance(value, kind) or isinstance(value, bool):
        raise _unexpected_answer(key + " is not " + _NAMES[kind])
    return value


def _unexpected_answer(what):
    return LinkLost("the wrap's answer is not as expected: " + plain(what), _HINT)


def _read_model(model, value, place):
    table = _check_kind(dict, value, place)
    for name in model.FIELDS[: model.NEEDED]:
        if name not in table:
            raise _WrongKind(_join_place(place, name) + " is missing")
    given = {}
    for name, hint in zip(model.FIELDS, model.HINTS):
        if name in table:
            given[name] = _read(hint, table[name], _join_place(place, name))
    return model(**given)


def _read(hint, value, place):
    """Return a value of the kind that `hint` names: an annotation's text."""
    options = _split(hint, "|")
    if "None" in options and len(options) > 1:
        if value is None:
            return None
        options.remove("None")
    hint = options[0]
    if hint == "Any":
        return value
    if hint == "NoneBelowZero":
        if value is None:
            return None
        number = _check_kind(int, value, place)
        return None if number < 0 else number
    name, _, inside = hint.partition("[")
    parts = _split(inside[:-1], ",")
    if name == "list":
        rows = _check_kind(list, value, place)
        return [_read(parts[0], one, _join_place(place, i)) for i, one in enumerate(rows)]
    if name == "tuple":
        given = _check_kind(list, list(value) if isinstance(value, tuple) else value, place)
        if len(given) != len(parts):
            raise _WrongKind("%s has %d values, not %d" % (place, len(given), len(parts)))
        pairs = enumerate(zip(parts, given))
        return tuple([_read(part, one, _join_place(place, i)) for i, (part, one) in pairs])
    if name == "dict":
        table = _check_kind(dict, value, place)
        return {key: _read(parts[1], one, _join_place(place, key)) for key, one in table.items()}
    if name in _KINDS:
        return _check_kind(_KINDS[name], value, place)
    return _read_model(getattr(models, name), value, place)


def _split(text, by):
    """Split at `by`, but not within brackets."""
    out = [""]
    depth = 0
    for char in text:
        depth += (char == "[") - (char == "]")
        if char == by and depth == 0:
            out.append("")
        else:
            out[-1] += char
    return [part.strip() for part in out]


def _check_kind(kind, value, place):
    if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
        return value
    raise _WrongKind((place or "it") + " is not " + _NAMES[kind])


def _join_place(place, name):
    return "%s.%s" % (place, name) if place else str(name)
