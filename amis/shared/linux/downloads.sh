#!/bin/sh
# Installs what Debian does not package. A download whose SHA-256 is not the recipe's is never installed.
set -eu

# A rehearsal cannot reach these hosts, so it sets a variable that skips the downloads.
if [ "${BROCH_DOWNLOADS:-}" = skip ]; then
  echo "downloads: left out (RStudio, VSCodium, Mountpoint for Amazon S3, DBeaver, Julia)"
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

# An archive that brings its own folder. Its programs are linked into /usr/local/bin.
install_archive() {
  name=$1 url=$2 sha256=$3 program=$4
  stamp="/opt/broch/downloads/$name"
  if [ "$(cat "$stamp" 2>/dev/null)" = "$sha256" ]; then return; fi
  file="/opt/broch/provision/$name.tar.gz"
  curl --fail --silent --show-error --location --proto '=https' --output "$file" "$url"
  echo "$sha256  $file" | sha256sum --check --strict --quiet
  rm --recursive --force "/opt/$name"
  install --directory "/opt/$name"
  tar --extract --gzip --file "$file" --directory "/opt/$name" --strip-components=1 --no-same-owner
  ln --symbolic --force "/opt/$name/bin/$program" "/usr/local/bin/$program"
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
install_deb dbeaver-ce \
  "https://github.com/dbeaver/dbeaver/releases/download/$BROCH_DBEAVER_VERSION/dbeaver-ce_${BROCH_DBEAVER_VERSION}_amd64.deb" \
  "$BROCH_DBEAVER_SHA256"
# Debian 13 does not package Julia.
install_archive julia \
  "https://julialang-s3.julialang.org/bin/linux/x64/${BROCH_JULIA_VERSION%.*}/julia-$BROCH_JULIA_VERSION-linux-x86_64.tar.gz" \
  "$BROCH_JULIA_SHA256" julia
