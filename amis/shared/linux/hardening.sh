#!/bin/sh
# Hardens the system along the CIS benchmark: no way to root for the researcher, a firewall, an audit trail.
set -eu

files="$BROCH_LINUX/files"
install --directory --mode=755 /etc/broch /etc/modprobe.d /etc/sysctl.d /etc/audit/rules.d /etc/polkit-1/rules.d
install --mode=644 "$files/nftables.conf" /etc/nftables.conf
install --mode=644 "$files/sysctl.conf" /etc/sysctl.d/90-broch.conf
install --mode=644 "$files/modprobe.conf" /etc/modprobe.d/broch.conf
install --mode=640 "$files/audit.rules" /etc/audit/rules.d/broch.rules
install --mode=644 "$files/polkit.rules" /etc/polkit-1/rules.d/10-broch.rules
install --mode=644 "$files/pwquality.conf" /etc/security/pwquality.conf

# Nobody becomes root with su or sudo. Operators come in through Session Manager.
passwd --status root | grep -q '^root L' || passwd --lock root >/dev/null
install --mode=644 "$files/su.pam" /etc/pam.d/su
# The included files give sudo to the build account, which the last step of the build removes.
cat >/etc/sudoers.broch <<'SUDOERS'
Defaults use_pty, logfile=/var/log/sudo.log
Defaults secure_path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
root ALL=(ALL:ALL) ALL
@includedir /etc/sudoers.d
SUDOERS
visudo --check --quiet --file=/etc/sudoers.broch
install --mode=440 /etc/sudoers.broch /etc/sudoers
rm /etc/sudoers.broch

# cron and at run jobs while nobody is signed in, so only root may use them.
for service in cron at; do
  echo root >"/etc/$service.allow"
  chmod 600 "/etc/$service.allow"
done

# Removes the setuid bit from programs that run as root for anyone and that a desktop does not need.
for program in chfn chsh newgrp gpasswd mount umount pkexec; do
  path=$(command -v "$program" || true)
  if [ -n "$path" ]; then chmod u-s "$path"; fi
done

if [ -d /run/systemd/system ]; then
  systemctl enable nftables auditd apparmor
  systemctl mask autofs.service avahi-daemon.service cups.service bluetooth.service udisks2.service
fi
