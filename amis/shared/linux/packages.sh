#!/bin/sh
# Installs what Debian packages. `packages.txt` of the image names them; apt checks Debian's signatures.
set -eu

list="$BROCH_RECIPE_FOLDER/${BROCH_PACKAGES:-packages.txt}"
apt-get update --quiet --quiet
# Security updates first: the base image may be some weeks old.
apt-get upgrade --yes --quiet --quiet --no-install-recommends
grep -h -v -e '^#' -e '^$' "$BROCH_LINUX/base-packages.txt" "$list" |
  xargs apt-get install --yes --quiet --quiet --no-install-recommends
