#!/bin/sh
# Installs what Debian does not package. A download whose SHA-256 is not the recipe's is never installed.
set -eu

# A rehearsal cannot reach these hosts, so it sets a variable that skips the downloads.
if [ "${BROCH_DOWNLOADS:-}" = skip ]; then
  echo "downloads: left out (RStudio, VSCodium, Mountpoint for Amazon S3)"
  exit 0
fi

install_deb() {
  name=$1 url=$2 sha256=$3
  stamp="/opt/broch/downloads/$name"
  if [ "$(cat "$stamp" 2>/dev/null)" = "$sha256" ]; then return; fi
  file="/opt/broch/provision/$name.deb"
  curl --fail --silent --show-error --location --proto '=https' --output "$file" "$url"
  echo "$sha256  $file" | sha256sum --check --strict --quiet
  apt-get install --yes --quiet --quiet --no-install-recommends "$file"
  rm "$file"
  install --directory /opt/broch/downloads
  echo "$sha256" >"$stamp"
}

install_deb rstudio \
  "https://download1.rstudio.org/electron/jammy/amd64/rstudio-$BROCH_RSTUDIO_VERSION-amd64.deb" "$BROCH_RSTUDIO_SHA256"
install_deb codium \
  "https://github.com/VSCodium/vscodium/releases/download/$BROCH_VSCODIUM_VERSION/codium_${BROCH_VSCODIUM_VERSION}_amd64.deb" \
  "$BROCH_VSCODIUM_SHA256"
install_deb mount-s3 \
  "https://s3.amazonaws.com/mountpoint-s3-release/$BROCH_MOUNTPOINT_VERSION/x86_64/mount-s3-$BROCH_MOUNTPOINT_VERSION-x86_64.deb" \
  "$BROCH_MOUNTPOINT_SHA256"
