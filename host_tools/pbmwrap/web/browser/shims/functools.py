"""`cache` and `lru_cache` of `functools`, for functions without named arguments."""


def _cached(function, most):
    kept = {}

    def ask(*args):
        if args not in kept:
            if most is not None and len(kept) >= most:
                kept.clear()
            kept[args] = function(*args)
        return kept[args]

    return ask


def cache(function):
    """Keep all results."""
    return _cached(function, None)


def lru_cache(most):
    """Keep up to `most` results."""
    return lambda function: _cached(function, most)
