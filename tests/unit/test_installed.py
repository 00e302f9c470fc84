"""A firmware installed as files is on trial until a host has its hello: no light, and what keeps it
is written in the background."""
# H-19

from __future__ import annotations

import pytest

from tests.between_steps import between_steps
from tests.unit.conftest import Rig
from wrap.errors import NOT_NOW, Refused


class Installed:
    """loader/main.py's, as far as the wrap knows it."""

    name = "b 0123456789ab"
    rollback_reason = None

    def __init__(self) -> None:
        self.trial = True
        self.fails = 0
        self.kept = 0

    def keep(self) -> None:
        self.kept += 1
        if self.kept <= self.fails:
            raise OSError(28)
        self.trial = False


@pytest.fixture
def trial(rig: Rig) -> Rig:
    rig.store()
    rig.app.trial.installed = Installed()
    return rig


def test_no_session_begins_on_trial_by_link_or_button(trial: Rig) -> None:
    with pytest.raises(Refused) as found:
        between_steps(trial.app).starter.start("link", False)
    assert found.value.args[0] == NOT_NOW
    assert "on trial" in found.value.args[1]
    trial.press()
    trial.advance(3000)
    assert (trial.state, trial.app.trial.installed.kept) == ("idle", 0)
    assert trial.dark()


def test_a_hello_that_was_answered_keeps_the_firmware_once(trial: Rig) -> None:
    reported = trial.ask("hello")
    assert (reported["slot"], reported["fell"]) == ("b 0123456789ab", None)
    trial.ask("hello")
    installed = trial.app.trial.installed
    assert (installed.kept, installed.trial) == (1, False)
    between_steps(trial.app).starter.start("link", False)
    trial.until("running")


def test_what_could_not_be_written_is_tried_at_the_next_hello(trial: Rig) -> None:
    installed = trial.app.trial.installed
    installed.fails = 1
    trial.ask("hello")
    trial.advance(1000)
    assert (installed.kept, installed.trial) == (1, True)
    trial.ask("hello")
    assert (installed.kept, installed.trial) == (2, False)


def test_an_image_has_no_slot(rig: Rig) -> None:
    reported = rig.ask("hello")
    assert (reported["slot"], reported["fell"]) == (None, None)
