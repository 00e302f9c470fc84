"""Checks single fields of a wrap's answers. answers.py checks whole ones."""

from __future__ import annotations

from typing import Any, TypeVar

from pbmwrap.errors import LinkLost, plain

Kind = TypeVar("Kind")
_HINT = "the wrap's firmware and this program differ in version: run `pbmwrap install`"


def require_kind(answer: Any, kind: type[Kind]) -> Kind:
    """Return `answer`, which must be a `kind`. Raises LinkLost."""
    if not isinstance(answer, kind):
        raise unexpected_answer(f"it is not of type {kind.__name__}")
    return answer


def require_field(answer: Any, key: str, kind: type[Kind]) -> Kind:
    """Return the value of `key`, which must be a `kind`. Raises LinkLost."""
    value = answer.get(key) if isinstance(answer, dict) else None
    if not isinstance(value, kind) or isinstance(value, bool):
        raise unexpected_answer(f"{key} is not of type {kind.__name__}")
    return value


def unexpected_answer(what: str) -> LinkLost:
    """Return the error for an answer that is not as docs/link.md has it."""
    return LinkLost(f"the wrap's answer is not as expected: {plain(what)}", _HINT)
