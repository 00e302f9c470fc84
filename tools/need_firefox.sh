#!/usr/bin/env bash
# Makes sure that Debian's Firefox is here, in which the page is tested as well.
set -euo pipefail
[ -x /usr/bin/firefox-esr ] && exit 0
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    echo "Installing firefox-esr (a minute)" >&2
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends firefox-esr fonts-dejavu-core >/dev/null
else
    echo "error: /usr/bin/firefox-esr is missing; install it (Debian: apt-get install firefox-esr)" >&2
    exit 3
fi
