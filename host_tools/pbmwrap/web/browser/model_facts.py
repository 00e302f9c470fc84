"""The keys of a protocol file. The build writes them here, from the model of `pbmwrap`."""

MODELS: dict[str, list[tuple[str, str, bool]]] = {}
