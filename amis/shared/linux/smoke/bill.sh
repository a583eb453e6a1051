#!/bin/sh
# The bill of materials names every package that is installed now.
set -eu
python3 - <<'CHECK'
import json, subprocess
bill = json.load(open("/opt/broch/bill-of-materials.json"))
named = {part["purl"].split("?")[0] for part in bill["components"]}
listed = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Abbrev}|${Package}|${Version}\n"], capture_output=True, text=True, check=True)
from urllib.parse import quote
missing = [
    line for line in listed.stdout.split("\n")
    if line.startswith("ii") and f"pkg:deb/debian/{quote(line.split('|')[1])}@{quote(line.split('|')[2])}" not in named
]
if missing:
    raise SystemExit(f"not in the bill of materials: {missing[0]} and {len(missing) - 1} more")
CHECK
