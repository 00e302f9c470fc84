"""The example protocols. The build replaces this module (tools/web_static/examples.py)."""

from __future__ import annotations

from typing import Any

EXAMPLES: list[dict[str, Any]] = []
