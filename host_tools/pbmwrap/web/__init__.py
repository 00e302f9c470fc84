"""The local web server of `pbmwrap web` (docs/web.md)."""
