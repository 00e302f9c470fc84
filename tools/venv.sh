#!/usr/bin/env bash
# Makes VENV with PYTHON and installs pbmwrap (editable) and its development tools into it.
# usage: venv.sh PYTHON VENV
set -euo pipefail
python=$1 venv=$2

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "error: $("$python" --version 2>&1) is too old; install Python 3.11 or newer, or say make PYTHON=python3.12" >&2
    exit 2
fi
if ! "$python" -m venv "$venv" >/dev/null 2>&1; then
    rm -rf "$venv"
    if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
        apt-get update -qq
        apt-get install -y -qq --no-install-recommends python3-venv >/dev/null
        "$python" -m venv "$venv"
    else
        echo "error: $python cannot make a virtual environment; install its venv package (Debian: apt-get install python3-venv)" >&2
        exit 2
    fi
fi
echo "Installing pbmwrap and its tools into $venv (a minute the first time)" >&2
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check -e '.[dev]'
# MicroPython's stubs stand apart: among the host's packages they would hide CPython's own modules.
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --upgrade \
    --target "$venv/mpy-stubs" 'micropython-rp2-stubs>=1.25,<1.27' 2>/dev/null
# Another port's, apart from those: firmware/pyrightconfig.esp32.json. Pinned: docs/dependencies.md.
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --upgrade \
    --target "$venv/mpy-esp32-stubs" 'micropython-esp32-stubs==1.28.0.post4' 2>/dev/null
