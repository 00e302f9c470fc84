"""A bundle that was changed proves nothing: each kind of tampering is found, by the right check.

Private: `_hash_body` and `_hash_event`, since a forger computes the chain as the store does.
"""

from __future__ import annotations

import base64
import copy
import json
import random
import re
from collections.abc import Callable
from typing import Any

import pytest

from pbmwrap.errors import InvalidFile
from pbmwrap.programme.model import canonical_json
from pbmwrap.programme.store import FIRST, _hash_body, _hash_event
from pbmwrap.trial import bundle as bundles
from tests.trial.person import TrialPerson
from wrap.storage import payload_reader, payloads, record_reader, records

Bundle = dict[str, Any]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The bundle of a whole trial of two feet in 8 weeks, with a note of another kind between."""
    ada = TrialPerson(tmp_path_factory.mktemp("bundle"))
    ada.start()
    ada.wait_until_start()
    ada.run("journal", "add", "5", "--changed", "nobody else's business")
    for week in range(8):
        ada.have_week()
        ada.run("trial", "guess", "unknown", "--why", f"week {week}")
    with ada.world.plugged("wrap-1"):
        ada.run("trial", "reveal")
    file = ada.world.folder / "bundle.json"
    ada.run("trial", "export", str(file))
    ada.world.close()
    return bundles.parse_bundle(file.read_text(), "here")


def find_bad(bundle: Bundle) -> set[str]:
    return {one.name for one in bundles.verify_bundle(bundle) if not one.ok}


def rechain(bundle: Bundle) -> None:
    """Compute all hashes again, as somebody does who forges well."""
    before = FIRST
    for row in bundle["chain"]:
        number, kind, person, unix_ms, _, _, salt, body = row
        if body is not None:
            row[4] = _hash_body(salt, body)
        row[5] = before = _hash_event(number, kind, person, unix_ms, row[4], before)


def rows_of(bundle: Bundle, kind: str) -> list[list[Any]]:
    return [row for row in bundle["chain"] if row[1] == kind]


def test_the_bundle_as_it_was_exported_is_proved(whole: Bundle) -> None:
    found = bundles.verify_bundle(whole)
    assert [one.name for one in found] == list(bundles.CHECKS)
    assert all(one.ok for one in found), found
    again = bundles.parse_bundle(bundles.format_bundle(whole), "again")
    assert find_bad(again) == set()


def test_of_all_else_there_are_only_salted_hashes(whole: Bundle) -> None:
    text = bundles.format_bundle(whole)
    text = re.sub(r"[A-Za-z0-9+/=]{40,}", "", text)  # random bytes of the log, which may spell Ada
    assert "nobody else" not in text and "Ada" not in text
    (entry,) = rows_of(whole, "entry")
    assert entry[6:] == [None, None]


# ---- what somebody may change


def change_entry(bundle: Bundle) -> None:
    row = rows_of(bundle, "trial-entry")[9]
    body = json.loads(row[7])
    body["values"] = [0.0, 10.0]
    row[7] = canonical_json(body)


def remove_entry(bundle: Bundle) -> None:
    bundle["chain"].remove(rows_of(bundle, "trial-entry")[9])


def blank_entry(bundle: Bundle) -> None:
    """Leave out the text, as that of other people's events is left out."""
    rows_of(bundle, "trial-entry")[9][6:] = [None, None]


def date_entry_back(bundle: Bundle) -> None:
    rows_of(bundle, "trial-entry")[9][3] -= 7_200_000


def change_guess(bundle: Bundle) -> None:
    row = rows_of(bundle, "guess")[0]
    row[7] = row[7].replace('"said":null', '"said":true')


def guess_after_the_reveal(bundle: Bundle) -> None:
    rows_of(bundle, "guess")[-1][3] = bundle["chain"][-1][3] + 1000
    rechain(bundle)


def enter_after_the_reveal(bundle: Bundle) -> None:
    rows_of(bundle, "trial-entry")[-1][3] = bundle["chain"][-1][3] + 1000
    rechain(bundle)


def note_the_reveal_late(bundle: Bundle) -> int:
    """The wrap was asked for its secret by another program, and the household's file says so three
    hours later. Returns the number of the row that says it."""
    over = next(r for r in rows_of(bundle, "trial-event") if "secret" in r[7])
    over[3] += 3 * 3_600_000
    body = json.loads(over[7])
    body["at"][0] += 3 * 3_600_000
    over[7] = canonical_json(body)
    return over[0]


def enter_with_the_secret_known(bundle: Bundle) -> None:
    over = bundle["chain"][note_the_reveal_late(bundle) - 1]
    rows_of(bundle, "trial-entry")[-1][3] = over[3] - 3_600_000
    rechain(bundle)


def guess_with_the_secret_known(bundle: Bundle) -> None:
    over = bundle["chain"][note_the_reveal_late(bundle) - 1]
    rows_of(bundle, "guess")[-1][3] = over[3] - 3_600_000
    rechain(bundle)


def forge_entry(bundle: Bundle) -> None:
    """With all hashes computed again: the report shows it."""
    change_entry(bundle)
    rechain(bundle)


