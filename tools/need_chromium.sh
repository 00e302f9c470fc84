#!/usr/bin/env bash
# Makes sure that Debian's Chromium is here, which the tests of the page drive.
set -euo pipefail
[ -x /usr/bin/chromium ] && exit 0
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    echo "Installing chromium (a minute)" >&2
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null
else
    echo "error: /usr/bin/chromium is missing; install it (Debian: apt-get install chromium)" >&2
    exit 3
fi
