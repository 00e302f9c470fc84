"""Logs pulled from a wrap: decoding, sessions, the local archive, export. Opens no port."""
