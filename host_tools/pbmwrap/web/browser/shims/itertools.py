"""`zip_longest` of `itertools`."""


def zip_longest(*rows):
    """Yield tuples of the rows' elements, with None where a row has ended."""
    lists = [list(row) for row in rows]
    for i in range(max([len(row) for row in lists], default=0)):
        yield tuple([row[i] if i < len(row) else None for row in lists])
