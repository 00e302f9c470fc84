"""Exports: tables, and a FHIR bundle that an independent library accepts."""

from __future__ import annotations

import csv
import io
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pbmwrap.programme.exports import fhir, tables
from pbmwrap.programme.exports.data import CalibrationFact, PersonData
from pbmwrap.programme.model import Stamp
from tests.programme.sample import NASTY, make_sample

MADE = Stamp(1_795_000_000_000, 60)


def data_of(nasty: bool = False, simulated: bool = False) -> PersonData:
    sample = make_sample(nasty)
    uid = sample.sessions[0].uid
    return PersonData(
        sample.person,
        [sample.state.course],
        sample.state.entries,
        sample.state.totals,
        sample.sessions,
        [CalibrationFact(uid, "nir", 850, 22.4, 13, date(2026, 8, 1), "thermopile")],
        [(uid, "0.2.0")],
        simulated,
    )


def resources_of(bundle: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    found = [entry["resource"] for entry in bundle["entry"]]
    return [resource for resource in found if resource["resourceType"] == kind]


def test_csv_has_a_row_per_entry_and_session() -> None:
    data = data_of()
    journal, totals, sessions = tables.make_tables(data)
    for table, count in ((journal, len(data.entries)), (totals, 1), (sessions, len(data.sessions))):
        rows = list(csv.DictReader(io.StringIO(tables.format_csv(table))))
        assert len(rows) == count
    rows = list(csv.DictReader(io.StringIO(tables.format_csv(journal))))
    assert [float(row["value"]) for row in rows] == [entry.value for entry in data.entries]
    assert {row["late"] for row in rows} == {"true", "false"}


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)"])
def test_a_spreadsheet_runs_no_text(text: str) -> None:
    table = tables.Table("journal", (("changed", "VARCHAR"),), [(text,)])
    assert tables.format_csv(table).splitlines()[1].strip('"') == "'" + text


def test_a_number_below_0_stays_a_number() -> None:
    table = tables.Table("journal", (("value", "DOUBLE"),), [(-1.5,)])
    assert tables.format_csv(table).splitlines()[1] == "-1.5"


def test_parquet_has_the_same_rows_with_types(tmp_path: Path) -> None:
    import duckdb

    data = data_of(nasty=True)
    folder = tmp_path / "it's"
    folder.mkdir()
    for table in tables.make_tables(data):
        path = folder / f"{table.name}.parquet"
        tables.write_parquet(table, path)
        rows = duckdb.read_parquet(str(path))
        assert rows.columns == [name for name, _ in table.columns]
        assert len(rows.fetchall()) == len(table.rows)
    journal = duckdb.read_parquet(str(folder / "journal.parquet"))
    assert [str(kind) for kind in journal.types[:4]] == ["VARCHAR", "DATE", "VARCHAR", "DOUBLE"]
    changed = [row[10] for row in journal.fetchall() if row[10]]
    assert changed == ["pregabalin added" + NASTY]


@pytest.mark.parametrize("with_name", [True, False])
def test_an_independent_library_accepts_the_bundle(with_name: bool) -> None:
    from fhir.resources.R4B.bundle import Bundle

    bundle = fhir.make_bundle(data_of(nasty=True), MADE, with_name)
    accepted = json.loads(Bundle.model_validate(bundle).model_dump_json(exclude_none=True))
    assert len(accepted["entry"]) == len(bundle["entry"])
    assert ("Anna" in json.dumps(accepted)) is with_name


def test_the_bundle_has_every_session_entry_dose_and_total() -> None:
    data = data_of()
    bundle = fhir.make_bundle(data, MADE)
    assert len(resources_of(bundle, "Procedure")) == len(data.sessions)
    assert len(resources_of(bundle, "QuestionnaireResponse")) == 1
    assert len(resources_of(bundle, "DeviceMetric")) == 1
    values = [o["valueQuantity"]["value"] for o in resources_of(bundle, "Observation")]
    assert len(values) == len(data.sessions) + len(data.entries)
    assert values.count(4.2) == len(data.sessions)
    pain = [o for o in resources_of(bundle, "Observation") if "coding" in o["code"]]
    assert {o["code"]["coding"][0]["code"] for o in pain} == {"72514-3"}
    stopped = [p for p in resources_of(bundle, "Procedure") if p["status"] == "stopped"]
    assert len(stopped) == sum(not use.full for use in data.sessions)
    assert all(p["statusReason"]["text"] == "stop-button" for p in stopped)


def test_every_reference_is_in_the_bundle_and_ids_are_those_of_the_last_export() -> None:
    bundle = fhir.make_bundle(data_of(), MADE)
    known = [entry["fullUrl"] for entry in bundle["entry"]]
    assert len(set(known)) == len(known)
    text = json.dumps(bundle)
    named = {part.split('"')[0] for part in text.split('"reference": "')[1:]}
    assert named and named <= set(known)
    again = fhir.make_bundle(data_of(), Stamp(MADE.unix_ms + 1, 60))
    assert [entry["fullUrl"] for entry in again["entry"]] == known


def test_moments_keep_the_zone_where_the_person_was() -> None:
    use = data_of().sessions[0]
    (first, *_) = resources_of(fhir.make_bundle(data_of(), MADE), "Procedure")
    assert use.start is not None
    assert first["performedPeriod"]["start"] == f"{use.start.local:%Y-%m-%dT%H:%M:%S}+02:00"


def test_simulated_data_are_marked_as_test_data() -> None:
    bundle = fhir.make_bundle(data_of(simulated=True), MADE)
    marked = [entry["resource"]["meta"]["security"][0]["code"] for entry in bundle["entry"]]
    assert set(marked) == {"HTEST"}
