"""`get_close_matches` of `difflib`, for short words."""


def get_close_matches(word, possibilities, n=3, cutoff=0.6):
    """Return up to `n` words that are like `word`, the best first."""
    found = [(_measure_likeness(one, word), one) for one in possibilities]
    return [one for ratio, one in sorted(found, reverse=True) if ratio >= cutoff][:n]


def _measure_likeness(a, b):
    total = len(a) + len(b)
    return 2 * _count_matches(a, b) / total if total else 1


def _count_matches(a, b):
    """Return the length of the longest common part and of those left and right of it."""
    best_a = best_b = size = 0
    for i in range(len(a)):
        for j in range(len(b)):
            n = 0
            while i + n < len(a) and j + n < len(b) and a[i + n] == b[j + n]:
                n += 1
            if n > size:
                best_a, best_b, size = i, j, n
    if not size:
        return 0
    left = _count_matches(a[:best_a], b[:best_b])
    return left + size + _count_matches(a[best_a + size :], b[best_b + size :])
