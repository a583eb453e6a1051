#!/bin/sh
# xrdp runs this as the researcher when somebody signs in again to a running session, with the password of a new link.
# The screen lock would ask for a password that nobody knows, so this script replaces it by a new one, which is not locked.
set -eu
for lock in $(pgrep --euid "$(id --user)" --full '(^|/)xfce4-screensaver$'); do
  variables=$(tr '\000' '\n' <"/proc/$lock/environ") || continue
  echo "$variables" | grep --quiet --line-regexp --fixed-strings "DISPLAY=$DISPLAY" || continue
  DBUS_SESSION_BUS_ADDRESS=$(echo "$variables" | sed -n 's/^DBUS_SESSION_BUS_ADDRESS=//p')
  export DBUS_SESSION_BUS_ADDRESS
  kill "$lock"
  # A second locker does not start while the first one runs.
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    kill -0 "$lock" 2>/dev/null || break
    sleep 0.5
  done
  setsid xfce4-screensaver >/dev/null 2>&1 </dev/null &
done
