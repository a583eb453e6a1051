#!/bin/sh
# The package managers use the mirror and no other source.
set -eu
grep -q '^index-url = ' /etc/pip.conf || { echo "pip knows no mirror"; exit 1; }
if grep -q 'pypi\.org' /etc/pip.conf; then echo "pip asks pypi.org"; exit 1; fi
grep -q '^registry=' /etc/npmrc || { echo "npm knows no mirror"; exit 1; }
grep -q '<mirrorOf>\*</mirrorOf>' /etc/maven/settings.xml || { echo "Maven knows no mirror"; exit 1; }
if [ -d /etc/R ]; then
  Rscript --no-init-file -e 'stopifnot(!grepl("r-project.org|rstudio.com", getOption("repos")["CRAN"]))' ||
    { echo "R asks CRAN"; exit 1; }
fi
