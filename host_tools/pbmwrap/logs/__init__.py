"""Reads logs that were pulled from wraps: archive, records, sessions, export. Opens no port."""
