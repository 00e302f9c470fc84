"""Shows a wrap in a terminal: a line for each sample, and keys that control it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING

from pbmwrap.cli.command import print_note, warn
from pbmwrap.cli.keys import ReadKeys, watched_keys
from pbmwrap.errors import DeviceError

if TYPE_CHECKING:
    from pbmwrap.device.client import Client
    from pbmwrap.device.models import Sample

KEYS = "keys: s stop, p pause or resume, q quit"


class LiveView:
    """Controls the wrap by keys. quitting: whether q was pressed."""

    def __init__(self, client: Client, read: ReadKeys | None, say: Callable[[str], None]) -> None:
        self._client = client
        self._read = read
        self._say = say
        self.quitting = False

    def poll_keys(self) -> None:
        """Handle the keys pressed since the last call. Raises LinkLost."""
        for key in self._read() if self._read else "":
            self.handle_key(key)

    def handle_key(self, key: str) -> None:
        """Stop on s, pause or resume on p, quit on q; other keys do nothing."""
        act = {"s": self._client.stop, "p": self._toggle_pause}.get(key.lower())
        self.quitting = self.quitting or key.lower() == "q"
        if act is None:
            return
        try:
            self._say(act())
        except DeviceError as refusal:
            self._say(str(refusal))

    def _toggle_pause(self) -> str:
        paused = self._client.status().state == "paused"
        return self._client.resume() if paused else self._client.pause()


def watch_samples(
    client: Client,
    every_ms: int,
    show: Callable[[Sample], None],
    meanwhile: Callable[[], None] = lambda: None,
) -> Generator[Sample, None, None]:
    """Show and yield samples until q is pressed. Keys are read in a terminal.

    meanwhile: called ten times a second; may use the client. Raises LinkLost.
    """
    warn(_explain_not_shared(client))
    with watched_keys() as read:
        view = LiveView(client, read, print_note)
        if read:
            print_note(KEYS)

        def poll_terminal() -> None:
            meanwhile()
            view.poll_keys()

        samples = client.telemetry(every_ms, meanwhile=poll_terminal, ended=lambda: view.quitting)
        try:
            for sample in samples:
                show(sample)
                yield sample
        finally:
            samples.close()


def list_other_programs(client: Client) -> Iterator[str]:
    """Yield a line for each other program that uses the wrap through this process."""
    for other in getattr(client.transport, "other_programs", ()):
        yield f"{other} uses the wrap too and goes on"


def _explain_not_shared(client: Client) -> Iterator[str]:
    why = getattr(client.transport, "not_shared_reason", "")
    if why:
        name = client.transport.name
        yield f"no other program can reach the wrap while this one uses {name}: {why}"
