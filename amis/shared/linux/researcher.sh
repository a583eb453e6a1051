#!/bin/sh
# Makes the desktop's user. The account stays locked until the agent gives it a password at the first start.
set -eu

if ! getent passwd researcher >/dev/null; then
  # The same number in every image, because the disk of a home moves to machines of later images.
  groupadd --gid 2000 researcher
  useradd --uid 2000 --gid 2000 --create-home --shell /bin/bash --comment 'Researcher' researcher
  passwd --lock researcher >/dev/null
fi
# No group but its own: none of sudo, adm, disk, docker or the like.
[ "$(id --name --groups researcher)" = researcher ] || usermod --groups '' researcher
home=$(getent passwd researcher | cut -d: -f6)
chmod 700 "$home"

# Containers without root need a range of user ids.
for file in /etc/subuid /etc/subgid; do
  grep -q '^researcher:' "$file" 2>/dev/null || echo 'researcher:100000:65536' >>"$file"
done

# The agent, which is root, shows the project's data here.
install --directory --owner=researcher --group=researcher /data
install --directory /batch
