"""Runs functions that wait for answers of a wrap, where nothing can wait: in a worker of a browser.

Such a function is called with a `Client`. Where it needs an answer that has not arrived, `Pending`
leaves it, and the caller sends the request. When the answer is there, the function runs again from
its start with all answers so far. So `device/client.py` and `device/transfer.py` work unchanged. A
function must not depend on anything but its arguments and the answers.
"""

from __future__ import annotations

from typing import Any

from pbmwrap.device.client import Client
from pbmwrap.device.link import ANSWER_S, ATTEMPTS, Push
from pbmwrap.errors import WrapError


class Request:
    """A request of the link that must be sent. behind: bytes that follow it."""

    def __init__(
        self,
        method: str,
        params: dict[str, Any] | None,
        behind: bytes,
        timeout_s: float,
        attempts: int,
    ) -> None:
        self.method = method
        self.params = params
        self.behind = behind
        self.timeout_s = timeout_s
        self.attempts = attempts


class Pending(BaseException):
    """Leaves the function: `request` has no answer yet."""

    def __init__(self, request: Request) -> None:
        super().__init__(request.method)
        self.request = request


class Answer:
    """What a request led to: a result or an error, and the pushes before it."""

    def __init__(
        self,
        result: Any,
        error: WrapError | None,
        pushes: list[tuple[str, dict[str, Any]]],
        repeats: int,
    ) -> None:
        self.result = result
        self.error = error
        self.pushes = pushes
        self.repeats = repeats


class ReplayLink:
    """Takes the place of `device.link.Link`."""

    def __init__(self) -> None:
        self.repeats = 0
        self._known: list[Answer] = []
        self._at = 0

    def begin(self) -> None:
        """Give all answers again from the first one on."""
        self._at = 0
        self.repeats = 0

    def add(self, answer: Answer) -> None:
        """Add what the last pending request led to."""
        self._known.append(answer)

    def call(
        self,
        method: str,
        params: dict[str, Any] | None = None,
        *,
        behind: bytes = b"",
        timeout_s: float | None = None,
        attempts: int | None = None,
        on_push: Push | None = None,
    ) -> Any:
        """Return the result as `Link.call` does. Raises Pending, WrapError."""
        if self._at == len(self._known):
            request = Request(method, params, behind, timeout_s or ANSWER_S, attempts or ATTEMPTS)
            raise Pending(request)
        answer = self._known[self._at]
        self._at += 1
        self.repeats += answer.repeats
        for name, pushed in answer.pushes if on_push else ():
            on_push(name, pushed)  # type: ignore[misc]
        if answer.error is not None:
            raise answer.error
        return answer.result


class ReplayClient(Client):
    """A client whose requests `link` answers."""

    def __init__(self, link: ReplayLink) -> None:
        self.link = link  # type: ignore[assignment]
