"""Definitions that the host and the page in a browser share (docs/web-page.md)."""
