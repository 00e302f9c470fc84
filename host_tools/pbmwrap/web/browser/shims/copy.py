"""`deepcopy` of `copy`, for data without loops."""


def deepcopy(value):
    """Return a copy of dictionaries and lists; other values are shared."""
    if isinstance(value, dict):
        return {key: deepcopy(one) for key, one in value.items()}
    return [deepcopy(one) for one in value] if isinstance(value, list) else value
