"""Names of `collections.abc` that annotations use, and `Mapping` for `isinstance`."""

Callable = Generator = Iterable = Iterator = Sequence = AsyncIterator = None
Mapping = dict
