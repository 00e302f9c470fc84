"""Writes the keys of a protocol file, from the model of `pbmwrap`, for a page without a server."""

from __future__ import annotations

import types
from decimal import Decimal
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from pbmwrap.protocols import quantity
from pbmwrap.protocols.model import Channel, Evidence, Protocol, Step
from tools.web_static.translate import NotTranslatable

MODELS: tuple[type[BaseModel], ...] = (Protocol, Step, Channel, Evidence)
_SIMPLE: dict[Any, str] = {str: "text", int: "whole", bool: "flag"}


def list_facts() -> dict[str, list[tuple[str, str, bool]]]:
    """Return {model: [(key, kind, whether it is required)]}. Raises NotTranslatable."""
    return {
        model.__name__: [
            (field.alias or name, _find_kind(name, field.annotation), field.is_required())
            for name, field in model.model_fields.items()
        ]
        for model in MODELS
    }


def make_module() -> str:
    """Return the source of `pbmwrap.web.browser.model_facts`."""
    return f"MODELS = {list_facts()!r}\n"


def _find_kind(name: str, hint: Any) -> str:
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        (only,) = [one for one in inner if one is not type(None)]
        return _find_kind(name, only)
    if origin is Annotated:
        return _find_kind(name, inner[0])
    if origin is Literal:
        return f"one:{','.join(inner)}"
    if origin is tuple and inner == (str, ...):
        return "texts"
    if origin is tuple and inner[0] in MODELS:
        return f"tables:{inner[0].__name__}"
    if hint in MODELS:
        return f"table:{hint.__name__}"
    if hint is Decimal and name in quantity.STEPS:
        return f"exact:{name}"
    if hint in _SIMPLE:
        return _SIMPLE[hint]
    raise NotTranslatable(f"the model's key {name} has a kind that the page cannot check: {hint}")
