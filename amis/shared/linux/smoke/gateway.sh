#!/bin/sh
# Guacamole's images are here, and the service starts with the machine.
set -eu
for name in guacd guacamole; do
  docker image inspect "broch/$name" >/dev/null 2>&1 || { echo "the image of $name is not here"; exit 1; }
done
systemctl is-enabled --quiet broch-gateway || { echo "the gateway does not start"; exit 1; }
