"""What a wrap answered, looked at before it is used: one of another version, or something that is
no wrap at all, may say anything in a true frame."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from pbmwrap.errors import LinkLost, plain

Model = TypeVar("Model", bound=BaseModel)
Kind = TypeVar("Kind")
_HINT = "the wrap's firmware and this program differ in version: run `pbmwrap install`"


def typed(model: type[Model], answer: Any) -> Model:
    """`answer` as a model. Raises LinkLost."""
    try:
        return model.model_validate(answer)
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise _strange(f"{where} {first['msg']}") from problem


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
