"""What modules of this project use of Python's library and MicroPython lacks, as small as they need
it. tools/web_static/translate.py makes them import these modules."""
