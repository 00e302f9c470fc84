"""Names of `types` that annotations use."""

ModuleType = SimpleNamespace = object
