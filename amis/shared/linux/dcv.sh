#!/bin/sh
# Amazon DCV, if the operator gave the hash of its archive. AWS publishes it for Ubuntu 24.04, and not for Debian.
set -eu

if [ "${BROCH_DOWNLOADS:-}" = skip ] || [ "$BROCH_DCV_SHA256" = none ]; then
  echo "dcv: left out (Amazon DCV)"
  exit 0
fi
files="$BROCH_LINUX/files"
stamp=/opt/broch/downloads/dcv
if [ "$(cat "$stamp" 2>/dev/null)" != "$BROCH_DCV_SHA256" ]; then
  folder=/opt/broch/provision/dcv
  install --directory "$folder"
  curl --fail --silent --show-error --location --proto '=https' --output "$folder/dcv.tgz" \
    "https://d1uj6qtbmh3dt5.cloudfront.net/${BROCH_DCV_VERSION%-*}/Servers/nice-dcv-$BROCH_DCV_VERSION-ubuntu2404-x86_64.tgz"
  echo "$BROCH_DCV_SHA256  $folder/dcv.tgz" | sha256sum --check --strict --quiet
  tar --extract --gzip --file "$folder/dcv.tgz" --directory "$folder" --strip-components=1 --no-same-owner
  # The server, its web client, the display of virtual sessions, and OpenGL on the GPU. No USB and no session manager.
  apt-get install --yes --quiet --quiet --no-install-recommends \
    "$folder"/nice-dcv-server_*.deb "$folder"/nice-dcv-web-viewer_*.deb "$folder"/nice-xdcv_*.deb "$folder"/nice-dcv-gl_*.deb
  rm --recursive "$folder"
  install --directory /opt/broch/downloads
  echo "$BROCH_DCV_SHA256" >"$stamp"
fi
install --mode=755 "$BROCH_LINUX/broch-dcv.py" /usr/local/sbin/broch-dcv
# Only the picture, the keyboard and the mouse. No other file can take a `deny` back:
# https://docs.aws.amazon.com/dcv/latest/adminguide/security-authorization-file-create-permission.html
install --mode=644 "$files/dcv.perm" /etc/dcv/broch.perm
# DCV merges this one with that of a session. Its own would give the owner everything.
install --mode=644 "$files/dcv.perm" /etc/dcv/default.perm
install --directory /etc/systemd/system/dcvserver.service.d
install --mode=644 "$files/broch-dcv.conf" /etc/systemd/system/dcvserver.service.d/broch.conf
install --mode=644 "$files/broch-dcv-verify.service" "$files/broch-dcv-session.service" /etc/systemd/system/
install --directory /etc/systemd/system/multi-user.target.wants
for service in broch-dcv-verify broch-dcv-session; do
  ln --symbolic --force "/etc/systemd/system/$service.service" "/etc/systemd/system/multi-user.target.wants/$service.service"
done
# DCV's server asks the metadata service where it is, and AWS's bucket of licences whether it may run. It has an account of
# its own, which no researcher can use. This follows the step that writes the firewall.
grep -q 'skuid "dcv"' /etc/nftables.conf ||
  sed --in-place '/ip daddr 169.254.169.254 meta skuid != 0/i\    meta skuid "dcv" ip daddr 169.254.169.254 accept\n    meta skuid "dcv" tcp dport 443 accept' \
    /etc/nftables.conf
ln --symbolic --force /usr/lib/systemd/system/dcvserver.service /etc/systemd/system/multi-user.target.wants/dcvserver.service
