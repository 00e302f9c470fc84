"""`Fraction` of `fractions`, as far as units are converted with it."""

from pbmwrap.web.browser.shims.decimal import Decimal


class Fraction:
    """numerator / denominator, in lowest terms."""

    def __init__(self, value, denominator=1):
        if isinstance(value, Decimal):
            if value.exponent >= 0:
                value = value.digits * 10**value.exponent
            else:
                value, denominator = value.digits, 10**-value.exponent
        shared = _find_divisor(abs(value), denominator)
        self.numerator = value // shared
        self.denominator = denominator // shared

    def __mul__(self, factor):
        return Fraction(self.numerator * factor, self.denominator)

    def __int__(self):
        low = abs(self.numerator) // self.denominator  # towards 0
        return low if self.numerator >= 0 else -low


def _find_divisor(a, b):
    while b:
        a, b = b, a % b
    return a
