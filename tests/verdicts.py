"""Reading the verdict of a check: a Violation that is filled again by the next one, or None."""

from wrap.rules import faults


def code_of(found):
    """The fault of a verdict, faults.NONE without one."""
    return faults.NONE if found is None else found.code


def shown(found):
    """(code, sensor, limit_mc) of a verdict; (faults.NONE, None, None) without one."""
    if found is None:
        return (faults.NONE, None, None)
    return (found.code, found.sensor, found.limit_mc)
