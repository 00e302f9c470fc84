"""What doctor says of a wrap's program and RAM."""

from __future__ import annotations

import pytest

from pbmwrap.cli.checkup import _integrity
from pbmwrap.device.models import Hello
from tests.host.scripted_wrap import HELLO


@pytest.mark.parametrize(
    ("said", "level", "text"),
    [
        ({"integrity": "whole", "memory": "whole"}, "good", "program whole, RAM whole"),
        ({"integrity": "checking", "memory": "whole"}, "good", "program checking, RAM whole"),
        ({"integrity": "damaged", "memory": "whole"}, "bad", "program damaged, RAM whole"),
        ({"integrity": "unknown", "memory": "damaged"}, "bad", "program unknown, RAM damaged"),
        ({}, "note", "nothing checks the program: program unknown, RAM unknown"),
    ],
)
def test_doctor_tells_of_program_and_ram(said: dict[str, str], level: str, text: str) -> None:
    check = _integrity(Hello.model_validate(HELLO | said))
    assert (check.level, check.text) == (level, text)
    assert bool(check.hint) == (level != "good")
