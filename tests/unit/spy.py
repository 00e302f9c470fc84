"""A fake HAL that remembers every call and can raise at any of them."""

from pbmwrap.twin.fake_hal import FakeHal
from tests.between_steps import between_steps
from tests.unit.conftest import COOL, LARGE_PAD, MemFiles, protocol, sha
from wrap.app import App
from wrap.hal.contract import Hal
from wrap.rules import states
from wrap.rules.limits import STEP_MS
from wrap.storage.mount import Storage

CALLS = tuple(n for n, v in vars(Hal).items() if callable(v))


class SpyHal(FakeHal):
    """calls: names in order. `error` is raised at the call `raise_at`, after `skip` of them."""

    def __init__(self):
        self.calls = []
        self.raise_at = ""
        self.skip = 0
        self.error = RuntimeError("spy")
        super().__init__(2, 4)
        self.raws = [COOL] * 4


def _spied(name):
    plain = getattr(FakeHal, name)

    def call(self, *args):
        self.calls.append(name)
        if name == self.raise_at:
            self.skip -= 1
            if self.skip < 0:
                self.raise_at = ""
                raise self.error
        return plain(self, *args)

    return call


for _name in CALLS:
    setattr(SpyHal, _name, _spied(_name))


class SpyRig:
    """The app on a SpyHal, stepped by hand."""

    def __init__(self, files=None):
        self.files = files or MemFiles()
        self.hal = SpyHal()
        self.app = App(self.hal, LARGE_PAD, Storage(self.files))

    @property
    def state(self):
        return states.NAMES[self.app.session.state]

    def turn(self, turns=1, ms=STEP_MS):
        for _ in range(turns):
            self.hal.now_ms += ms
            self.app.turn(self.hal.ticks_ms())

    def calls_of(self, act, *args):
        """The HAL calls that `act` makes."""
        self.hal.calls.clear()
        act(*args)
        return self.hal.calls[:]

    def begin(self, **changes):
        steps = [{"t": 60, "ch": {"red": [500], "nir": [800, 40, 500]}}]
        raw = protocol(**{"steps": steps, **changes})
        self.app.protocols.save(0, raw, sha(raw))
        between_steps(self.app).starter.start("link", False)

    def light(self, **changes):
        self.begin(**changes)
        while self.state != "running":
            self.turn()
        self.turn(100)

    def dark(self):
        return not any(self.hal.duty) and not self.hal.enabled
