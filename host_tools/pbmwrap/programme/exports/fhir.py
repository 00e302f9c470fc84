"""Exports a person's programme as a FHIR R4 bundle (type collection).

A session is a Procedure, a wrap a Device with a DeviceMetric per calibrated channel, an entry or a
dose an Observation, a questionnaire a QuestionnaireResponse. Every resource has the same id in each
export, so importing one again changes nothing. The person is named by the tag of this store; the
name is in the bundle only when asked for.

tests/programme/test_exports.py validates the bundle with fhir.resources, whose classes of R4B have
the same elements for these resources.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from pbmwrap.programme.exports.data import CalibrationFact, PersonData
from pbmwrap.programme.model import (
    PAIN,
    WALK,
    JournalEntry,
    Measure,
    SessionUse,
    Stamp,
    Total,
    format_offset,
)

Resource = dict[str, Any]

_SPACE = uuid.UUID("6f0d9c3e-4b0a-5a46-9f4e-2b6f6b7a1c11")  # of this format; never changes
_LOINC = "http://loinc.org"
_UCUM = "http://unitsofmeasure.org"
_SYSTEM = "urn:pbmwrap:"
_TEST = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HTEST"}
_SURVEY = {
    "coding": [
        {
            "system": "http://terminology.hl7.org/CodeSystem/observation-category",
            "code": "survey",
        }
    ]
}


def make_bundle(data: PersonData, made: Stamp, with_name: bool = False) -> Resource:
    """Return the bundle. made: when; with_name: put the person's name into it."""
    resources = list(_make_resources(data, with_name))
    if data.simulated:
        for resource in resources:
            resource["meta"] = {"security": [_TEST]}
    entries = [{"fullUrl": _urn(r["id"]), "resource": r} for r in resources]
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "timestamp": _format_moment(made),
        "entry": entries,
    }


def format_bundle(bundle: Resource) -> str:
    """Return the bundle as JSON text, a line per resource."""
    head = json.dumps({key: part for key, part in bundle.items() if key != "entry"})
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in bundle["entry"])
    return f'{head[:-1]}, "entry": [\n{lines}\n]}}\n'


def _make_resources(data: PersonData, with_name: bool) -> Iterator[Resource]:
    tag = data.person.tag
    yield _make_patient(data, with_name)
    firmware = dict(data.firmware)
    for uid in sorted({s.uid for s in data.sessions} | {c.uid for c in data.calibrations}):
        yield _make_device(uid, firmware.get(uid, ""))
    for calibration in data.calibrations:
        yield _make_metric(calibration)
    for use in data.sessions:
        yield _make_procedure(tag, use)
        if use.dose_uj is not None:
            yield _make_dose(tag, use, use.dose_uj)
    measures = {c.measure.code: c.measure for c in data.courses} | {"pain": PAIN, "walk": WALK}
    for entry in data.entries:
        if entry.value is not None and entry.measure in measures:
            yield _make_observation(tag, entry, entry.value, measures[entry.measure])
    for total in data.totals:
        yield _make_response(tag, total)


def _id(*parts: object) -> str:
    return str(uuid.uuid5(_SPACE, ":".join(str(part) for part in parts)))


def _urn(number: str) -> str:
    return f"urn:uuid:{number}"


def _refer(*parts: object) -> Resource:
    return {"reference": _urn(_id(*parts))}


def _format_moment(stamp: Stamp) -> str:
    text = stamp.local.isoformat(timespec="seconds")
    return text + format_offset(stamp.offset_min)


def _make_patient(data: PersonData, with_name: bool) -> Resource:
    tag = data.person.tag
    patient: Resource = {
        "resourceType": "Patient",
        "id": _id("person", tag),
        "identifier": [{"system": _SYSTEM + "person", "value": tag}],
    }
    if with_name:
        patient["name"] = [{"text": data.person.name}]
    return patient


def _make_device(uid: str, firmware: str) -> Resource:
    device: Resource = {
        "resourceType": "Device",
        "id": _id("wrap", uid),
        "identifier": [{"system": _SYSTEM + "wrap", "value": uid}],
        "deviceName": [
            {"name": "pbmwrap light wrap, 660 nm and 850 nm", "type": "user-friendly-name"}
        ],
        "type": {"text": "Light-therapy wrap (not a medical device)"},
    }
    if firmware:
        device["version"] = [{"type": {"text": "firmware"}, "value": firmware}]
    return device


