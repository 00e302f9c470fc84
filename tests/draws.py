"""Properties with few examples in CI and many in a campaign."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis.strategies import SearchStrategy


def with_draws(
    few: int,
    many: int,
    *strategies: SearchStrategy[Any],
    examples: Sequence[tuple[Any, ...]] = (),
    **more: Any,
) -> Callable[[Callable[..., None]], Callable[[int], None]]:
    """Make a property of a function: hypothesis draws its arguments `few` times in CI, and `many`
    times in the test marked `campaign`. `examples` come first; `more` goes to `settings`."""

    def decorate(body: Callable[..., None]) -> Callable[[int], None]:
        @pytest.mark.slow
        @pytest.mark.parametrize("draws", [few, pytest.param(many, marks=pytest.mark.campaign)])
        def check(draws: int) -> None:
            drawn = given(*strategies)(body)
            for values in reversed(examples):
                drawn = example(*values)(drawn)
            settings(max_examples=draws, deadline=None, **more)(drawn)()

        check.__name__ = body.__name__
        check.__doc__ = body.__doc__
        return check

    return decorate
