#!/bin/sh
# Hardens a machine that nobody signs in to: no SSH, no sudo, an audit trail. Operators come in through Session Manager.
set -eu

files="$BROCH_LINUX/files"
install --mode=644 "$files/modprobe.conf" /etc/modprobe.d/broch.conf
# Containers need forwarding; everything else is as on the desktops.
grep -v -e ip_forward -e unprivileged_bpf "$files/sysctl.conf" >/etc/sysctl.d/90-broch.conf
install --directory /etc/audit/rules.d /etc/cloud/cloud.cfg.d
grep -v -e xrdp -e broch-agent -e nftables "$files/audit.rules" >/etc/audit/rules.d/broch.rules
chmod 640 /etc/audit/rules.d/broch.rules
passwd --status root | grep -q '^root L' || passwd --lock root >/dev/null
printf 'users: []\ndisable_root: true\nssh_pwauth: false\n' >/etc/cloud/cloud.cfg.d/99-broch.cfg
install --mode=755 "$BROCH_LINUX/broch-smoke.sh" /usr/local/sbin/broch-smoke
install --directory /opt/broch/smoke
grep -v -e '^#' -e '^$' "$BROCH_RECIPE_FOLDER/smoke.txt" | while read -r test; do
  install --mode=755 "$BROCH_LINUX/smoke/$test.sh" "/opt/broch/smoke/$test"
done
if [ -d /run/systemd/system ]; then
  systemctl enable amazon-ssm-agent
  systemctl disable sshd
fi
