"""A simulated wrap that keeps its flash in a folder between two runs."""

from __future__ import annotations

from pathlib import Path

from pbmwrap import disk
from pbmwrap.twin.sim import SimTwin
from pbmwrap.twin.state_folder import WAY, take_folder


class KeptSim(SimTwin):
    """`folder` is the flash. Raises PortBusy, InvalidFile, NoPermission."""

    def __init__(self, folder: Path) -> None:
        self._lock = take_folder(folder)
        try:
            with disk.explained(folder, "written", WAY):
                super().__init__(state=folder)
        except BaseException:
            self._lock.release()
            raise

    def close(self) -> None:
        super().close()
        self._lock.release()
