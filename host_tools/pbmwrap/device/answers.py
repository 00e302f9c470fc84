"""Checks a wrap's answers before they are used.

A wrap of another version, or another device, may send anything in a valid frame. pydantic is not
used: importing it and building its models takes longer than all the rest of `pbmwrap status`
(docs/benchmarks.md).
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Annotated, Any, TypeVar, get_args, get_origin

from pbmwrap.device.models import Answer, NoneBelowZero
from pbmwrap.errors import LinkLost, plain

Model = TypeVar("Model", bound=Answer)
Kind = TypeVar("Kind")
Reader = Callable[[Any, str], Any]
_HINT = "the wrap's firmware and this program differ in version: run `pbmwrap install`"
_NAMES = {
    int: "a whole number",
    str: "text",
    bool: "true or false",
    list: "a list",
    dict: "a table",
}


class _WrongKind(Exception):
    """A value is not of the required type."""


def parse_answer(model: type[Model], answer: Any) -> Model:
    """Return `answer` as a model. Raises LinkLost."""
    try:
        return _model_reader(model)(answer, "")
    except _WrongKind as problem:
        raise _unexpected_answer(str(problem)) from problem


def require_kind(answer: Any, kind: type[Kind]) -> Kind:
    """Return `answer`, which must be a `kind`. Raises LinkLost."""
    if not isinstance(answer, kind):
        raise _unexpected_answer(f"it is not of type {kind.__name__}")
    return answer


def require_field(answer: Any, key: str, kind: type[Kind]) -> Kind:
    """Return the value of `key`, which must be a `kind`. Raises LinkLost."""
    value = answer.get(key) if isinstance(answer, dict) else None
    if not isinstance(value, kind) or isinstance(value, bool):
        raise _unexpected_answer(f"{key} is not of type {kind.__name__}")
    return value


def _unexpected_answer(what: str) -> LinkLost:
    return LinkLost(f"the wrap's answer is not as expected: {plain(what)}", _HINT)


# A reader takes a value of parsed JSON and its place in the answer, and returns the value of the
# field. Raises _WrongKind.


@cache
def _model_reader(model: type[Any]) -> Reader:
    hints = typing.get_type_hints(model, include_extras=True)
    readers = {one.name: _make_reader(hints[one.name]) for one in fields(model)}
    needed = [
        one.name
        for one in fields(model)
        if one.default is MISSING and one.default_factory is MISSING
    ]

    def read(value: Any, place: str) -> Any:
        table = _check_kind(dict, value, place)
        for name in needed:
            if name not in table:
                raise _WrongKind(f"{_join_place(place, name)} is missing")
        return model(
            **{
                name: reader(table[name], _join_place(place, name))
                for name, reader in readers.items()
                if name in table
            }
        )

    return read


def _make_reader(hint: Any) -> Reader:
    if hint is Any:
        return lambda value, place: value
    if hint is NoneBelowZero:
        return _read_none_below_zero
    if get_origin(hint) is Annotated:
        return _make_reader(get_args(hint)[0])
    if get_origin(hint) in (typing.Union, types.UnionType):
        return _optional_reader(hint)
    if get_origin(hint) is tuple:
        return _tuple_reader([_make_reader(part) for part in get_args(hint)])
    if get_origin(hint) is list:
        return _list_reader(_make_reader(get_args(hint)[0]))
    if get_origin(hint) is dict:
        return _table_reader(_make_reader(get_args(hint)[1]))
    if is_dataclass(hint):
        return _model_reader(typing.cast(type[Any], hint))
    return lambda value, place: _check_kind(hint, value, place)


def _check_kind(kind: type[Kind], value: Any, place: str) -> Kind:
    """Return the value, which must be a `kind`; a bool is not a number."""
    if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
        return value
    raise _WrongKind(f"{place or 'it'} is not {_NAMES[kind]}")


def _read_none_below_zero(value: Any, place: str) -> int | None:
    if value is None:
        return None
    number = _check_kind(int, value, place)
    return None if number < 0 else number


def _optional_reader(hint: Any) -> Reader:
    (kind,) = (part for part in get_args(hint) if part is not type(None))
    inner = _make_reader(kind)
    return lambda value, place: None if value is None else inner(value, place)


def _list_reader(inner: Reader) -> Reader:
    def read(value: Any, place: str) -> list[Any]:
        return [
            inner(one, _join_place(place, i))
            for i, one in enumerate(_check_kind(list, value, place))
        ]

    return read


def _tuple_reader(parts: list[Reader]) -> Reader:
    def read(value: Any, place: str) -> tuple[Any, ...]:
        given = _check_kind(list, list(value) if isinstance(value, tuple) else value, place)
        if len(given) != len(parts):
            raise _WrongKind(f"{place} has {len(given)} values, not {len(parts)}")
        pairs = zip(parts, given, strict=True)
        return tuple(part(one, _join_place(place, i)) for i, (part, one) in enumerate(pairs))

    return read


def _table_reader(inner: Reader) -> Reader:
    def read(value: Any, place: str) -> dict[str, Any]:
        table = _check_kind(dict, value, place)
        return {key: inner(one, _join_place(place, key)) for key, one in table.items()}

    return read


def _join_place(place: str, name: object) -> str:
    return f"{place}.{name}" if place else str(name)
