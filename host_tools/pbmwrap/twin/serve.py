"""Serves a twin on a pseudo terminal, so that any program can use it as a serial port.

It prints nothing and decides nothing about the wrap: it moves bytes both ways, lets virtual time
pass as `pacer.py` allows, and hands typed lines to `console.py`. POSIX only.
"""

from __future__ import annotations

import errno
import os
import re
import select
import termios
import threading
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from pbmwrap import disk
from pbmwrap.errors import UsageError
from pbmwrap.twin import console
from pbmwrap.twin.base import Twin
from pbmwrap.twin.buzzes import BuzzNews
from pbmwrap.twin.pacer import Pacer
from pbmwrap.twin.scenario import Player, Scenario
from pbmwrap.twin.speed_news import SpeedNews

_CHUNK = 1024
_HELD_MAX = 4096  # bytes waiting on either side; more stay where they are, as on a real port
_WAIT_MAX_S = 0.05  # how late a stop or a returning client may be noticed
_PTY = re.compile(r"/dev/(pts/|ttys)\d+")  # Linux and the BSDs; macOS
_IDLE = Scenario(name="none")


def _print_reply(line: str, replies: TextIO | None) -> None:
    if line and replies is not None:
        replies.write(line + "\n")
        replies.flush()


def _remove_old_link(link: Path, way: str) -> None:
    """Remove the link of a server that was killed. Raises UsageError for anything else."""
    old = link.is_symlink() and (not link.exists() or _PTY.fullmatch(str(link.readlink())))
    if old:
        link.unlink()
    elif link.is_symlink() or link.exists():
        raise UsageError(f"{link} exists and is no link to a port", way)


