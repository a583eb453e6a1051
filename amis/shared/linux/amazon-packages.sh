#!/bin/sh
# Installs what Amazon Linux packages. `packages.txt` of the image names them; dnf checks Amazon's signatures.
set -eu

dnf upgrade --assumeyes --quiet --releasever=latest
grep -v -e '^#' -e '^$' "$BROCH_RECIPE_FOLDER/packages.txt" | xargs dnf install --assumeyes --quiet
dnf clean all --quiet
