#!/bin/sh
# Apache Guacamole from its official container images, each pinned by its digest. The machine downloads nothing later.
set -eu

files="$BROCH_LINUX/files"
install --directory /etc/broch
install --mode=644 "$files/gateway-images" /etc/broch/gateway-images
install --mode=755 "$BROCH_LINUX/broch-gateway.sh" /usr/local/sbin/broch-gateway
install --mode=755 "$BROCH_LINUX/broch-dcv-door.py" /usr/local/sbin/broch-dcv-door
install --mode=644 "$files/dcv-door.conf" /etc/broch/dcv-door.conf
install --mode=644 "$files/broch-gateway.service" /etc/systemd/system/
ln --symbolic --force /etc/systemd/system/broch-gateway.service /etc/systemd/system/multi-user.target.wants/broch-gateway.service
if [ -d /run/systemd/system ]; then systemctl enable --now docker; fi
if [ "${BROCH_DOWNLOADS:-}" = skip ]; then
  echo "gateway: left out (Guacamole's container images)"
  exit 0
fi
while read -r name image; do
  docker image inspect "$image" >/dev/null 2>&1 || docker pull --quiet "$image"
  docker tag "$image" "broch/$name"
done <"$files/gateway-images"