def freeze_after_the_start(bundle: Bundle) -> None:
    frozen, armed = rows_of(bundle, "trial")[0], rows_of(bundle, "trial-event")[0]
    for row, other in ((frozen, list(armed)), (armed, list(frozen))):
        row[1:] = other[1:]
    rechain(bundle)


def change_plan(bundle: Bundle) -> None:
    bundle["plan"]["washout"] = 1


def forge_plan(bundle: Bundle) -> None:
    """Everywhere, with its hash and the chain: the commitment in the log does not fit."""
    bundle["plan"]["washout"] = 1
    bundle["plan_sha"] = bundles.hash_plan(bundle["plan"])
    row = rows_of(bundle, "trial")[0]
    body = json.loads(row[7]) | {"plan": bundle["plan"], "sha": bundle["plan_sha"]}
    row[7] = canonical_json(body)
    rechain(bundle)


def swap_secret(bundle: Bundle) -> None:
    bundle["secret"] = "5a" * 32


def forge_secret(bundle: Bundle) -> None:
    row = next(r for r in rows_of(bundle, "trial-event") if "secret" in r[7])
    row[7] = row[7].replace(bundle["secret"], "5a" * 32)
    bundle["secret"] = "5a" * 32
    rechain(bundle)


def call_it_unblinded(bundle: Bundle) -> None:
    row = next(r for r in rows_of(bundle, "trial-event") if "secret" in r[7])
    row[7] = row[7].replace('"revealed"', '"unblinded"')
    rechain(bundle)


def change_report(bundle: Bundle) -> None:
    bundle["report"]["analysis"]["verdict"] = "no difference as large as the one that matters"


def change_estimate(bundle: Bundle) -> None:
    bundle["report"]["analysis"]["estimate"] += 0.00001


def change_allocation(bundle: Bundle) -> None:
    bundle["report"]["arms"] = [1 - arm for arm in bundle["report"]["arms"]]


def change_dose(bundle: Bundle) -> None:
    bundle["report"]["sessions"][0]["on_ms"][1] += 1000


def edit_log(bundle: Bundle, edit: Callable[[bytearray, list[Any]], None]) -> None:
    ((at, text),) = bundle["log"]["pieces"]
    raw = bytearray(base64.b64decode(text))
    edit(raw, record_reader.scan(bytes(raw))[0])
    bundle["log"]["pieces"] = [[at, base64.b64encode(bytes(raw)).decode()]]


def remove_session(bundle: Bundle) -> None:
    """Cut the records of a session in the middle out of the log."""

    def cut(raw: bytearray, found: list[Any]) -> None:
        starts = [n for n, r in enumerate(found) if r[0] == records.TRIAL]
        first, after = found[starts[5] - 1][6], found[starts[6] - 1][6]
        del raw[first:after]

    edit_log(bundle, cut)


def remove_the_end_of_the_log(bundle: Bundle) -> None:
    """The last sessions and the reveal never happened: no seal is broken."""

    def cut(raw: bytearray, found: list[Any]) -> None:
        starts = [n for n, r in enumerate(found) if r[0] == records.TRIAL]
        del raw[found[starts[-4] - 1][6] :]

    edit_log(bundle, cut)


def forge_masked_record(bundle: Bundle) -> None:
    """Flip a bit under the keystream and make the CRC fit."""

    def flip(raw: bytearray, found: list[Any]) -> None:
        at = next(n for n, r in enumerate(found) if r[0] == records.MASKED)
        kind, seq, boot, up_s, up_ms, payload, end = found[at]
        changed = bytearray(payload)
        changed[-10] ^= 0x40
        start = found[at - 1][6]
        raw[start:end] = records.pack(kind, seq, boot, up_s, up_ms, bytes(changed))

    edit_log(bundle, flip)


def forge_commitment(bundle: Bundle) -> None:
    """Another secret, and the commitment to it in the log, with a fitting CRC."""
    forge_secret(bundle)
    plan_sha = bytes.fromhex(bundle["plan_sha"])
    made = bundles.blinding.commit(bytes.fromhex(bundle["secret"]), plan_sha).hex()

    def change(raw: bytearray, found: list[Any]) -> None:
        at = next(n for n, r in enumerate(found) if r[0] == records.TRIAL)
        kind, seq, boot, up_s, up_ms, payload, end = found[at]
        note = payload_reader.unpack_json(payload) | {"armed": made}
        fresh = records.pack(kind, seq, boot, up_s, up_ms, payloads.pack_json(note))
        raw[found[at - 1][6] : end] = fresh

    edit_log(bundle, change)


def hide_the_unblinding(bundle: Bundle) -> None:
    """In a log that says `unblinded`: here the note of the reveal is made one."""

    def change(raw: bytearray, found: list[Any]) -> None:
        at = max(n for n, r in enumerate(found) if r[0] == records.TRIAL)
        kind, seq, boot, up_s, up_ms, payload, end = found[at]
        note = payload_reader.unpack_json(payload)
        note["unblinded"] = note.pop("revealed")
        fresh = records.pack(kind, seq, boot, up_s, up_ms, payloads.pack_json(note))
        raw[found[at - 1][6] : end] = fresh

    edit_log(bundle, change)


