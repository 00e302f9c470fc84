"""Carries out what a connected host has requested: telemetry, a restart, the trial of firmware."""

from wrap.compat import const

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from wrap.hal.contract import Hal
    from wrap.install_trial import InstallTrial
    from wrap.link.server import Server
    from wrap.link.status import StatusView
    from wrap.storage.files import AnyFiles
    from wrap.storage.log_queue import LogQueue

_RESTART_MS = const(300)  # long enough for the answer to leave
_RESTART_MOST_MS = const(2000)  # neither an unread port nor failing flash delays it further


class HostSession:
    """Owns no request: the commands set it, the background runs it. every_ms: between two samples,
    0 without telemetry."""

    def __init__(
        self,
        hal: "Hal",
        files: "AnyFiles",
        trial: "InstallTrial",
        log_queue: "LogQueue",
        status_view: "StatusView",
    ) -> None:
        self._hal = hal
        self._files = files
        self._trial = trial
        self._log_queue = log_queue
        self._write_sample = status_view.write_sample  # once: binding a method allocates
        self.every_ms = self._left_ms = self._due_ms = 0
        self._restart_ms = -1  # since a restart was requested; -1: none was

    def start_telemetry(self, every_ms: int, lease_ms: int) -> None:
        """Push a sample every `every_ms` (0: stop) until `lease_ms` have passed."""
        self.every_ms = every_ms
        self._left_ms = lease_ms
        self._due_ms = 0

    def restart(self, service: bool) -> None:
        """Restart once the answer has left; with `service` into a plain REPL. Raises OSError."""
        if service:
            self._files.write("service", b"1")
        self._restart_ms = 0

    def restarting(self) -> bool:
        """Return whether a restart was requested."""
        return self._restart_ms >= 0

    def run(self, dt_ms: int, server: "Server") -> None:
        """Let `dt_ms` pass: keep greeted firmware, push due telemetry, restart when requested."""
        if server.is_idle():
            self._trial.keep_if_greeted()
        if self.every_ms:
            self._push_sample(dt_ms, server)
        if self._restart_ms >= 0:
            self._restart_ms += dt_ms
            settled = server.is_idle() and self._log_queue.is_idle()
            if self._restart_ms > (_RESTART_MS if settled else _RESTART_MOST_MS):
                self._hal.reset()

    def _push_sample(self, dt_ms: int, server: "Server") -> None:
        """Push a sample when it is due, until the lease ends. A late one is not repeated."""
        self._left_ms -= dt_ms
        if self._left_ms <= 0:
            self.every_ms = 0
            return
        self._due_ms -= dt_ms
        # Only when it can leave at once: behind an answer it would be old before it is
        # sent.
        if self._due_ms <= 0 and server.is_idle():
            self._due_ms = self.every_ms
            server.push("sample", self._write_sample)
