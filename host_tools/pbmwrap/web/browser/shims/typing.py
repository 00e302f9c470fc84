"""Names of `typing` that stand in code which runs; annotations are not translated."""

TYPE_CHECKING = False


class Form:
    """Takes any subscript and returns it."""

    def __getitem__(self, what):
        return what if isinstance(what, tuple) else (what,)


def get_args(form):
    """Return the values of a `Literal`."""
    return form


def cast(kind, value):
    """Return the value."""
    return value


def TypeVar(name, **about):
    """Return something."""
    return


Any = Protocol = Generic = Union = Annotated = None
Literal = Form()
