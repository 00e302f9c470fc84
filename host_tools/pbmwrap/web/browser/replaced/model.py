"""Stands for `pbmwrap.protocols.model`, whose pydantic does not run here.

The keys and their kinds are those of the real model: the build writes them to `model_facts.py`
(tools/web_static/model_facts.py). Checks beyond kinds are in `pbmwrap.protocols.quantity`.
"""

from __future__ import annotations

from typing import Any

from pbmwrap.protocols import quantity
from pbmwrap.web.browser.model_facts import MODELS
from pbmwrap.web.browser.shims.pydantic import ValidationError

KEY_MISSING = "key_missing"
Path = tuple
_SIMPLE = {"text": (str, "string_type"), "flag": (bool, "bool_type")}
_PULSED_ONLY = ("frequency_hz", "on_fraction")


class _Errors:
    def __init__(self) -> None:
        self.found: list[dict[str, Any]] = []

    def add(self, path: Path, kind: str, words: str = "") -> None:
        error: dict[str, Any] = {"type": kind, "loc": path, "msg": words}
        if kind == "value_error":
            error["ctx"] = {"error": words}
        self.found.append(error)

    def has(self, path: Path) -> bool:
        return any([error["loc"] == path for error in self.found])


def _check_value(kind: str, value: Any, path: Path, errors: _Errors) -> None:
    kind, _, name = kind.partition(":")
    if kind in _SIMPLE:
        wanted, error = _SIMPLE[kind]
        if not isinstance(value, wanted):
            errors.add(path, error)
    elif kind == "whole":
        if isinstance(value, bool) or not isinstance(value, int):
            errors.add(path, "int_type")
    elif kind == "one":
        if value not in name.split(","):
            errors.add(path, "literal_error")
    elif kind == "exact":
        _check_exact(name, value, path, errors)
    elif kind == "table":
        if isinstance(value, dict):
            _check_table(name, value, path, errors)
        else:
            errors.add(path, "model_type")
    elif not isinstance(value, list):
        errors.add(path, "tuple_type")
    else:
        inner = f"table:{name}" if kind == "tables" else "text"
        for i, one in enumerate(value):
            _check_value(inner, one, (*path, i), errors)


def _check_exact(name: str, value: Any, path: Path, errors: _Errors) -> None:
    try:
        number = quantity.check_step(name, quantity.make_exact(value))
        if name == "dose_j_cm2":
            quantity.check_dose(number)
    except ValueError as problem:
        errors.add(path, "value_error", str(problem))


def _check_table(name: str, table: dict[str, Any], at: Path, errors: _Errors) -> None:
    known = {key: (kind, needed) for key, kind, needed in MODELS[name]}
    for key, (kind, needed) in known.items():
        if key in table:
            _check_value(kind, table[key], (*at, key), errors)
        elif needed:
            errors.add((*at, key), "missing")
    for key in table:
        if key in known:
            continue
        if name == "Step":
            _check_value("table:Channel", table[key], (*at, key), errors)
        else:
            errors.add((*at, key), "extra_forbidden")
    if name == "Channel":
        _check_mode(table, at, errors)


def _check_mode(table: dict[str, Any], at: Path, errors: _Errors) -> None:
    mode = None if errors.has((*at, "mode")) else table.get("mode", "continuous")
    for key in _PULSED_ONLY:
        problem = quantity.find_mode_problem(mode, key in table)
        if problem and not errors.has((*at, key)):
            kind = KEY_MISSING if problem == quantity.MODE_MISSING else "value_error"
            errors.add((*at, key), kind, problem)


class Channel:
    """One lamp channel in one step."""

    model_fields = tuple([key for key, _, _ in MODELS["Channel"]])


class Evidence:
    """Evidence for the use."""

    model_fields = tuple([key for key, _, _ in MODELS["Evidence"]])

    def __init__(self, table: dict[str, Any]) -> None:
        self.grade = table["grade"]
        self.summary = table.get("summary", "")
        self.references = tuple(table.get("references", ()))


class Protocol:
    """A valid file. Its steps are read from the canonical JSON (plain_protocol.py)."""

    model_fields = tuple(
        ["version" if key == "schema" else key for key, _, _ in MODELS["Protocol"]]
    )

    def __init__(self, table: dict[str, Any]) -> None:
        self._table = table
        self.id = table["id"]
        self.cautions = tuple(table.get("cautions", ()))
        self.evidence = Evidence(table["evidence"]) if "evidence" in table else None

    @classmethod
    def model_validate(cls, table: dict[str, Any]) -> Protocol:
        """Return the protocol of a file's table. Raises ValidationError."""
        errors = _Errors()
        _check_table("Protocol", table, (), errors)
        if errors.found:
            raise ValidationError(errors.found)
        return cls(table)

    def model_dump(self, by_alias: bool, exclude_none: bool) -> dict[str, Any]:
        """Return the file's table."""
        return self._table