def _make_metric(fact: CalibrationFact) -> Resource:
    parts = ("metric", fact.uid, fact.channel, fact.on)
    text = (
        f"Irradiance at full duty, {fact.wavelength_nm} nm:"
        f" {fact.irradiance_mw_cm2:g} mW/cm2 ± {fact.unc_pct:g} % (k = 2)"
    )
    if fact.instrument:
        text += f", {fact.instrument}"
    return {
        "resourceType": "DeviceMetric",
        "id": _id(*parts),
        "identifier": [{"system": _SYSTEM + "channel", "value": f"{fact.uid}:{fact.channel}"}],
        "type": {"text": text},
        "unit": {"coding": [{"system": _UCUM, "code": "mW/cm2"}]},
        "source": _refer("wrap", fact.uid),
        "category": "setting",
        "calibration": [
            {
                "type": "unspecified",
                "state": "calibrated",
                "time": datetime.combine(fact.on, datetime.min.time(), UTC).isoformat(),
            }
        ],
    }


def _make_procedure(tag: str, use: SessionUse) -> Resource:
    procedure: Resource = {
        "resourceType": "Procedure",
        "id": _id("session", use.key),
        "identifier": [{"system": _SYSTEM + "session", "value": use.key}],
        "status": "completed" if use.full else "stopped",
        "code": {"text": f"Photobiomodulation, protocol {use.protocol_id}"},
        "subject": _refer("person", tag),
        "bodySite": [{"text": use.site}],
        "usedReference": [_refer("wrap", use.uid)],
        "note": [{"text": f"{use.active_ms / 1000:g} s of light, {use.faults} faults"}],
    }
    if not use.full:
        procedure["statusReason"] = {"text": use.reason}
    if use.start is not None:
        end = Stamp(use.start.unix_ms + use.active_ms, use.start.offset_min)
        procedure["performedPeriod"] = {
            "start": _format_moment(use.start),
            "end": _format_moment(end),
        }
    return procedure


def _make_dose(tag: str, use: SessionUse, dose_uj: int) -> Resource:
    dose: Resource = {
        "resourceType": "Observation",
        "id": _id("dose", use.key),
        "status": "final",
        "code": {"text": "Fluence at the skin, all channels"},
        "subject": _refer("person", tag),
        "device": _refer("wrap", use.uid),
        "partOf": [_refer("session", use.key)],
        "valueQuantity": _make_quantity(dose_uj / 1e6, "J/cm2"),
    }
    if use.dose_unc_uj is not None:
        unc = _make_quantity(use.dose_unc_uj / 1e6, "J/cm2")
        dose["component"] = [
            {"code": {"text": "Expanded uncertainty, k = 2"}, "valueQuantity": unc}
        ]
    if use.start is not None:
        dose["effectiveDateTime"] = _format_moment(use.start)
    return dose


def _make_observation(tag: str, entry: JournalEntry, value: float, measure: Measure) -> Resource:
    code: Resource = {"text": measure.question}
    if measure.loinc:
        code["coding"] = [{"system": _LOINC, "code": measure.loinc}]
    found: Resource = {
        "resourceType": "Observation",
        "id": _id("entry", tag, entry.id),
        "status": "final" if entry.corrects is None else "corrected",
        "category": [_SURVEY],
        "code": code,
        "subject": _refer("person", tag),
        "effectiveDateTime": (
            entry.day.isoformat() if entry.at is None else _format_moment(entry.at)
        ),
        "issued": _format_moment(entry.written),
        "valueQuantity": _make_quantity(value, measure.unit or "{score}"),
    }
    if entry.late:
        late = entry.written.day - entry.day
        found["note"] = [{"text": f"Written {_format_days(late)} after its day."}]
    return found


def _format_days(span: timedelta) -> str:
    return "1 day" if span.days == 1 else f"{span.days} days"


def _make_response(tag: str, total: Total) -> Resource:
    items: list[Resource] = [
        {"linkId": f"{number}", "answer": [{"valueBoolean": answer}]}
        for number, answer in enumerate(total.answers, 1)
    ]
    items.append(
        {
            "linkId": "total",
            "text": f"{total.name}, {total.low:g} to {total.high:g}",
            "answer": [{"valueDecimal": total.value}],
        }
    )
    return {
        "resourceType": "QuestionnaireResponse",
        "id": _id("total", tag, total.id),
        "status": "completed",
        "subject": _refer("person", tag),
        "authored": _format_moment(total.written),
        "item": items,
    }


def _make_quantity(value: float, unit: str) -> Resource:
    return {"value": value, "unit": unit, "system": _UCUM, "code": unit}
