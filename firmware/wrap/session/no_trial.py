"""Takes the place of wrap.session.trial where the firmware is installed as files. A stock board
loads modules into its heap, which has no room for that one."""


class NoTrial:
    """Has no session of a blinded trial. parts: what `Trial` takes."""

    is_blind = False

    def __init__(self, *parts: object) -> None:
        pass

    def covers(self, person: str, site: str) -> bool:
        """Return False: no session belongs to a trial."""
        return False

    def refusal(self, plan: object) -> None:
        """Return None: no trial refuses a plan."""

    def note_again(self) -> None:
        """Do nothing: there is no record to repeat."""

    def repair(self, dt_ms: int) -> None:
        """Do nothing: there is no store."""
