"""`json` with sorted keys: MicroPython's dictionaries keep no order."""

import json as _json

loads = _json.loads
_COMPACT = (",", ":")


def dumps(value, sort_keys=False, separators=None, ensure_ascii=True, allow_nan=True):
    """Return JSON. Without `sort_keys` the order of keys is not defined."""
    separators = separators or (", ", ": ")
    if not sort_keys:
        return _json.dumps(value, separators=separators)
    return _sorted(value, separators)


def _sorted(value, separators):
    between, after = separators
    if isinstance(value, dict):
        pairs = [
            _json.dumps(str(key)) + after + _sorted(value[key], separators) for key in sorted(value)
        ]
        return "{" + between.join(pairs) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + between.join([_sorted(one, separators) for one in value]) + "]"
    return _json.dumps(value)
