"""A protocol from its canonical JSON, with the attributes of `protocols.model.Protocol` that its
summary reads. The model itself needs pydantic, which does not run here."""

from __future__ import annotations

from typing import Any

from wrap.rules import protocol as rules


class PlainChannel:
    """One lamp channel in one step."""

    def __init__(self, spec: list[int]) -> None:
        self.intensity = spec[0] / 10
        self.mode = "pulsed" if len(spec) == 3 else "continuous"
        self.on_fraction = spec[2] / 1000 if len(spec) == 3 else None


class PlainStep:
    """One step."""

    def __init__(self, step: dict[str, Any]) -> None:
        self.duration_s = step["t"]
        self.channels = {name: PlainChannel(spec) for name, spec in step["ch"].items()}


class PlainEvidence:
    """What the wrap keeps of the evidence, and what a file says in addition."""

    def __init__(self, grade: str, summary: str, references: list[str]) -> None:
        self.grade = grade
        self.summary = summary
        self.references = references


class PlainProtocol:
    """A valid protocol. more: `cautions`, `summary` and `references` of its file, if known."""

    def __init__(self, obj: dict[str, Any], more: dict[str, Any]) -> None:
        self.id = obj["id"]
        self.name = obj["name"]
        self.site = obj["site"]
        self.dose_j_cm2 = obj["dose"] / 1000 if obj.get("dose") else None
        self.step = [PlainStep(step) for step in obj["steps"]]
        self.duration_s = sum([step.duration_s for step in self.step])
        self.cautions = more.get("cautions", [])
        grade = obj.get("grade", "")
        self.evidence = (
            PlainEvidence(grade, more.get("summary", ""), more.get("references", []))
            if grade
            else None
        )


def parse_plain(raw: bytes, channels: dict[str, int], more: dict[str, Any]) -> PlainProtocol:
    """Return the protocol of canonical JSON. Raises ValueError with the first rule that it
    breaks."""
    obj = rules.parse(raw)
    found = rules.find_problems(obj, channels)
    if found:
        raise ValueError(rules.problem_text(found[0]).strip())
    return PlainProtocol(obj, more)
