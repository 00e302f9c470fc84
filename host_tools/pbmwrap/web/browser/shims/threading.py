"""`Lock` of `threading`, for code that runs in one thread here."""


class Lock:
    """A lock that is always free."""

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        return False
