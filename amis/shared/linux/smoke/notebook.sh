#!/bin/sh
# The notebook server starts, answers on this machine alone, and has a kernel.
set -eu
[ -x /etc/xrdp/session.sh ] || { echo "there is no notebook session"; exit 1; }
grep -q -- '--ip=127.0.0.1' /etc/xrdp/session.sh || { echo "the notebook server listens to the network"; exit 1; }
home=$(getent passwd researcher | cut -d: -f6)
runuser -u researcher -- env HOME="$home" python3 -m jupyter_client.kernelspecapp list 2>&1 | grep -q python3 ||
  { echo "there is no Python kernel"; exit 1; }
