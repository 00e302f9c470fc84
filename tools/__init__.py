"""Programs for those who work on this repository; each runs as `python -m tools.NAME`."""
