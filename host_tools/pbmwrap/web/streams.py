"""Sends events to the open pages (server-sent events). Each page gets every event, in order."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any

MOST_STREAMS = 64
MOST_WAITING = 512  # events; a page that reads none for longer is disconnected
KEEP_ALIVE_S = 5.0
_FIRST = ("status", "world", "sample")  # sent to a new page after `state`


class Stream:
    """One page's stream. browser: its login's id."""

    def __init__(self, browser: str) -> None:
        self.browser = browser
        self.ended = False
        self._waiting: deque[bytes] = deque()
        self._woken = asyncio.Event()

    def put(self, event: bytes) -> None:
        """Queue an event; the stream ends when too many wait."""
        if len(self._waiting) >= MOST_WAITING:
            self.end()
            return
        self._waiting.append(event)
        self._woken.set()

    def end(self) -> None:
        """End the stream; the page opens a new one by itself."""
        self.ended = True
        self._woken.set()

    async def read(self) -> AsyncIterator[bytes]:
        """Yield events, and a comment after KEEP_ALIVE_S without one."""
        yield b"retry: 1000\n\n"
        while not self.ended:
            while self._waiting and not self.ended:
                yield self._waiting.popleft()
            self._woken.clear()
            if self._waiting or self.ended:
                continue
            try:
                await asyncio.wait_for(self._woken.wait(), KEEP_ALIVE_S)
            except TimeoutError:
                yield b": keep-alive\n\n"


class Streams:
    """All open streams. `publish` may be called from any thread, the rest from the loop's.

    describe_state: returns the data of `state` for the browser with that id.
    """

    def __init__(self, describe_state: Callable[[str], dict[str, Any]]) -> None:
        self._describe_state = describe_state
        self._streams: set[Stream] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()
        self._last: dict[str, bytes] = {}
        self._number = 0

    def __len__(self) -> int:
        return len(self._streams)

    def bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """Use the server's event loop from now on."""
        self._loop = loop

    def open(self, browser: str) -> Stream | None:
        """Open a stream; None when there are MOST_STREAMS already."""
        if len(self._streams) >= MOST_STREAMS:
            return None
        stream = Stream(browser)
        stream.put(encode_event("state", self._describe_state(browser)))
        with self._lock:
            for event in filter(None, map(self._last.get, _FIRST)):
                stream.put(event)
            self._streams.add(stream)
        return stream

    def close(self, stream: Stream) -> None:
        """Forget a stream that has ended."""
        stream.end()
        self._streams.discard(stream)

    def end_browser(self, browser: str) -> None:
        """End all streams of one login."""
        for stream in list(self._streams):
            if stream.browser == browser:
                stream.end()

    def end_all(self) -> None:
        """End all streams, so that the server can end. May be called from any thread."""
        self.call(lambda: [stream.end() for stream in list(self._streams)])

    def publish(self, event: str, data: dict[str, Any]) -> None:
        """Send an event to every page."""
        with self._lock:
            try:
                line = encode_event(event, data, self._number + 1)
            except ValueError:
                return  # NaN of a damaged answer: no JSON, and no browser could read it
            self._number += 1
            self._last[event] = line
            self.call(self._deliver, line)  # in the lock, so that the order is that of the ids

    def publish_state(self) -> None:
        """Send `state` to every page, to each what is true for it."""
        self.call(self._deliver_state)

    def forget(self, event: str) -> None:
        """Do not send the last event of this kind to new pages any more."""
        with self._lock:
            self._last.pop(event, None)

    def call(self, act: Callable[..., object], *args: Any) -> None:
        """Call a function in the loop's thread, after what was published before."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(act, *args)

    def _deliver(self, line: bytes) -> None:
        for stream in list(self._streams):
            stream.put(line)

    def _deliver_state(self) -> None:
        for stream in list(self._streams):
            stream.put(encode_event("state", self._describe_state(stream.browser)))


def encode_event(event: str, data: dict[str, Any], number: int | None = None) -> bytes:
    """Return one server-sent event. JSON has no line end, so no text can end the event early."""
    head = f"id: {number}\n" if number is not None else ""
    body = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return f"{head}event: {event}\ndata: {body}\n\n".encode("ascii")
