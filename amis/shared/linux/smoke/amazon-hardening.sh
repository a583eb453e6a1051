#!/bin/sh
# What the hardening set up is still there.
set -eu
passwd --status root | grep -q '^root LK' || { echo "root has a password"; exit 1; }
grep -q '^users: \[\]' /etc/cloud/cloud.cfg.d/99-broch.cfg || { echo "the first start makes an account with sudo"; exit 1; }
[ -f /etc/audit/rules.d/broch.rules ] || { echo "there are no audit rules"; exit 1; }
systemctl is-enabled --quiet amazon-ssm-agent || { echo "Session Manager does not reach this machine"; exit 1; }
if systemctl is-enabled --quiet sshd; then echo "SSH is on"; exit 1; fi
