"""`python -m pbmwrap` is the command `pbmwrap`."""

from pbmwrap.cli.main import run

run()
