"""`Decimal` of `decimal`: exact numbers that can be compared with integers and written."""

_MOST_EXPONENT = 999999999


class InvalidOperation(ArithmeticError):
    """The text is not a number, or its exponent is too large."""


class Decimal:
    """sign * digits * 10^exponent; or not a finite number."""

    def __init__(self, value="0"):
        if isinstance(value, Decimal):
            self.text, self.digits, self.exponent = value.text, value.digits, value.exponent
            return
        self.text = str(value).replace("_", "")
        self.digits, self.exponent = _split(self.text)

    def is_finite(self):
        """Return whether this is a number."""
        return self.digits is not None

    def adjusted(self):
        """Return the exponent of the first digit."""
        return len(str(abs(self.digits))) - 1 + self.exponent

    def __eq__(self, other):
        if isinstance(other, int):
            other = Decimal(other)
        if not isinstance(other, Decimal) or self.digits is None or other.digits is None:
            return False
        low = min(self.exponent, other.exponent)
        mine = self.digits * 10 ** (self.exponent - low)
        return mine == other.digits * 10 ** (other.exponent - low)

    def __hash__(self):
        return hash(self.text)

    def __str__(self):
        return self.text


def _split(text):
    """Return (digits with their sign, exponent); (None, 0) for what is not finite."""
    if text.lower().lstrip("+-") in ("inf", "nan", "infinity"):
        return None, 0
    number, _, exponent = text.lower().partition("e")
    whole, _, part = number.partition(".")
    try:
        found = int(exponent or "0") - len(part)
        digits = int(whole + part)
    except ValueError:
        raise InvalidOperation(text)
    if abs(found) > _MOST_EXPONENT:
        raise InvalidOperation(text)
    return digits, found
