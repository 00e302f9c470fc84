"""Names of `abc`, which the translation removes."""

ABC = object
abstractmethod = None