def shift_dates(bundle: Bundle) -> None:
    """Sessions a week later, so that entries after them would come before."""
    for mark in bundle["log"]["marks"]:
        mark[2] += 7 * 86_400_000


def shift_time_zone(bundle: Bundle) -> None:
    bundle["offsets"] = dict.fromkeys(bundle["offsets"], 1440)


@pytest.mark.parametrize(
    "tamper,found",
    [
        (change_entry, {"chain", "analysis"}),
        (remove_entry, {"chain", "analysis"}),
        (blank_entry, {"chain", "analysis"}),
        (date_entry_back, {"chain"}),
        (change_guess, {"chain", "analysis"}),
        (guess_after_the_reveal, {"guesses"}),
        (enter_after_the_reveal, {"entries", "analysis"}),
        (enter_with_the_secret_known, {"entries", "analysis"}),
        (guess_with_the_secret_known, {"guesses"}),
        (forge_entry, {"analysis"}),
        (freeze_after_the_start, {"chain", "commitment"}),
        (change_plan, {"plan", "commitment"}),
        (forge_plan, {"commitment", "analysis"}),
        (swap_secret, {"commitment"}),
        (forge_secret, {"commitment", "allocation", "dose", "analysis"}),
        (call_it_unblinded, {"sessions", "analysis"}),
        (change_report, {"analysis"}),
        (change_estimate, {"analysis"}),
        (change_allocation, {"allocation", "analysis"}),
        (change_dose, {"dose", "analysis"}),
        (remove_session, {"log", "sessions", "dose", "analysis"}),
        (remove_the_end_of_the_log, {"sessions", "dose", "analysis"}),
        (forge_masked_record, {"log", "dose", "analysis"}),
        (forge_commitment, {"log", "commitment", "allocation", "dose", "analysis"}),
        (hide_the_unblinding, {"sessions", "log"}),
        (shift_time_zone, {"entries", "analysis"}),
    ],
)
def test_what_was_changed_is_found(
    whole: Bundle, tamper: Callable[[Bundle], None], found: set[str]
) -> None:
    bundle = copy.deepcopy(whole)
    tamper(bundle)
    bad = find_bad(bundle)
    assert bad and bad <= found, bad
    assert min(found, key=bundles.CHECKS.index) in bad or "sessions" in bad


def test_dates_of_the_host_move_no_session_that_the_wrap_has_dated(whole: Bundle) -> None:
    bundle = copy.deepcopy(whole)
    shift_dates(bundle)
    assert bundle != whole and find_bad(bundle) == set()


@pytest.mark.parametrize("key", ["chain", "log", "offsets", "other_light", "trial", "person"])
def test_a_bundle_without_a_part_cannot_be_read(whole: Bundle, key: str) -> None:
    bundle = {name: value for name, value in whole.items() if name != key}
    found = bundles.verify_bundle(bundle)
    assert [(one.name, one.ok) for one in found] == [("bundle", False)]
    assert find_bad(whole | {key: 7}) == {"bundle"}


@pytest.mark.parametrize("key", ["report", "plan", "plan_sha", "secret"])
def test_a_part_that_is_missing_fails_its_checks(whole: Bundle, key: str) -> None:
    assert find_bad({name: value for name, value in whole.items() if name != key})


JUNK = (None, -1, 10**12, 2**63, 10**400, 1.5, "x", "", [], {}, [[]], True)


def list_places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, one in pairs:
            found += list_places(one, (*path, key))
    return found


def test_junk_anywhere_is_an_answer_and_never_an_error(whole: Bundle) -> None:
    """100 places drawn at random, one by one; also inside the texts of the trial's events. In 9,400
    drawn in November 2026 only numbers too large for a date or a float were a fault."""
    rng = random.Random(3)
    places = list_places(whole)
    for _ in range(100):
        bundle = copy.deepcopy(whole)
        *path, last = rng.choice(places)
        part = bundle
        for key in path:
            part = part[key]
        part[last] = rng.choice(JUNK)
        assert bundles.verify_bundle(bundle)
    kinds = ("trial", "trial-entry", "trial-event", "guess")
    for row in [rows_of(whole, kind)[0] for kind in kinds]:
        for key in json.loads(row[7]):
            bundle = copy.deepcopy(whole)
            mine = bundle["chain"][row[0] - 1]
            for junk in (rng.choice(JUNK), 2**63):
                mine[7] = canonical_json(json.loads(mine[7]) | {key: junk})
                rechain(bundle)
                assert bundles.verify_bundle(bundle)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": "other"}', "[" * 5000])
def test_other_files_are_no_bundle(text: str) -> None:
    with pytest.raises(InvalidFile, match="no bundle"):
        bundles.parse_bundle(text, "x.json")


def test_a_newer_bundle_is_said(whole: Bundle) -> None:
    with pytest.raises(InvalidFile, match="newer pbmwrap"):
        bundles.parse_bundle(json.dumps(whole | {"version": 2}), "x.json")
