#!/bin/sh
# Installs the desktop agent and the services around it.
set -eu

files="$BROCH_LINUX/files"
install --mode=755 "$BROCH_LINUX/broch-agent.py" /usr/local/sbin/broch-agent
install --mode=755 "$BROCH_LINUX/broch-datasets.py" /usr/local/sbin/broch-datasets
install --mode=755 "$BROCH_LINUX/broch-home.py" /usr/local/sbin/broch-home
install --mode=644 "$files/broch-prepare.service" "$files/broch-agent.service" "$files/broch-data.service" "$files/broch-home.service" \
  "$files/broch-jobs.service" "$files/broch-datasets.service" "$files/broch-packages.service" "$files/broch-packages.timer" /etc/systemd/system/
for service in broch-prepare broch-home broch-agent broch-data broch-jobs broch-datasets xrdp xrdp-sesman; do
  unit="/etc/systemd/system/$service.service"
  [ -f "$unit" ] || unit="/usr/lib/systemd/system/$service.service"
  install --directory /etc/systemd/system/multi-user.target.wants
  ln --symbolic --force "$unit" "/etc/systemd/system/multi-user.target.wants/$service.service"
done

install --directory /etc/systemd/system/timers.target.wants
ln --symbolic --force /etc/systemd/system/broch-packages.timer /etc/systemd/system/timers.target.wants/broch-packages.timer

# The base image's own first boot would make an account with sudo again.
if [ -d /etc/cloud ]; then
  install --directory /etc/cloud/cloud.cfg.d
  printf 'users: []\ndisable_root: true\nssh_pwauth: false\n' >/etc/cloud/cloud.cfg.d/99-broch.cfg
fi
install --mode=755 "$BROCH_LINUX/broch-smoke.sh" /usr/local/sbin/broch-smoke
install --directory /opt/broch/smoke
grep -v -e '^#' -e '^$' "$BROCH_RECIPE_FOLDER/smoke.txt" | while read -r test; do
  install --mode=755 "$BROCH_LINUX/smoke/$test.sh" "/opt/broch/smoke/$test"
done
