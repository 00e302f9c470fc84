"""Python for the page that needs no server. It runs on MicroPython's WebAssembly port in the
browser, after tools/web_static/translate.py, and on CPython in the tests."""