class PtyServer:
    """One twin behind one port. The caller has started the twin; `close` frees the port only.

    `run` may be a thread's or a program's main loop; `run_command` may be called from any thread.
    `link`: a symbolic link to make to the port; one to a port that nobody serves any more is
    replaced. Raises PortBusy when another server has the link, UsageError when something else is
    there, InvalidFile or NoPermission when it cannot be made, OSError when the system gives no pty.
    """

    def __init__(
        self, source: Twin | Player, speed: float | None = 1.0, link: Path | None = None
    ) -> None:
        self.player = source if isinstance(source, Player) else Player(_IDLE, source)
        self._twin = self.player.twin
        self._pacer = Pacer(speed, time.monotonic())
        self._speed_news = SpeedNews(speed, time.monotonic(), self._twin.now_ms)
        self._lock = threading.Lock()
        self._gate = threading.Lock()  # a lock alone is not fair: the holder of the gate is next
        self._quit = False
        self._to_twin = b""
        self._to_host = b""
        began_ms = self._twin.now_ms - self.player.now_ms
        self._buzz_news = BuzzNews(self._twin.buzzes, began_ms)
        self._hung_up = True
        self._typed = b""
        self._master = self._open_pty()
        self._link: Path | None = None
        self._link_lock: disk.Lock | None = None
        if link is not None:
            self._make_link(link)

    def _open_pty(self) -> int:
        master, slave = os.openpty()
        self.port = os.ttyname(slave)
        tty.setraw(slave)
        os.set_blocking(master, False)
        # Closed once, the port reports a hang-up until a client opens it: that is how one is seen.
        os.close(slave)
        return master

    def _make_link(self, link: Path) -> None:
        """A lock file beside the link tells a server that runs from one that was killed: the name
        of its port may belong to another terminal by now."""
        way = "choose another --link"
        lock = None
        try:
            with disk.explained(link, "made", way):
                if not link.parent.is_dir():
                    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
                held = link.with_name(f".{link.name}.lock")
                lock = disk.lock_file(held, f"the link {link}", f"end it, or {way}")
                _remove_old_link(link, way)
                link.symlink_to(self.port)
        except BaseException:
            os.close(self._master)
            if lock is not None:
                lock.release()
            raise
        self._link, self._link_lock = link, lock

    def __enter__(self) -> PtyServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove the port (and its link). Only after `run` has returned. Safe to call twice."""
        if self._master >= 0:
            os.close(self._master)
            self._master = -1
        ours = self._link is not None and self._link.is_symlink()
        if self._link is not None and ours and str(self._link.readlink()) == self.port:
            self._link.unlink()
        self._link = None
        if self._link_lock is not None:
            self._link_lock.release()
            self._link_lock = None

    def run_command(self, line: str) -> str:
        """Obey one typed line (see `console.HELP`); returns the one-line answer."""
        if line.strip() == "quit":
            self._quit = True
            return "bye"
        with self._hold_lock():
            answer = console.obey(line, self.player)
            if line.split()[:1] == ["skip"]:
                self._speed_news.skipped(time.monotonic(), self._twin.now_ms)
            return answer

    @contextmanager
    def _hold_lock(self) -> Iterator[None]:
        with self._gate:
            self._lock.acquire()
        try:
            yield
        finally:
            self._lock.release()

    def run(
        self,
        stop: threading.Event | None = None,
        commands: TextIO | None = None,
        replies: TextIO | None = None,
    ) -> None:
        """Serve until `stop` is set or "quit" is typed. Lines of `commands` go to `run_command`.

        `commands` needs a file descriptor (a terminal, a pipe); at its end serving continues.
        """
        stop = stop or threading.Event()
        typing = commands.fileno() if commands is not None else -1
        while not stop.is_set() and not self._quit:
            with self._hold_lock():
                wait_s = self._run_turn()
                news = [*self._buzz_news.lines(self._twin.now_ms), *self._tell_speed()]
            for line in news:
                _print_reply(line, replies)
            if not self._wait_for_input(wait_s, typing):
                continue
            lines = self._read_lines(typing)
            if lines is None:
                typing = -1
            for line in lines or []:
                self._answer_line(line, replies)

    def _tell_speed(self) -> Iterator[str]:
        now_s = time.monotonic()
        return self._speed_news.lines(now_s, self._twin.now_ms, self._pacer.talking(now_s))

    def _answer_line(self, line: str, replies: TextIO | None) -> None:
        _print_reply(self.run_command(line), replies)

    def _run_turn(self) -> float:
        """Move bytes in, advance one slice, move bytes out. Returns the wall seconds to sleep."""
        now_s = time.monotonic()
        if self._read_host():
            self._pacer.heard(now_s)
        self._notice_client()
        self._offer_bytes()
        busy = not self.player.finished or not self._twin.dark()
        ms = self._pacer.grant(now_s, busy)
        if ms:
            self.player.advance_ms(ms)
            self._offer_bytes()
        self._send_to_host()
        return self._pacer.wait_s()

    def _notice_client(self) -> None:
        poller = select.poll()
        poller.register(self._master, select.POLLIN)
        was, self._hung_up = self._hung_up, any(e & select.POLLHUP for _, e in poller.poll(0))
        if self._hung_up and not was:
            self._pacer.gone()
            self._to_host = b""
            self._clean_port()

    def _clean_port(self) -> None:
        """Discard the last client's bytes and terminal settings."""
        try:
            slave = os.open(self.port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        except OSError:
            return  # a new client holds it exclusively: it is in order for that one already
        try:
            termios.tcflush(slave, termios.TCIFLUSH)
            tty.setraw(slave, termios.TCSANOW)
        finally:
            os.close(slave)

    def _read_host(self) -> bool:
        """Read what the host has sent, unless the wrap has not taken the last bytes yet."""
        if len(self._to_twin) >= _HELD_MAX:
            return False
        try:
            data = os.read(self._master, _CHUNK)
        except OSError as problem:
            if problem.errno not in (errno.EAGAIN, errno.EIO):
                raise
            return False
        self._to_twin += data
        return bool(data)

    def _offer_bytes(self) -> None:
        while self._to_twin:
            taken = self._twin.write(self._to_twin)
            if taken <= 0:
                return
            self._to_twin = self._to_twin[taken:]

    def _send_to_host(self) -> None:
        """Pass on what the wrap has sent. Without a client it is lost, as on a closed port."""
        if self._hung_up:
            self._twin.read()
            return
        if len(self._to_host) < _HELD_MAX:
            self._to_host += self._twin.read()
        try:
            while self._to_host:
                self._to_host = self._to_host[os.write(self._master, self._to_host) :]
        except OSError as problem:
            if problem.errno not in (errno.EAGAIN, errno.EIO):
                raise

    def _wait_for_input(self, wait_s: float, typing: int) -> bool:
        """Sleep until bytes, a typed line or `wait_s`. True when there is something typed."""
        poller = select.poll()
        if typing >= 0:
            poller.register(typing, select.POLLIN)
        # A hang-up cannot be masked and would wake at once; a port with bytes that the wrap does
        # not take yet would do so as well.
        if not self._hung_up and len(self._to_twin) < _HELD_MAX:
            poller.register(self._master, select.POLLIN)
        ready = poller.poll(min(wait_s, _WAIT_MAX_S) * 1000)
        return any(fd == typing for fd, _ in ready)

    def _read_lines(self, typing: int) -> list[str] | None:
        """Return the complete lines typed so far, or None at the end of the stream."""
        data = os.read(typing, _CHUNK)
        if not data:
            return None
        *lines, self._typed = (self._typed + data).split(b"\n")
        return [line.decode("utf-8", "replace") for line in lines]
