"""What a wrap answered, looked at before it is used: one of another version, or something that is
no wrap at all, may say anything in a true frame.

The checks are our own: importing pydantic and building its models for the answers would take longer
than all the rest of `pbmwrap status` (docs/benchmarks.md).
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
_NAMES = {int: "whole number", str: "text", bool: "true or false", list: "list", dict: "table"}


class _Wrong(Exception):
    """A value is not of its kind."""


def typed(model: type[Model], answer: Any) -> Model:
    """`answer` as a model. Raises LinkLost."""
    try:
        return _model_reader(model)(answer, "")
    except _Wrong as problem:
        raise _strange(str(problem)) from problem


def whole(answer: Any, kind: type[Kind]) -> Kind:
    """`answer`, which must be a `kind`. Raises LinkLost."""
    if not isinstance(answer, kind):
        raise _strange(f"it is not of type {kind.__name__}")
    return answer


def field(answer: Any, key: str, kind: type[Kind]) -> Kind:
    """The value of `key`, which must be a `kind`. Raises LinkLost."""
    value = answer.get(key) if isinstance(answer, dict) else None
    if not isinstance(value, kind) or isinstance(value, bool):
        raise _strange(f"{key} is not of type {kind.__name__}")
    return value


def _strange(what: str) -> LinkLost:
    return LinkLost(f"the wrap's answer is not as expected: {plain(what)}", _HINT)


# A reader takes a value of parsed JSON and the place where it stands, and returns the value as its
# field has it. Raises _Wrong.


@cache
def _model_reader(model: type[Any]) -> Reader:
    hints = typing.get_type_hints(model, include_extras=True)
    readers = {one.name: _reader(hints[one.name]) for one in fields(model)}
    needed = [
        one.name
        for one in fields(model)
        if one.default is MISSING and one.default_factory is MISSING
    ]

    def read(value: Any, place: str) -> Any:
        table = _of(dict, value, place)
        for name in needed:
            if name not in table:
                raise _Wrong(f"{_below(place, name)} is missing")
        return model(
            **{
                name: reader(table[name], _below(place, name))
                for name, reader in readers.items()
                if name in table
            }
        )

    return read


def _reader(hint: Any) -> Reader:
    if hint is Any:
        return lambda value, place: value
    if hint is NoneBelowZero:
        return _none_below_zero
    if get_origin(hint) is Annotated:
        return _reader(get_args(hint)[0])
    if get_origin(hint) in (typing.Union, types.UnionType):
        return _optional(hint)
    if get_origin(hint) is tuple:
        return _tuple([_reader(part) for part in get_args(hint)])
    if get_origin(hint) is list:
        return _list(_reader(get_args(hint)[0]))
    if get_origin(hint) is dict:
        return _table(_reader(get_args(hint)[1]))
    if is_dataclass(hint):
        return _model_reader(typing.cast(type[Any], hint))
    return lambda value, place: _of(hint, value, place)


def _of(kind: type[Kind], value: Any, place: str) -> Kind:
    """The value, which must be a `kind`; true and false are no numbers."""
    if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
        return value
    raise _Wrong(f"{place or 'it'} is no {_NAMES[kind]}")


def _none_below_zero(value: Any, place: str) -> int | None:
    if value is None:
        return None
    number = _of(int, value, place)
    return None if number < 0 else number


def _optional(hint: Any) -> Reader:
    (kind,) = (part for part in get_args(hint) if part is not type(None))
    inner = _reader(kind)
    return lambda value, place: None if value is None else inner(value, place)


def _list(inner: Reader) -> Reader:
    def read(value: Any, place: str) -> list[Any]:
        return [inner(one, _below(place, i)) for i, one in enumerate(_of(list, value, place))]

    return read


def _tuple(parts: list[Reader]) -> Reader:
    def read(value: Any, place: str) -> tuple[Any, ...]:
        given = _of(list, list(value) if isinstance(value, tuple) else value, place)
        if len(given) != len(parts):
            raise _Wrong(f"{place} has {len(given)} values, not {len(parts)}")
        pairs = zip(parts, given, strict=True)
        return tuple(part(one, _below(place, i)) for i, (part, one) in enumerate(pairs))

    return read


def _table(inner: Reader) -> Reader:
    def read(value: Any, place: str) -> dict[str, Any]:
        table = _of(dict, value, place)
        return {key: inner(one, _below(place, key)) for key, one in table.items()}

    return read


def _below(place: str, name: object) -> str:
    return f"{place}.{name}" if place else str(name)
