#!/bin/sh
# What the hardening set up is still there.
set -eu
passwd --status root | grep -q '^root L' || { echo "root has a password"; exit 1; }
sudo --list --other-user=researcher | grep -q 'not allowed' || { echo "sudoers names the researcher"; exit 1; }
nft --check --file /etc/nftables.conf || { echo "the firewall's rules do not load"; exit 1; }
grep -q 'policy drop' /etc/nftables.conf || { echo "the firewall lets everything pass"; exit 1; }
grep -q '^install usb-storage' /etc/modprobe.d/broch.conf || { echo "removable media are possible"; exit 1; }
visudo --check --quiet || { echo "sudoers is damaged"; exit 1; }
[ -f /etc/audit/rules.d/broch.rules ] || { echo "there are no audit rules"; exit 1; }
