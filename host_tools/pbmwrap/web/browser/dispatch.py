"""The one entry from JavaScript into Python: functions by name, arguments and results as JSON."""

from __future__ import annotations

import json
from typing import Any

from pbmwrap.errors import WrapError

_modules: dict[str, Any] = {}


def register(name: str, module: Any) -> None:
    """Let JavaScript call the public functions of `module` as `NAME.function`."""
    _modules[name] = module


def call(name: str, args: str) -> str:
    """Call a function. Returns {"value"} or {"error": {code, message, hint}} as JSON.

    Exceptions other than WrapError are errors of this program and are raised.
    """
    module, _, function = name.rpartition(".")
    if function.startswith("_") or module not in _modules:
        raise ValueError("no function " + name)
    try:
        return json.dumps({"value": getattr(_modules[module], function)(*json.loads(args))})
    except WrapError as problem:
        return json.dumps({"error": describe_error(problem)})


def describe_error(problem: WrapError) -> dict[str, Any]:
    """Return an expected error as the pages know it."""
    found = {"code": problem.code, "message": problem.message, "hint": problem.hint}
    problems = getattr(problem, "problems", ())
    return {**found, "problems": list(problems)} if problems else found
