"""`ValidationError` of `pydantic`, as replaced/model.py raises it."""


class ValidationError(ValueError):
    """What a model refuses. found: dictionaries with `type`, `loc`, `msg` and perhaps `ctx`."""

    def __init__(self, found):
        super().__init__("%d faults" % len(found))
        self._found = found

    def errors(self):
        """Return all of them."""
        return self._found
