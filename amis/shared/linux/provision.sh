#!/bin/sh
# Provisions an image: runs the steps of its list in their order. Every step may run again without harm.
#   sh provision.sh linux-desktop
set -eu

image=$1
here=$(cd "$(dirname "$0")" && pwd)
export BROCH_IMAGE="$image"
export BROCH_LINUX="$here"
export BROCH_RECIPE_FOLDER="$here/../$image"
export DEBIAN_FRONTEND=noninteractive
export LC_ALL=C.UTF-8
umask 022

[ "$(id -u)" = 0 ] || { echo "provision.sh: run this as root." >&2; exit 1; }
grep -v -e '^#' -e '^$' "$BROCH_RECIPE_FOLDER/steps.txt" | while read -r step; do
  echo "== $step"
  sh "$here/$step.sh" </dev/null || { echo "provision.sh: the step $step failed." >&2; exit 1; }
done
