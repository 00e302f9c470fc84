#!/usr/bin/env bash
# Makes sure that PYTHON can write text into a PNG: three tests of plots need a font.
# usage: need_font.sh PYTHON
set -euo pipefail
"$1" -c 'import sys; from pbmwrap.report.plot import find_png_problem as f; sys.exit(f() is not None)' && exit 0
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    echo "Installing fonts-dejavu-core (some seconds)" >&2
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends fonts-dejavu-core >/dev/null
else
    echo "error: this system has no font; install one (Debian: apt-get install fonts-dejavu-core)" >&2
    exit 3
fi
