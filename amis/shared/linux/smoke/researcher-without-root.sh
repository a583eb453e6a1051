#!/bin/sh
# The researcher has no group, no sudo, no su and no setuid shell that leads to root.
set -eu
[ "$(id --name --groups researcher)" = researcher ] || { echo "researcher is in $(id -nG researcher)"; exit 1; }
[ "$(id --user researcher)" -ge 1000 ] || { echo "the user id is a system's"; exit 1; }
as() { setsid runuser -u researcher -- "$@" </dev/null; }
if as sudo --non-interactive true 2>/dev/null; then echo "sudo works"; exit 1; fi
if as su --command true 2>/dev/null; then echo "su works"; exit 1; fi
if command -v pkexec >/dev/null && as pkexec true 2>/dev/null; then echo "pkexec works"; exit 1; fi
# The researcher can neither read secrets nor change what root runs.
for path in /etc/shadow /etc/ssl/private/ssl-cert-snakeoil.key /etc/sudoers; do
  if [ -e "$path" ] && as test -r "$path"; then echo "$path can be read"; exit 1; fi
done
for path in /etc /opt/broch /usr/local/sbin/broch-agent /etc/xrdp /etc/nftables.conf; do
  if as test -w "$path"; then echo "$path can be written"; exit 1; fi
done
