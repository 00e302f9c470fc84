"""What is wrong with an answer of the person who measures: refused, or asked about.

Both carry a `code` and `values`, from which a page in another language makes its own words. The
text is for the command line.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

KEEP, AGAIN = "keep", "again"
EARLIER = "earlier"  # keep the new reading and measure the earlier ones at its point again


class Refusal(ValueError):
    """The answer cannot be used. The record stays as it was; the person answers again."""

    def __init__(self, code: str, text: str, **values: Any) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.values = values


@dataclass(frozen=True)
class Question:
    """The answer is unusual. The person keeps it or measures again; both stay in the record.

    guess: a value that was probably meant, which the person may take in its place.
    """

    code: str
    text: str
    values: dict[str, Any] = field(default_factory=dict)
    guess: str | None = None
