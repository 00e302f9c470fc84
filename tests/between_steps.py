"""Acting on a wrap's parts without the link or the button."""

from __future__ import annotations

from typing import Any


def between_steps(app: Any) -> Any:
    """Leave the fast path, as every request and every trip does before it changes the session."""
    app.fast_step.exit_fast_path()
    return app
