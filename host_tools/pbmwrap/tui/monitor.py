"""The terminal view of `pbmwrap monitor`: widgets and keys. Imports textual.

`MonitorApp` shows a `Watcher`'s picture; `run_monitor` also runs the watcher in a thread.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Footer, Static

from pbmwrap.errors import plain
from pbmwrap.tui import panel
from pbmwrap.tui.graph import Curve, Graph, LightGraph, Row
from pbmwrap.tui.watcher import Watcher

if TYPE_CHECKING:
    from textual.app import RenderResult

REFRESH_S = 0.5  # the ages on the screen
BELL_S = 10.0  # the terminal's bell repeats while the wake question waits
JOIN_S = 3.0  # how long the end waits for a request that the wrap does not answer
PACE_MOST_S = 0.2
LEAST_COLUMNS, LEAST_ROWS = 30, 4  # a smaller graph shows nothing
BOTH_ROWS = 34  # a screen of this height has room for both graphs
SENSOR_COLUMNS = 39  # two sensors in 80 columns, three in 120
INTERRUPTED = "interrupted"
TERMINATED = "terminated"
_STYLES = {
    "axis": "grey70",
    "label": "bold white",
    "trip": "bold red1",
    "derate": "yellow1",
    "board": "deep_sky_blue1",
    "skin": "bold green1",
}
_OLD = "grey50"
_STATE_STYLES = {
    "NOT CONNECTED": "bold white on red3",
    "STARTING": "bold black on green1",
    "RUNNING": "bold black on green1",
    "STOPPING": "bold black on yellow1",
    "PAUSED": "bold black on yellow1",
    "TESTING": "bold black on yellow1",
    "FAULT": "bold white on red3",
}
_PARTS = ("header", "state", "alert", "session", "sensors", "message")
_FULL, _EMPTY = "█", "░"


def bar(share: float, width: int) -> str:
    """Return a bar of `width` characters that is full to `share`."""
    full = min(width, max(0, round(share * width)))
    return _FULL * full + _EMPTY * (width - full)


class PictureChanged(Message):
    """Posted by the watcher's thread."""

    def can_replace(self, message: Message) -> bool:
        """Whether one refresh stands for both."""
        return isinstance(message, PictureChanged)


class WatchingFailed(Message):
    """Posted when the watcher's thread has ended by an error."""


class GraphOverTime(Widget):
    """Draws temperatures, or light and dose, in whatever space is left. kind: "temps", "light"."""

    def __init__(self, kind: str, watcher: Watcher, now_s: Callable[[], float]) -> None:
        super().__init__(id=f"graph-{kind}", classes="graph")
        self._kind = kind
        self._watcher = watcher
        self._now_s = now_s
        self._drawn: tuple[object, ...] = ()
        self._rows: list[Row] = []

    def on_resize(self) -> None:
        self.redraw()

    def redraw(self) -> None:
        """Draw a new point, or without a link once a second; write only what has changed."""
        picture = self._watcher.picture
        second = 0 if picture.lost_s is None else int(self._now_s())
        drawn = (picture.points, picture.limits, second, self.size)
        if drawn == self._drawn:
            return
        self._drawn = drawn
        rows = self._draw()
        if rows != self._rows:
            self._rows = rows
            self.refresh()

    def _draw(self) -> list[Row]:
        picture = self._watcher.picture
        width, height = self.size
        if width < LEAST_COLUMNS or height < LEAST_ROWS:
            return []
        if self._kind == "light":
            names = [plain(name) for name, _ in picture.hello.channels]
            return LightGraph(names, picture.points, self._now_s(), width, height).rows()
        curves = [Curve(plain(name), role) for name, role in picture.hello.sensors]
        return Graph(curves, picture.points, picture.limits, self._now_s(), width, height).rows()

    def render(self) -> RenderResult:
        out = Text(no_wrap=True, end="")
        for n, row in enumerate(self._rows):
            out.append("\n" if n else "")
            for text, style in row:
                out.append(text, _STYLES.get(style))
        return out


