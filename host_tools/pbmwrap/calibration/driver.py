"""Drives a measurement on the command line: asks, keeps the light, writes after each answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pbmwrap.calibration import store
from pbmwrap.calibration.dialog import Dialog, Ended
from pbmwrap.calibration.lamp import Lamp
from pbmwrap.calibration.problems import Question, Refusal
from pbmwrap.calibration.record import Record
from pbmwrap.calibration.setup_fields import Field, list_fields, read_field
from pbmwrap.calibration.steps import (
    AWAY_S,
    CONFIRM,
    DONE,
    FIELD,
    LIGHT_ON,
    QUESTION,
    READING,
    WARM_UP,
    Step,
    accept_answer,
    next_step,
    require_yes,
    take_back,
)
from pbmwrap.errors import DeviceError, UsageError, WrapError
from wrap.errors import NOT_NOW

HELP = (
    "Type the number that the meter shows, with or without its unit, or the name of a "
    "spectrometer's file. `back` measures the last reading again, `stop` ends for now; "
    "everything typed so far is saved."
)
_FILES = (".csv", ".json", ".txt")


class Paused(WrapError):
    """The person ends for now. Everything is saved."""

    code = "paused"


@dataclass
class Driver:
    """save: writes the record; called after each change."""

    record: Record
    lamp: Lamp
    dialog: Dialog
    save: Callable[[Record], object] = store.save_record

    def prefill(self, given: dict[str, str]) -> None:
        """Take what the command line gave for the set-up. Raises WrapError for a value that cannot
        be used."""
        for one in list_fields(self.record.purpose):
            text = given.get(one.key)
            if text is None:
                continue
            if one.key in self.record.answers:
                self._require_same(one, text)
                continue
            if self.record.pending:
                return
            try:
                accept_answer(self.record, Step(FIELD, one.key, one.text), text, self.lamp.moment())
            except Refusal as problem:
                raise WrapError(f"--{one.key}: {problem.text}", "give another value") from problem
        self.save(self.record)

    def _require_same(self, one: Field, text: str) -> None:
        """Raise UsageError when the measurement under way has another value."""
        kept = self.record.answers[one.key]
        try:
            found = read_field(one, text, self.record.purpose, self.record.answers)
        except Refusal as problem:
            raise UsageError(f"--{one.key}: {problem.text}", "give another value") from problem
        if found != kept and not isinstance(found, Question):
            shown = "x".join(map(str, kept)) if isinstance(kept, list) else kept
            raise UsageError(
                f"--{one.key} is {text}, and the measurement under way has {shown}",
                f"leave out --{one.key} to go on with it, or add --new to begin again",
            )

    def run(self) -> None:
        """Go through all steps. Raises Paused, WrapError; the light is off afterwards."""
        try:
            while (step := next_step(self.record, self.lamp.moment())).kind != DONE:
                self._take(step)
        except Ended:
            raise self._paused("the input ended") from None
        finally:
            self.lamp.end()

    def _take(self, step: Step) -> None:
        if step.lit is None and step.kind != QUESTION:
            self.lamp.end()
        if step.kind == WARM_UP:
            self._warm_up(step)
            return
        text = self._ask(step)
        if text is None:
            return
        plain = text.strip().lower()
        if plain in ("stop", "quit", "q"):
            raise self._paused("stopped")
        if plain in ("help", "?h"):
            self.dialog.show(HELP)
        elif plain == "back":
            self._take_back()
        elif step.kind == LIGHT_ON:
            self._light(step, text)
        else:
            self._answer(step, text)

    def _paused(self, why: str) -> Paused:
        return Paused(
            f"{why}; everything typed so far is saved and the light is off",
            "run the same command again to go on where you were",
        )

    def _ask(self, step: Step) -> str | None:
        """Return what was typed; None when the light has gone out meanwhile."""
        prompt = step.text
        if step.kind == QUESTION:
            prompt = f"? {step.text} ({' / '.join(step.choices)})"
        elif step.kind == CONFIRM:
            prompt = f"{step.text}, then press Enter"
        elif step.default:
            prompt = f"{step.text} [{step.default}]"
        clock = self.lamp.clock
        begun = clock()

        def meanwhile() -> bool:
            why = self.lamp.keep()
            if why:
                self.dialog.show(f"the light has ended: {why}")
                return False
            if self.lamp.lit and clock() - begun > AWAY_S:
                self.lamp.end()
                self.dialog.show("no answer for a while: the light is off, nothing is lost")
                return False
            return True

        text = self.dialog.ask(prompt, meanwhile)
        why = self.lamp.keep() if text is not None else None
        if why and step.lit and step.kind == READING:
            self.dialog.show(f"the light has ended: {why}; {text!r} was not taken")
            return None
        return text

    def _warm_up(self, step: Step) -> None:
        left = step.seconds
        while left > 0:
            self.dialog.count_down(step.text, left)
            self.lamp.wait(1.0)
            why = self.lamp.keep()
            if why:
                self.dialog.count_down(step.text, 0)
                self.dialog.show(f"the light has ended: {why}")
                return
            now = next_step(self.record, self.lamp.moment())
            left = now.seconds if now.kind == WARM_UP else 0
        self.dialog.count_down(step.text, 0)

    def _light(self, step: Step, text: str) -> None:
        try:
            require_yes(text)
        except Refusal as problem:
            self.dialog.show(problem.text)
            return
        try:
            self.lamp.begin(step.key)
        except DeviceError as problem:
            if problem.device_code != NOT_NOW:
                raise
            # A warm pad, or the light of the hour is used up: that passes.
            self.dialog.show(f"{problem}; type yes when it is so, or stop to go on another time")
            return
        duty = self.lamp.moment().duty_u16 / 655.35
        if duty < 99.9:
            self.dialog.show(
                f"{step.key} is lit at {duty:.1f} %, the most that the wrap allows now; readings "
                "are scaled to full duty"
            )

    def _take_back(self) -> None:
        one = take_back(self.record)
        self.save(self.record)
        self.dialog.show(
            f"{one.text} is measured again; it stays in the record" if one else "nothing to go back"
        )

    def _answer(self, step: Step, text: str) -> None:
        try:
            file, name = _find_file(text) if step.kind == READING else (None, "")
            accept_answer(self.record, step, text, self.lamp.moment(), file, name)
        except Refusal as problem:
            self.dialog.show(f"not taken: {problem.text}")
            return
        self.save(self.record)
        if step.kind == READING:
            self.lamp.note_reading()


def _find_file(text: str) -> tuple[bytes | None, str]:
    """Return content and name of the file that `text` names, if it names one. Raises Refusal."""
    plain = text.strip().strip("\"'")
    path, mark, row = plain.partition("#")
    if not path.lower().endswith(_FILES):
        return None, ""
    try:
        raw = Path(path).expanduser().read_bytes()
    except OSError as problem:
        reason = problem.strerror or str(problem)
        raise Refusal("file", f"{path} cannot be read: {reason}", path=path) from problem
    return raw, f"{Path(path).name}{mark}{row}"
