#!/bin/sh
# The bill of materials names every package that is installed now.
set -eu
if command -v dpkg-query >/dev/null; then
  dpkg-query --show --showformat='${db:Status-Abbrev}|${Package}|${Version}\n' | sed -n 's/^ii *|/deb|/p'
else
  rpm --query --all --queryformat 'rpm|%{NAME}|%{VERSION}-%{RELEASE}\n'
fi | python3 -c '
import json, pathlib, sys
from urllib.parse import quote

release = dict(line.split("=", 1) for line in pathlib.Path("/etc/os-release").read_text().splitlines() if "=" in line)
distribution = release["ID"].strip("\"")
bill = json.load(open("/opt/broch/bill-of-materials.json"))
named = {part["purl"].split("?")[0] for part in bill["components"]}
installed = [line.rstrip("\n").split("|") for line in sys.stdin]
if not installed:
    raise SystemExit("the package manager lists no package")
missing = [
    name for kind, name, version in installed if f"pkg:{kind}/{distribution}/{quote(name)}@{quote(version)}" not in named
]
if missing:
    raise SystemExit(f"not in the bill of materials: {missing[0]} and {len(missing) - 1} more")
'
