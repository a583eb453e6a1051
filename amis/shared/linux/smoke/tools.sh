#!/bin/sh
# The tools of a researcher start and calculate.
set -eu
as() { runuser -u researcher -- env HOME=/nonexistent "$@"; }
as Rscript -e 'stopifnot(abs(coef(lm(dist ~ speed, cars))[2] - 3.932409) < 1e-6)' >/dev/null ||
  { echo "R does not calculate"; exit 1; }
as python3 -c 'import sqlite3; assert sqlite3.connect(":memory:").execute("select 6 * 7").fetchone() == (42,)' ||
  { echo "Python does not calculate"; exit 1; }
as git --version >/dev/null || { echo "there is no Git"; exit 1; }
as jupyter-lab --version >/dev/null || { echo "there is no JupyterLab"; exit 1; }
# These are downloads, which a rehearsal leaves out.
for program in rstudio codium dbeaver-ce julia; do
  if [ -d "/opt/broch/downloads" ]; then
    command -v "$program" >/dev/null || { echo "$program is missing"; exit 1; }
  fi
done
