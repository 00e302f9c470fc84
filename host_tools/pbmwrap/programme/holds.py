"""Sends a wrap what it must know of the programme: holds, and the hashes of frozen plans.

A wrap keeps a hold itself, so its button refuses too. An older firmware knows neither; then the
caller gets a note, and only the host refuses.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pbmwrap.errors import DeviceError, WrapError
from pbmwrap.programme import red_flags
from pbmwrap.programme.courses import list_courses
from pbmwrap.programme.model import Course, Kind, Person
from pbmwrap.programme.store import Store, default_path, open_store
from wrap import errors
from wrap.rules import states

if TYPE_CHECKING:
    from pbmwrap.device.client import Client

REASON = "red-flag"
TOO_OLD_HOLD = (
    "this wrap's firmware is too old to refuse light by itself: its button still starts a session. "
    "Do not use it until a clinician has seen you; `pbmwrap install` brings the newer firmware"
)
TOO_OLD_NOTE = (
    "this wrap's firmware is too old to keep the plan's hash in its log; `pbmwrap install` brings "
    "the newer one, then `pbmwrap course note` sends it"
)


@dataclass(frozen=True)
class HoldChange:
    """What `sync_holds` did. too_old: the wrap knows no holds, and one is needed. stopped: a
    session was under way and was stopped."""

    set: int = 0
    cleared: int = 0
    too_old: bool = False
    stopped: bool = False


_POLL_S = 0.1
_POLLS = 60  # the light fades out within two seconds
_ACTIVE = [states.NAMES[state] for state in states.ACTIVE]


def stop_session_of(client: Client, tags: Collection[str]) -> bool:
    """Stop the session that is under way if it is, or may be, one of these people's, and wait until
    it has ended. Returns whether there was one. Raises DeviceError, LinkLost."""
    now = client.call("status")
    if now.get("state") not in _ACTIVE or (now.get("person") or next(iter(tags))) not in tags:
        return False
    client.call("session.stop")
    for _ in range(_POLLS):
        if client.call("status").get("state") not in _ACTIVE:
            break
        time.sleep(_POLL_S)
    return True


def sync_holds(client: Client, store: Store) -> HoldChange:
    """Set a hold for each person with an unread red flag, and clear those that were read.

    A session that may be of such a person is stopped first, with an older firmware too. Holds of
    other households and of other reasons stay. Raises DeviceError, LinkLost.
    """
    wanted = {person.tag for person, _ in red_flags.list_held(store)}
    ours = {event.person for event in store.read(Kind.PERSON, Kind.FORGET)}
    if not ours:
        return HoldChange()
    try:
        answer = client.call("hold.get")
    except DeviceError as problem:
        if problem.device_code != errors.UNKNOWN_METHOD:
            raise
        stopped = bool(wanted) and stop_session_of(client, wanted)
        return HoldChange(too_old=bool(wanted), stopped=stopped)
    standing = {one["person"] for one in _read_holds(answer) if one.get("reason") == REASON}
    new = wanted - standing
    stopped = bool(new) and stop_session_of(client, new)
    for tag in sorted(new):
        client.call("hold.set", {"person": tag, "reason": REASON})
    cleared = sorted((standing & ours) - wanted)
    for tag in cleared:
        client.call("hold.clear", {"person": tag, "reason": REASON})
    return HoldChange(len(new), len(cleared), stopped=stopped)


def _read_holds(answer: Any) -> list[Mapping[str, Any]]:
    holds = answer.get("holds") if isinstance(answer, dict) else None
    return [one for one in holds or () if isinstance(one, dict) and "person" in one]


def find_active_tag(client: Client) -> str | None:
    """Return the tag of the active protocol; None if it has none, or the firmware knows none."""
    answer = client.call("proto.list")
    active, slots = answer.get("active", -1), answer.get("slots", [])
    slot = slots[active] if 0 <= active < len(slots) else None
    return slot.get("person") if isinstance(slot, dict) else None


def refuse_held_start(client: Client, store: Store) -> None:
    """Refuse a start on the host, also for a wrap that knows no holds. Raises Refused."""
    if red_flags.list_held(store):
        red_flags.refuse_light(store, find_active_tag(client))


def require_light(client: Client) -> None:
    """Refuse a start while a red flag of this machine's household is unread, for the page.

    Also brings the wrap's holds up to date. A household that cannot be read refuses nothing: the
    wrap's own hold stands. Raises Refused, LinkLost.
    """
    if not default_path().exists():
        return
    try:
        store = open_store(create=False)
    except WrapError:
        return
    if store is not None:
        with store:
            with suppress(DeviceError):
                sync_holds(client, store)
            refuse_held_start(client, store)


def note_plan(
    client: Client, uid: str, store: Store, course: Course, what: str, unix_ms: int
) -> bool:
    """Put the plan's hash into the wrap's log; False if its firmware is too old for that.

    what: "frozen" or "closed". Raises DeviceError, LinkLost.
    """
    params = {"person": course.person, "sha": course.plan_sha, "what": what}
    try:
        client.call("course.note", params)
    except DeviceError as problem:
        if problem.device_code != errors.UNKNOWN_METHOD:
            raise
        return False
    body = {"id": course.id, "what": what, "sha": course.plan_sha, "uid": uid}
    store.append(Kind.SENT, course.person, body, unix_ms)
    return True


def list_unnoted(store: Store, person: Person, uid: str) -> list[tuple[Course, str]]:
    """List (course, "frozen" or "closed") that this wrap has not received. No drafts."""
    received = {
        (event.body["id"], event.body["what"])
        for event in store.read(Kind.SENT, person=person.tag)
        if event.body.get("uid") == uid
    }
    due = []
    for course in list_courses(store, person):
        if course.frozen:
            due.append((course, "frozen"))
            if course.closed:
                due.append((course, "closed"))
    return [(course, what) for course, what in due if (course.id, what) not in received]
