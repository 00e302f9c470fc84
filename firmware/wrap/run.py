"""The loop on a chip: steps at absolute deadlines, slack between them, dark at the end whatever
happens."""

from wrap.app import App
from wrap.safety import limits


def service_wanted(hal):
    """Whether a host asked for service mode before this restart; asking counts once."""
    if hal.files.size("service") < 0:
        return False
    hal.files.remove("service")
    return True


def loop(app, turns=-1):
    """Run `turns` steps (-1: for ever). Steps are due every limits.STEP_MS after the first, without
    drift."""
    hal = app.hal
    due = hal.ticks_ms()
    while turns:
        turns -= 1
        app.turn(hal.ticks_ms())
        due = hal.ticks_add(due, limits.STEP_MS)
        late = hal.ticks_diff(hal.ticks_ms(), due)
        if late > 0:
            due = hal.ticks_add(
                due, late
            )  # a lost step is not made up for: time is measured, not counted
        while app.busy and hal.ticks_diff(due, hal.ticks_ms()) > 2:
            app.more_slack()
        hal.wait_until(due)


def main(hal, facts):
    """Run the wrap until it is interrupted; the outputs are off afterwards. Returns at once in
    service mode."""
    try:
        if service_wanted(hal):
            hal.service_blink()
            return
        app = App(hal, facts)
        hal.collect()
        loop(app)
    finally:
        hal.dark()
