"""A slice of the cuts of an install by files on the emulated chip (docs/powercut.md)."""
# H-19

from __future__ import annotations

import pytest

from pbmwrap.device.client import Client
from pbmwrap.device.twin_transport import TwinTransport
from pbmwrap.twin.rp2040 import Rp2040Twin
from tests import forked
from tests.powercut import install

EVERY = 12
_TRIAL_MS = 20000
_BOOT_MS = 3500


def _on_trial() -> Rp2040Twin:
    """Return the new firmware, a while after its first start."""
    twin = install.chip("update", len(install.tape("update").ops) - 1, "after")
    twin.advance_ms(_BOOT_MS)
    return twin


forked.register("on_trial", _on_trial)


@pytest.fixture(scope="module")
def update() -> install.Tape:
    return install.tape("update")


def test_a_cut_leaves_the_old_or_the_new_firmware_and_an_install_that_finishes(
    update: install.Tape,
) -> None:
    seen = set()
    last_op = len(update.ops) - 1
    for name in install.names("update", EVERY):
        kind, k, how = name.split("/")
        if int(k) == last_op:
            continue  # the only one after which the new firmware boots: judged below
        boots, wrong = install.judged(kind, int(k), how)
        assert wrong == [], name
        seen.add(boots)
    last = install.judged("update", last_op, "after")
    assert last == ("new", []) and seen == {"old"}


@pytest.mark.forked("on_trial")
def test_the_chip_boots_the_new_firmware_after_the_last_operation(update: install.Tape) -> None:
    """The cuts before it boot the old one: see test_loader_boot.py, `make powercut-install`."""
    twin = forked.take("on_trial")
    hello = Client(TwinTransport(twin), answer_s=2).hello()
    assert (hello.slot, hello.fell) == (f"b {update.new.index_sha256[:12]}", None)
    assert install.dark(twin)


@pytest.mark.slow
@pytest.mark.forked("on_trial")
def test_a_new_firmware_that_nobody_greets_is_given_up_after_20_s(update: install.Tape) -> None:
    """Dark all the while; then the old one answers, by a restart that somebody wanted, and says
    why."""
    twin = forked.take("on_trial")
    twin.advance_ms(_TRIAL_MS + _BOOT_MS)
    hello = Client(TwinTransport(twin), answer_s=2).hello()
    assert (hello.slot, hello.cause) == (f"a {update.old[:12]}", "intended")
    assert hello.fell is not None and "20 s" in hello.fell
    assert install.dark(twin)