class MonitorApp(App[str]):
    """Shows the watcher's picture. Its result is "" after q, else why it ended."""

    ENABLE_COMMAND_PALETTE = False
    TITLE = "pbmwrap monitor"
    CSS = """
    Screen { layout: vertical; overflow: hidden; }
    Static { height: auto; width: 1fr; padding: 0 1; }
    #header, #state { height: 1; }
    #alert { text-style: bold; }
    #alert.wake { background: yellow; color: black; }
    #alert.fault, #alert.lost { background: #b00000; color: white; }
    .graph { height: 1fr; min-height: 0; width: 1fr; }
    #message { height: 2; color: $text-warning; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p,P", "request('pause')", "pause", key_display="p"),
        Binding("r,R", "request('resume')", "resume", key_display="r"),
        Binding("s,S", "request('stop')", "stop", key_display="s"),
        Binding("a,A", "request('acknowledge')", "acknowledge", key_display="a"),
        Binding("n,N", "request('next')", "next", key_display="n"),
        Binding("w,W", "request('awake')", "awake", key_display="w"),
        Binding("g,G", "turn_graph", "graph", key_display="g"),
        Binding("q,Q", "leave", "quit", key_display="q"),
        Binding("ctrl+q", "leave", show=False, priority=True),
        Binding("ctrl+c", "interrupt", show=False, priority=True),
    ]

    def __init__(
        self, watcher: Watcher, every_s: float = 1.0, started: Callable[[], object] = lambda: None
    ) -> None:
        """started: called when messages may be posted."""
        super().__init__()
        self._watcher = watcher
        self._started = started
        self._every_s = every_s
        self._bell_s: float | None = None
        self._contents: dict[str, Text | None] = {}
        self._parts = {name: Static(id=name) for name in _PARTS}
        self._graphs = {
            kind: GraphOverTime(kind, watcher, watcher.clock.now_s) for kind in ("temps", "light")
        }
        self._chosen = "temps"  # the graph on a screen that has room for one

    def compose(self) -> ComposeResult:
        for name in ("header", "state", "alert", "session"):
            yield self._parts[name]
        yield from self._graphs.values()
        yield self._parts["sensors"]
        yield self._parts["message"]
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        self.set_interval(REFRESH_S, self.show_picture)
        self.show_picture()
        if sys.platform != "win32" and threading.current_thread() is threading.main_thread():
            # `kill` ends the owner of a shared port: the terminal must be usable afterwards.
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.exit, TERMINATED)
        self._started()

    def on_picture_changed(self) -> None:
        self.show_picture()

    def on_watching_failed(self) -> None:
        self.exit("")

    def on_resize(self) -> None:
        self.call_after_refresh(self.show_picture)

    def action_request(self, name: str) -> None:
        """Hand a key's request to the watcher, which does it in its thread."""
        self._watcher.request(name)

    def action_turn_graph(self) -> None:
        """Show the other graph."""
        self._chosen = "light" if self._chosen == "temps" else "temps"
        self._show_graphs()

    def _show_graphs(self) -> None:
        for kind, graph in self._graphs.items():
            graph.display = kind == self._chosen or self.size.height >= BOTH_ROWS
            graph.redraw()

    def action_leave(self) -> None:
        """Leave the view. Never touches the session."""
        self.exit("")

    def action_interrupt(self) -> None:
        self.exit(INTERRUPTED)

    def show_picture(self) -> None:
        """Show the newest picture and the ages at this moment."""
        if not self._graphs["temps"].is_attached:
            return  # a timer or a sample while the view is closed
        picture = self._watcher.picture
        now_s = self._watcher.clock.now_s()
        old = panel.is_old(picture, now_s, self._every_s)
        width = self.size.width
        self._set("header", self._header(width, old))
        self._set("state", self._state())
        found = panel.alert(picture, now_s)
        self._parts["alert"].set_classes(found[0] if found else "")
        self._set("alert", Text(plain(found[1])) if found else None)
        self._set("session", self._session(width, old))
        self._set("sensors", self._sensors(width, old))
        self._set("message", Text(plain(panel.message_text(picture, now_s))))
        self._show_graphs()
        self._ring(picture.status.wake_waiting and picture.lost_s is None, now_s)

    def _set(self, name: str, content: Text | None) -> None:
        """Show `content`, unless it is there already: over ssh each byte counts."""
        if name in self._contents and self._contents[name] == content:
            return
        self._contents[name] = content
        found = self._parts[name]
        found.display = content is not None
        if content is not None:
            found.update(content)

    def _header(self, width: int, old: bool) -> Text:
        """Return one line: which wrap, and at its right end the age of the newest sample."""
        picture = self._watcher.picture
        age = panel.age_text(picture, self._watcher.clock.now_s(), self._every_s)
        room = max(0, width - len(age) - 3)
        who = plain(f"pbmwrap  {picture.port}  {picture.hello.board}")[:room]
        out = Text(who, "grey70", no_wrap=True)
        out.append(" " * max(0, width - cell_len(who) - len(age) - 2))
        return out.append(age, "bold white on red3" if old else "bold")

    def _state(self) -> Text:
        word, said = panel.state_text(self._watcher.picture)
        out = Text(no_wrap=True, overflow="ellipsis")
        out.append(f" {plain(word)} ", _STATE_STYLES.get(word, "bold black on grey82"))
        return out.append(f"  {plain(said)}", "bold")

    def _session(self, width: int, old: bool) -> Text:
        picture = self._watcher.picture
        status = picture.status
        shade, filled = (_OLD, _OLD) if old else ("default", "green1")
        room = max(4, min(40, width - 50))
        lines = [self._line(panel.protocol_label(status), panel.protocol_text(status), shade)]
        for name, (text, share) in (
            ("time", panel.time_text(status)),
            ("dose", panel.dose_text(status)),
        ):
            lines.append(self._line(name, text, shade))
            if share is not None:
                lines[-1].append(f"{'':{max(1, 26 - len(text))}}{bar(share, room)}", filled)
        light = self._line("light", "")
        each = max(4, min(20, (width - 50) // 2))
        for name, text, share in panel.duties(picture):
            light.append(f"{plain(name)} {text:>7} ", shade)
            light.append(f"{bar(share, each)}   ", filled)
        light.rstrip()
        lines.append(light)
        notes = panel.notes_text(status)
        if notes:
            limited = (status.derate_pm < 1000 or status.warnings) and not old
            lines.append(self._line("note", notes, "bold yellow1" if limited else shade))
        return Text("\n").join(lines)

    def _line(self, name: str, text: str, style: str = "default") -> Text:
        return Text(f"{name:<{panel.LABEL}}  ", "grey70").append(plain(text), style)

    def _sensors(self, width: int, old: bool) -> Text:
        texts = [plain(text) for text in panel.sensor_texts(self._watcher.picture, old)]
        # Columns stay where they are while trends come and go.
        column = max([SENSOR_COLUMNS, *(len(text) + 2 for text in texts)])
        across = max(1, width // column)
        out = Text(no_wrap=True)
        for n, text in enumerate(texts):
            if n:
                out.append("\n" if n % across == 0 else " " * (column - len(texts[n - 1])))
            missing = text.endswith(panel.NO_READING)
            out.append(text, "bold red1" if missing else _OLD if old else "default")
        return out

    def _ring(self, waiting: bool, now_s: float) -> None:
        """Ring the terminal's bell while the wake question waits."""
        if not waiting:
            self._bell_s = None
        elif self._bell_s is None or now_s - self._bell_s >= BELL_S:
            self._bell_s = now_s
            self.bell()


class Follower:
    """Runs the watcher in a thread beside its app."""

    def __init__(self, watcher: Watcher, every_s: float) -> None:
        self._watcher = watcher
        self._ended = threading.Event()
        self._paced_s: tuple[float, float] | None = None
        self.failure: Exception | None = None
        self.thread = threading.Thread(target=self._follow, name="pbmwrap monitor", daemon=True)
        self.app = MonitorApp(watcher, every_s, self.thread.start)
        watcher.changed = lambda: self._post(PictureChanged())

    def end(self) -> bool:
        """End the thread; returns whether it has ended within JOIN_S."""
        self._ended.set()
        if self.thread.ident is not None:
            self.thread.join(JOIN_S)
        return not self.thread.is_alive()

    def _follow(self) -> None:
        try:
            self._watcher.follow(self._turn)
        except Exception as bug:
            self.failure = bug
            self._post(WatchingFailed())

    def _post(self, message: Message) -> None:
        if not self._ended.is_set():
            self.app.post_message(message)

    def _turn(self) -> bool:
        """Let a simulated wrap's time pass no faster than real time; returns whether to end."""
        client = self._watcher.client
        if client is None:
            self._paced_s = None
        else:
            wall_s, link_s = time.monotonic(), client.transport.monotonic()
            if self._paced_s is None:
                self._paced_s = wall_s, link_s
            ahead_s = (link_s - self._paced_s[1]) - (wall_s - self._paced_s[0])
            if ahead_s > 0:
                self._ended.wait(min(ahead_s, PACE_MOST_S))
            else:
                self._paced_s = wall_s, link_s  # time that was lost is not caught up
        return self._ended.is_set()


def run_monitor(watcher: Watcher, every_s: float) -> tuple[str, bool]:
    """Show the view until a person leaves it.

    Returns why it ended ("", INTERRUPTED or TERMINATED), and whether the watcher's client may be
    used again. Raises what the watcher raised.
    """
    follower = Follower(watcher, every_s)
    result = follower.app.run()
    idle = follower.end()
    if follower.failure is not None:
        raise follower.failure
    return INTERRUPTED if result is None else result, idle  # textual gives None after SIGINT
