"""Makes the click options and arguments of a command from its function's signature.

A parameter is `name: Annotated[TYPE, Option(...)] = DEFAULT`; TYPE is bool (a flag), int, float,
str, Path or a list of these, or one of them with `| None`. Argument replaces Option.
"""

from __future__ import annotations

import inspect
import math
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import click

Completer = Callable[[str], list[str]]  # from what is typed to what it can become
_METAVARS = {int: "INTEGER", float: "NUMBER", str: "TEXT", Path: "PATH"}


class Option:
    """An option. names: such as "--port", "-p"; by default its parameter's name. A list takes the
    option as often as it is given."""

    def __init__(
        self,
        *names: str,
        help: str = "",
        metavar: str | None = None,
        min: float | None = None,
        max: float | None = None,
        autocompletion: Completer | None = None,
    ) -> None:
        self.names = names
        self.help = help
        self.metavar = metavar
        self.min = min
        self.max = max
        self.autocompletion = autocompletion


@dataclass(frozen=True)
class Argument:
    """A positional argument. A list takes all that are left."""

    help: str = ""
    metavar: str | None = None
    min: float | None = None
    max: float | None = None
    autocompletion: Completer | None = None


class _Whole(click.IntRange):
    name = "whole number"


class _Number(click.FloatRange):
    name = "number"

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        """Refuse nan and inf too: comparisons do not exclude nan."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not in the range {self._describe_range()}.", param, ctx)
        return number


class _AnyWhole(type(click.INT)):
    name = "whole number"


class _AnyNumber(type(click.FLOAT)):
    name = "number"


def params_of(body: Callable[..., Any]) -> list[click.Parameter]:
    """Return the click parameters of a function, in the order of its signature."""
    hints = typing.get_type_hints(body, include_extras=True)
    signature = inspect.signature(body).parameters.values()
    return [_make_param(p.name, hints[p.name], p.default) for p in signature]


def _make_param(name: str, hint: Any, default: Any) -> click.Parameter:
    kind, spec = _split_hint(hint)
    if isinstance(spec, Argument):
        return _make_argument(name, kind, spec, default)
    return _make_option(name, kind, spec, default)


def option_of(name: str, hint: Any, default: Any) -> click.Option:
    """Return the click option of one annotated parameter."""
    kind, spec = _split_hint(hint)
    assert isinstance(spec, Option)
    return _make_option(name, kind, spec, default)


def _split_hint(hint: Any) -> tuple[Any, Option | Argument]:
    """Return (the type without None, the option or argument)."""
    kind, spec = get_args(hint)[:2] if get_origin(hint) is Annotated else (hint, Option())
    if get_origin(kind) in (typing.Union, types.UnionType):
        (kind,) = (part for part in get_args(kind) if part is not type(None))
    return kind, spec


def _make_argument(name: str, kind: Any, spec: Argument, default: Any) -> click.Argument:
    needed = default is inspect.Parameter.empty
    many = get_origin(kind) is list
    given: dict[str, Any] = {} if needed else {"default": default}
    return click.Argument(
        [name],
        type=_make_type(get_args(kind)[0] if many else kind, spec),
        required=needed,
        nargs=-1 if many else 1,
        metavar=spec.metavar and _format_metavar(spec.metavar, needed, many),
        help=spec.help,
        shell_complete=_make_completer(spec),
        **given,
    )


def _make_completer(spec: Option | Argument) -> Callable[..., Any] | None:
    complete = spec.autocompletion
    return None if complete is None else lambda _ctx, _param, typed: complete(typed)


def _format_metavar(metavar: str, needed: bool, many: bool) -> str:
    """Return a metavar as click formats its own."""
    return (metavar if needed else f"[{metavar}]") + ("..." if many else "")


def _make_option(name: str, kind: Any, spec: Option, default: Any) -> click.Option:
    needed = default is inspect.Parameter.empty
    names = [name, *(spec.names or (f"--{name.replace('_', '-')}",))]
    if kind is bool:
        return click.Option(names, is_flag=True, default=default, help=spec.help)
    many = get_origin(kind) is list
    kind = get_args(kind)[0] if many else kind
    given: dict[str, Any] = {} if needed else {"default": default}
    return click.Option(
        names,
        type=_make_type(kind, spec),
        required=needed,
        multiple=many,
        metavar=spec.metavar or _METAVARS[kind],
        help=spec.help,
        show_default=not needed and default not in (None, ""),
        shell_complete=_make_completer(spec),
        **given,
    )


def _make_type(kind: Any, spec: Option | Argument) -> click.ParamType[Any, Any]:
    low, high = spec.min, spec.max
    bounded = low is not None or high is not None
    if kind is int:
        return _Whole(_whole_bound(low), _whole_bound(high)) if bounded else _AnyWhole()
    if kind is float:
        return _Number(low, high) if bounded else _AnyNumber()
    return click.Path(path_type=Path) if kind is Path else click.STRING


def _whole_bound(bound: float | None) -> int | None:
    return None if bound is None else int(bound)
