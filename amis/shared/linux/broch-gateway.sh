#!/bin/sh
# Starts Guacamole with the key that signs links, and starts it again when the key changes. The key is never on a disk.
set -eu

token=$(curl --fail --silent --request PUT --header 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token)
settings=$(curl --fail --silent --header "X-aws-ec2-metadata-token: $token" http://169.254.169.254/latest/user-data)
secret=$(echo "$settings" | sed -n 's/^BROCH_KEY=//p')
recordings=$(echo "$settings" | sed -n 's/^BROCH_RECORDINGS=//p')
region=$(echo "$settings" | sed -n 's/^BROCH_REGION=//p')
dcv=$(echo "$settings" | sed -n 's/^BROCH_DCV=//p')

# Recordings of sessions, by the user of guacd's container.
folder=/var/lib/broch/recordings
install --directory --owner=1000 --group=1000 --mode=700 "$folder"

# Recordings go to their bucket when their sessions are over. What a stop interrupts goes after the next start.
upload() {
  [ -n "$recordings" ] || return 0
  find "$folder" -type f | while read -r file; do
    name=$(basename "$file")
    fuser --silent "$file" && continue
    aws s3 cp --quiet --region "$region" "$file" "s3://$recordings/${name%%.*}/$name" && rm "$file"
  done
}

run() {
  docker rm --force guacamole guacd >/dev/null 2>&1 || true
  docker run --detach --name guacd --network host --read-only --tmpfs /tmp --cap-drop ALL \
    --volume "$folder:/recordings" \
    --security-opt no-new-privileges broch/guacd /opt/guacamole/sbin/guacd -b 127.0.0.1 -L info -f >/dev/null
  # Only links of Broch open a session: there is no other extension, and no database of users.
  JSON_SECRET_KEY=$1 GUACD_HOSTNAME=127.0.0.1 GUACD_PORT=4822 WEBAPP_CONTEXT=desktop \
    docker run --detach --name guacamole --network host --cap-drop ALL --security-opt no-new-privileges \
    --env JSON_SECRET_KEY --env GUACD_HOSTNAME --env GUACD_PORT --env WEBAPP_CONTEXT broch/guacamole >/dev/null
}

# The way to desktops that Amazon DCV shows, if there are any: nginx in front, and the door that knows who may pass.
door=''
front=''
keep_door() {
  [ -n "$dcv" ] && [ -n "$current" ] || return 0
  if ! kill -0 "$door" 2>/dev/null; then
    BROCH_KEY=$current /usr/local/sbin/broch-dcv-door &
    door=$!
  fi
  if ! kill -0 "$front" 2>/dev/null; then
    nginx -c /etc/broch/dcv-door.conf -g 'daemon off;' &
    front=$!
  fi
}

# Whether somebody sees a desktop. Links are signed with the key before a new one too, so a new one can wait for a day.
is_used() { [ -n "$(ss --no-header --tcp state established '( sport = :4822 or dport = :3390 )')" ]; }

current=
waits=0
while true; do
  # The endpoint of Secrets Manager may not be there yet when the machine starts.
  if key=$(aws secretsmanager get-secret-value --region "$region" --secret-id "$secret" \
    --query SecretString --output text 2>/dev/null) && [ "$key" != "$current" ]; then
    if [ -n "$current" ] && is_used && [ "$waits" -lt 2880 ]; then
      waits=$((waits + 1))
    else
      # Guacamole and the door forget which links were used. All of them are over after a minute.
      kill "$door" 2>/dev/null || true
      docker rm --force guacamole guacd >/dev/null 2>&1 || true
      [ -z "$current" ] || sleep 61
      run "$key"
      current=$key
      waits=0
    fi
  fi
  keep_door
  upload || true
  sleep 30
done
