#!/bin/sh
# NVIDIA's driver and CUDA as Debian packages them, and the toolkit that gives GPUs to containers.
set -eu

sed --in-place --regexp-extended '/^Components:/s/main.*/main contrib non-free non-free-firmware/' \
  /etc/apt/sources.list.d/*.sources 2>/dev/null ||
  sed --in-place --regexp-extended '/^deb /s/ main.*/ main contrib non-free non-free-firmware/' /etc/apt/sources.list
apt-get update --quiet --quiet
# Debian's cloud kernel has no graphics support, so the driver is built against the ordinary kernel. The build
# machine runs the cloud kernel. It is removed here, so that the machine runs the ordinary kernel after its next start.
apt-get install --yes --quiet --quiet --no-install-recommends linux-image-amd64 linux-headers-amd64
cloud=$(dpkg-query --show --showformat='${db:Status-Abbrev}|${Package}\n' 'linux-image-*cloud-amd64' 2>/dev/null |
  sed -n 's/^ii *|//p')
if [ -n "$cloud" ]; then
  # Without a terminal to ask on, Debian removes the running kernel.
  echo "$cloud" | xargs apt-get purge --yes --quiet --quiet
  # The build restarts the machine before the smoke tests if this file is there.
  touch /run/broch-restart
fi
apt-get install --yes --quiet --quiet --no-install-recommends nvidia-driver nvidia-smi nvidia-cuda-toolkit
if [ "${BROCH_DOWNLOADS:-}" = skip ]; then
  echo "gpu: left out (NVIDIA's container toolkit)"
  exit 0
fi
stamp=/opt/broch/downloads/nvidia-container-toolkit
if [ "$(cat "$stamp" 2>/dev/null)" = "$BROCH_CONTAINER_TOOLKIT_SHA256" ]; then exit 0; fi
file=/opt/broch/provision/nvidia-container-toolkit.deb
curl --fail --silent --show-error --location --proto '=https' --output "$file" \
  "https://nvidia.github.io/libnvidia-container/stable/deb/amd64/nvidia-container-toolkit-base_${BROCH_CONTAINER_TOOLKIT_VERSION}_amd64.deb"
echo "$BROCH_CONTAINER_TOOLKIT_SHA256  $file" | sha256sum --check --strict --quiet
apt-get install --yes --quiet --quiet --no-install-recommends "$file"
rm "$file"
install --directory /opt/broch/downloads
echo "$BROCH_CONTAINER_TOOLKIT_SHA256" >"$stamp"
# Podman finds the GPUs through the description that this service writes at every start.
install --mode=644 "$BROCH_LINUX/files/broch-gpu.service" /etc/systemd/system/
ln --symbolic --force /etc/systemd/system/broch-gpu.service /etc/systemd/system/multi-user.target.wants/broch-gpu.service
