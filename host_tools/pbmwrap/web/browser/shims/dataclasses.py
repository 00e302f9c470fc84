"""The functions of `dataclasses` for classes that translate.py wrote out."""


class Field:
    """A field's name and its annotation as text."""

    def __init__(self, name, hint):
        self.name = name
        self.type = hint


def is_dataclass(one):
    """Return whether this is a data class or an instance of one."""
    return hasattr(one, "FIELDS")


def fields(one):
    """Return the fields of a data class or of an instance."""
    return tuple(Field(name, hint) for name, hint in zip(one.FIELDS, one.HINTS))


def asdict(one):
    """Return an instance as a dictionary, with those inside it."""
    if hasattr(one, "FIELDS"):
        return {name: asdict(getattr(one, name)) for name in one.FIELDS}
    if isinstance(one, list):
        return [asdict(part) for part in one]
    if isinstance(one, tuple):
        return tuple([asdict(part) for part in one])
    if isinstance(one, dict):
        return {key: asdict(value) for key, value in one.items()}
    return one


def replace(one, **changes):
    """Return a copy with other values of some fields."""
    given = {name: getattr(one, name) for name in one.FIELDS}
    given.update(changes)
    return type(one)(**given)


dataclass = field = None  # translate.py has written the classes out
