"""`Counter` of `collections`."""


class Counter:
    """How often each value occurs."""

    def __init__(self, values):
        self._counts = {}
        for value in values:
            self._counts[value] = self._counts.get(value, 0) + 1

    def items(self):
        """Return (value, how often) of each."""
        return self._counts.items()

    def total(self):
        """Return how many values there were."""
        return sum(self._counts.values())
