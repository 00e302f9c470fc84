"""Names of `collections.abc` that annotations use."""

Callable = Generator = Iterable = Iterator = Mapping = Sequence = AsyncIterator = None
