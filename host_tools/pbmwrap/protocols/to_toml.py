"""Writes a protocol as a file's text, for one that was read from a wrap."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from pbmwrap.protocols.encode import as_table
from pbmwrap.protocols.model import Protocol


def format_toml(protocol: Protocol) -> str:
    """Return the text of a file that loads as the same protocol."""
    table = as_table(protocol)
    steps, evidence = table.pop("step"), table.pop("evidence", None)
    lines = list(_format_keys(table))
    if evidence:
        lines += ["", "[evidence]", *_format_keys(evidence)]
    for step in steps:
        plain = {key: value for key, value in step.items() if not isinstance(value, Mapping)}
        lines += ["", "[[step]]", *_format_keys(plain)]
        for name, channel in step.items():
            if isinstance(channel, Mapping):
                lines += ["", f"[step.{name}]", *_format_keys(channel)]
    return "\n".join(lines) + "\n"


def _format_keys(table: Mapping[str, Any]) -> Iterator[str]:
    for key, value in table.items():
        yield f"{key} = {_format_value(value)}"


def _format_value(value: Any) -> str:
    """Return a value as TOML. JSON's texts, lists of texts and booleans are also TOML's."""
    if isinstance(value, Decimal):
        text = format(value, "f")
        return text if "." in text else f"{text}.0"
    return json.dumps(value)
