#!/bin/sh
# The last step of a build: removes what belongs to this one machine and to the account that built the image.
set -eu

builder=$1
if getent passwd "$builder" >/dev/null; then
  home=$(getent passwd "$builder" | cut -d: -f6)
  rm --recursive --force "$home/.ssh"
  usermod --lock --expiredate 1 "$builder"
  for group in sudo wheel docker; do gpasswd --delete "$builder" "$group" >/dev/null 2>&1 || true; done
fi
rm --force /etc/sudoers.d/*
# Amazon Linux ships such a line as a comment.
if grep -Eq '^[^#]*NOPASSWD' /etc/sudoers; then
  echo "seal.sh: somebody has sudo without a password." >&2
  exit 1
fi
rm --force /etc/ssh/ssh_host_*
if command -v apt-get >/dev/null; then apt-get clean; fi
rm --recursive --force /opt/broch/provision /var/lib/apt/lists/* /var/lib/cloud/instances /var/lib/amazon/ssm
rm --force /etc/broch/prepared /etc/apt/sources.list /etc/apt/sources.list.d/*
find /var/log -type f -exec truncate --size=0 {} +
: >/etc/machine-id
if [ -d /run/systemd/system ]; then systemctl disable ssh.service ssh.socket 2>/dev/null || true; fi
sync
