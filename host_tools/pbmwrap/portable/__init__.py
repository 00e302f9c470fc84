"""Modules that also run on MicroPython in a browser (docs/web-page.md).

They import `wrap`, each other, `pbmwrap.errors` and `json`, `binascii` and `hashlib` only, and use
neither a port nor a clock.
"""
