#!/bin/sh
# If the image has Amazon DCV, its owner gets the picture, the keyboard and the mouse, and nothing else.
set -eu
[ -x /usr/bin/dcv ] || exit 0
for file in /etc/dcv/broch.perm /etc/dcv/default.perm; do
  grep -q '^%owner% allow display keyboard mouse pointer$' "$file" || { echo "$file does not say what is open"; exit 1; }
  [ "$(grep -c ' allow ' "$file")" = 1 ] || { echo "$file opens more than the screen"; exit 1; }
done
grep -q 'skuid "dcv" ip daddr 169.254.169.254 accept' /etc/nftables.conf || { echo "DCV cannot find its licence"; exit 1; }
[ -x /usr/local/sbin/broch-dcv ] || { echo "nothing verifies links"; exit 1; }
