"""Turns requests into JSON answers, and errors into `{"error": {code, message, hint}}`."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pbmwrap.errors import (
    DeviceError,
    InvalidFile,
    LinkLost,
    NoDevice,
    PortBusy,
    Refused,
    SeveralDevices,
    UsageError,
    VerifyFailed,
    WrapError,
)
from pbmwrap.web.security import BODY_KEY, BROWSER_KEY, Refusal

_STATUS = (  # the first that fits
    (DeviceError, 409),
    (Refused, 409),
    (InvalidFile, 422),
    (UsageError, 400),
    (VerifyFailed, 502),
    (LinkLost, 503),
    (NoDevice, 503),
    (SeveralDevices, 503),
    (PortBusy, 503),
)

Handler = Callable[[Request], Any]


def read_json(request: Request) -> dict[str, Any]:
    """Return the request's JSON object. Raises Refusal."""
    try:
        found = json.loads(request.scope.get(BODY_KEY) or b"{}")
    except (ValueError, RecursionError):
        raise Refusal(400, "bad_json", "the request is not valid JSON") from None
    if not isinstance(found, dict):
        raise Refusal(400, "bad_json", "the request must be a JSON object")
    return found


def read_text(request: Request, key: str) -> str:
    """Return a text of the request's object. Raises Refusal."""
    value = read_json(request).get(key)
    if not isinstance(value, str):
        raise Refusal(400, "bad_param", f"{key} must be text")
    return value


def browser_of(request: Request) -> str:
    """Return the id of the browser that sent the request."""
    return request.scope[BROWSER_KEY]


def answering(handler: Handler) -> Callable[[Request], Response]:
    """Return `handler` as an endpoint that runs in a thread; None from it is 204."""

    def answer(request: Request) -> Response:
        try:
            found = handler(request)
        except Refusal as refusal:
            return JSONResponse(refusal.body, refusal.status)
        except WrapError as problem:
            return error_response(problem)
        except Exception as bug:
            traceback.print_exception(bug, file=sys.stderr)
            hint = "this is a bug in pbmwrap: report it with the lines in the terminal"
            return JSONResponse(_error("bug", f"{type(bug).__name__} in the server", hint), 500)
        if isinstance(found, Response):
            return found
        return Response(status_code=204) if found is None else JSONResponse(found)

    return answer


def error_response(problem: WrapError) -> JSONResponse:
    """Return an expected error with a fitting status."""
    status = next((code for kind, code in _STATUS if isinstance(problem, kind)), 500)
    if problem.code == "unknown_method":
        status = 501
    body = _error(problem.code, problem.message, problem.hint)
    problems = getattr(problem, "problems", ())
    if problems:
        body["error"]["problems"] = list(problems)
    return JSONResponse(body, status)


def _error(code: str, message: str, hint: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "hint": hint}}
