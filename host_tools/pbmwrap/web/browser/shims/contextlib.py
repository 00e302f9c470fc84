"""`suppress` of `contextlib`."""


class suppress:
    """Ignores exceptions of these kinds."""

    def __init__(self, *kinds):
        self._kinds = kinds

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        return kind is not None and issubclass(kind, self._kinds)
