"""Integers that insist on staying small: MicroPython's are 31 bits, longer ones are allocated."""

MOST = 1 << 30


def _checked(name):
    plain = getattr(int, name)

    def op(self, other):
        out = plain(self, other)
        assert -MOST <= out < MOST, f"{int(self)} {name} {int(other)} is no small integer"
        return Small(out)

    return op


class Small(int):
    """An int whose results are Small too, and fail the test when they would be allocated."""

    def __truediv__(self, other):
        raise AssertionError("a float is allocated, and it is not exact")

    def __abs__(self):
        return Small(int.__abs__(self))

    def __neg__(self):
        return Small(int.__neg__(self))


for _op in ("add", "sub", "mul", "floordiv", "lshift"):
    setattr(Small, f"__{_op}__", _checked(f"__{_op}__"))
    setattr(Small, f"__r{_op}__", _checked(f"__r{_op}__"))
