#!/bin/sh
# The session of a notebook desktop: JupyterLab in a full-screen browser. Its server listens on this machine alone, and
# what a researcher sees leaves it as pixels.
set -eu
# The server logs into the researcher's own folder.
mkdir -p "$HOME/.local/state"
jupyter-lab --no-browser --ip=127.0.0.1 --port=8888 --ServerApp.root_dir=/data --ServerApp.terminals_enabled=True \
  >"$HOME/.local/state/jupyter.log" 2>&1 &
server=$!
trap 'kill "$server"' EXIT
address=
while [ -z "$address" ]; do
  kill -0 "$server" || exit 1
  address=$(jupyter-server list --jsonlist | python3 -c 'import json, sys
servers = json.load(sys.stdin)
print(f"{servers[0]["url"]}lab?token={servers[0]["token"]}" if servers else "")')
  sleep 1
done
xfwm4 &
xfce4-screensaver &
# Closing the browser's window opens it again: there is nothing else on this desktop.
while kill -0 "$server"; do firefox-esr --kiosk "$address"; done
