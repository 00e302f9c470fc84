#!/usr/bin/env bash
# Makes sure that mmdebstrap is here, which makes the clean root of `make from-zero`.
set -euo pipefail
[ -x /usr/bin/mmdebstrap ] && exit 0
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    echo "Installing mmdebstrap (some seconds)" >&2
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends mmdebstrap >/dev/null
else
    echo "error: mmdebstrap is missing; install it (Debian: apt-get install mmdebstrap)" >&2
    exit 3
fi
