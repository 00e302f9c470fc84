"""`bisect_left` and `bisect_right` of `bisect`."""


def bisect_right(row, value):
    """Return the place behind all elements up to `value`."""
    low, high = 0, len(row)
    while low < high:
        middle = (low + high) // 2
        if value < row[middle]:
            high = middle
        else:
            low = middle + 1
    return low


def bisect_left(row, value):
    """Return the place before all elements from `value` on."""
    low, high = 0, len(row)
    while low < high:
        middle = (low + high) // 2
        if row[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low
