#!/usr/bin/env bash
# Makes sure that Debian's Chromium is here, which the tests of the page drive, and its engine alone.
set -euo pipefail
[ -x /usr/bin/chromium ] && [ -x /usr/bin/chromium-headless-shell ] && exit 0
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    echo "Installing chromium (a minute)" >&2
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends \
        chromium chromium-headless-shell fonts-dejavu-core >/dev/null
else
    echo "error: /usr/bin/chromium and /usr/bin/chromium-headless-shell are needed;" \
        "install them (Debian: apt-get install chromium chromium-headless-shell)" >&2
    exit 3
fi
