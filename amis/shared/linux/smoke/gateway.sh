#!/bin/sh
# Guacamole's images are here, the server in front of Amazon DCV can start, and the service starts with the machine.
set -eu
for name in guacd guacamole; do
  docker image inspect "broch/$name" >/dev/null 2>&1 || { echo "the image of $name is not here"; exit 1; }
done
nginx -t -q -c /etc/broch/dcv-door.conf || { echo "the way to Amazon DCV is not configured"; exit 1; }
systemctl is-enabled --quiet broch-gateway || { echo "the gateway does not start"; exit 1; }
