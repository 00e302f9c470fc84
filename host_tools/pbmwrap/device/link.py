"""Sends requests to a wrap, one at a time, each repeated with its id until it is answered.

The wrap does not execute an id twice (docs/link.md), so every request may be repeated. Bytes that
are not a valid line are skipped; pushes are passed to a callback.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pbmwrap.device.transport import Transport
from pbmwrap.errors import DeviceError, LinkLost, WrapError
from pbmwrap.portable.conversation import ID_RANGE, Conversation, encode_request

if TYPE_CHECKING:
    from pbmwrap.portable.transfers import Steps

__all__ = ("ANSWER_S", "ATTEMPTS", "ID_RANGE", "Link", "Push", "encode_request")

ANSWER_S = 2.0
ATTEMPTS = 4

Push = Callable[[str, dict[str, Any]], None]


class Link:
    """Requests and answers over one transport. Not thread-safe."""

    def __init__(
        self,
        transport: Transport,
        *,
        answer_s: float = ANSWER_S,
        attempts: int = ATTEMPTS,
        first_id: int | None = None,
    ) -> None:
        self.transport = transport
        self.answer_s = answer_s
        self.attempts = attempts
        self.repeats = 0  # requests sent again
        self.should_give_up: Callable[[bytes], bool] = lambda noise: False  # called before a repeat
        random_id = int.from_bytes(os.urandom(4)) if first_id is None else first_id
        self._conversation = Conversation(random_id)
        self._on_push: Push | None = None

    @property
    def frames_seen(self) -> int:
        """Valid messages of the wrap so far."""
        return self._conversation.frames_seen

    @property
    def noise(self) -> bytes:
        """The last bytes received."""
        return self._conversation.noise

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
        """Send a request and return its result.

        behind: bytes that follow the request as they are. timeout_s, attempts: for this request.
        Raises DeviceError, LinkLost, UsageError.
        """
        line = self._conversation.begin(method, params, behind)
        previous, self._on_push = self._on_push, on_push or self._on_push
        try:
            answer = self._send_until_answered(
                line, timeout_s or self.answer_s, attempts or self.attempts
            )
        finally:
            self._on_push = previous
        if answer is None:
            tries = f"{attempts or self.attempts} tries of {timeout_s or self.answer_s:g} s"
            raise LinkLost(f"{self.transport.name} does not answer {method} ({tries})")
        if "e" in answer:
            code, text = answer["e"]
            raise DeviceError(code, text, method)
        return answer["r"]

    def carry_out(self, steps: Steps) -> Any:
        """Carry out the steps of a transfer (pbmwrap.portable.transfers); returns their result.

        Raises what the steps do, DeviceError, LinkLost, UsageError.
        """
        from pbmwrap.portable.transfers import Reply

        try:
            request = next(steps)
            while True:
                raws: list[dict[str, Any]] = []
                repeats = self.repeats

                def collect(name: str, params: dict[str, Any], raws: Any = raws) -> None:
                    if name == "raw":
                        raws.append(params)

                try:
                    result = self.call(
                        request.method,
                        request.params,
                        behind=request.behind,
                        timeout_s=request.timeout_s,
                        on_push=collect,
                    )
                except WrapError as problem:
                    request = steps.throw(problem)
                else:
                    request = steps.send(Reply(result, raws, self.repeats != repeats))
        except StopIteration as done:
            return done.value

    def listen(self, timeout_s: float, on_push: Push) -> None:
        """Pass on pushes; returns after the first batch of them, or after `timeout_s`."""
        previous, self._on_push = self._on_push, on_push
        try:
            deadline = self.transport.monotonic() + timeout_s
            while (left := deadline - self.transport.monotonic()) > 0:
                if self._receive(left):
                    return
        finally:
            self._on_push = previous

    def _send_until_answered(
        self, line: bytes, timeout_s: float, attempts: int
    ) -> dict[str, Any] | None:
        for attempt in range(attempts):
            self.transport.write(self._conversation.repeat() if attempt else line)
            answer = self._wait_for_answer(timeout_s)
            if answer is not None:
                return answer
            self.repeats += 1
            if self.should_give_up(self.noise):
                break
        self._conversation.distrust()
        return None

    def _wait_for_answer(self, timeout_s: float) -> dict[str, Any] | None:
        """Return the answer to the request in flight; None when it must be repeated."""
        deadline = self.transport.monotonic() + timeout_s
        while True:
            if self._conversation.answer is not None:
                return self._conversation.answer
            if self._conversation.is_damaged:
                return None
            left = deadline - self.transport.monotonic()
            if left <= 0:
                return None
            self._receive(left)

    def _receive(self, timeout_s: float) -> bool:
        """Read once and handle what arrived; True when a push was passed on."""
        pushes = self._conversation.take(self.transport.read(timeout_s))
        for name, params in pushes:
            if self._on_push is not None:
                self._on_push(name, params)
        return bool(pushes)
