"""Benchmarks: of the control loop, the link, the command, the archive (docs/benchmarks.md)."""
