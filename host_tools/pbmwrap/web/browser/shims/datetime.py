"""What pbmwrap/logs uses of `datetime`: times since 1970 as text, in UTC and in local time.

The difference between both is the browser's (`Date`), with its rules for summer time.
"""

from time import gmtime

import js

UTC = None


class datetime:
    """A moment. seconds: since 1970, UTC; shift_s: of the zone in which it is shown."""

    def __init__(self, seconds, shift_s=0):
        self._seconds = seconds
        self._shift_s = shift_s

    @classmethod
    def fromtimestamp(cls, seconds, zone=UTC):
        """Return the moment `seconds` after 1970, UTC."""
        return cls(seconds)

    def astimezone(self):
        """Return the same moment in the browser's zone."""
        minutes = js.Date.new(self._seconds * 1000).getTimezoneOffset()
        return datetime(self._seconds, -60 * int(minutes))

    def _parts(self):
        return tuple(gmtime(int(self._seconds // 1) + self._shift_s))[:6]

    def isoformat(self, timespec="seconds"):
        """Return text such as 2026-11-21T08:30:05+00:00. Only for UTC."""
        text = "%04d-%02d-%02dT%02d:%02d:%02d" % self._parts()
        if timespec == "milliseconds":
            text += ".%03d" % int((self._seconds % 1) * 1000 + 0.5)
        return text + "+00:00"

    def strftime(self, form):
        """Return text such as 2026-11-21 09:30, the only form that is used."""
        if form != "%Y-%m-%d %H:%M":
            raise ValueError(form)
        return "%04d-%02d-%02d %02d:%02d" % self._parts()[:5]


class _Span:
    def __init__(self, days):
        self.days = days


class date:
    """A day, for its distance from another one."""

    def __init__(self, year, month, day):
        if not (1 <= year <= 9999 and 1 <= month <= 12 and 1 <= day <= 31):
            raise ValueError("no such day")
        self._text = "%04d-%02d-%02d" % (year, month, day)
        self._days = int(js.Date.UTC(year, month - 1, day) // 86400000)

    @classmethod
    def fromtimestamp(cls, seconds):
        """Return the day of a moment, in the browser's zone."""
        then = js.Date.new(seconds * 1000)
        return cls(int(then.getFullYear()), int(then.getMonth()) + 1, int(then.getDate()))

    @classmethod
    def fromisoformat(cls, text):
        """Return the day of text such as 20261121. Raises ValueError."""
        if len(text) != 8:
            raise ValueError(text)
        return cls(int(text[:4]), int(text[4:6]), int(text[6:]))

    def __sub__(self, other):
        return _Span(self._days - other._days)

    def __str__(self):
        return self._text
