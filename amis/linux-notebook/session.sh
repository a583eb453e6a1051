#!/bin/sh
# The session of a notebook desktop: JupyterLab in a full-screen browser. Its server listens on this machine alone, and
# only pixels leave the machine.
set -eu
JUPYTER_TOKEN=$(python3 -c 'import secrets; print(secrets.token_urlsafe(24))')
export JUPYTER_TOKEN
address=http://127.0.0.1:8888

mkdir -p "$HOME/.local/state"
jupyter-lab --no-browser --ip=127.0.0.1 --port=8888 --ServerApp.root_dir=/data >"$HOME/.local/state/jupyter.log" 2>&1 &
server=$!
trap 'kill "$server"' EXIT
until curl --silent --output /dev/null "$address/api"; do
  kill -0 "$server" || exit 1
  sleep 1
done
xfwm4 &
xfce4-screensaver &
# Closing the browser's window opens it again: there is nothing else on this desktop. Each time it has a new profile,
# because Firefox does not open one that it was using when the machine stopped.
while kill -0 "$server"; do
  profile=$(mktemp -d)
  firefox-esr --no-remote --profile "$profile" --kiosk "$address/lab?token=$JUPYTER_TOKEN" || true
  rm -r "$profile"
done
