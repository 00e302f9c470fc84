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
