"""Exports of a person's programme: tables (CSV, Parquet), a FHIR R4 bundle, Home Assistant."""
