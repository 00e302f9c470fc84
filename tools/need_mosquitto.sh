#!/usr/bin/env bash
# Makes sure that Debian's mosquitto is here, the MQTT broker of one test. It is not started.
set -euo pipefail
[ -x /usr/sbin/mosquitto ] && [ -x /usr/bin/mosquitto_sub ] && exit 0
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    echo "Installing mosquitto (some seconds)" >&2
    apt-get update -qq
    RUNLEVEL=1 apt-get install -y -qq --no-install-recommends mosquitto mosquitto-clients >/dev/null
else
    echo "error: mosquitto is missing; install it (Debian: apt-get install mosquitto mosquitto-clients)" >&2
    exit 3
fi
