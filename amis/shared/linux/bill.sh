#!/bin/sh
# Writes the bill of materials (CycloneDX 1.6): what dpkg or rpm, Python and R list as installed, and the downloads.
set -eu
python3 -I "$BROCH_LINUX/bill.py" "$BROCH_IMAGE" >/opt/broch/bill-of-materials.json.new
mv /opt/broch/bill-of-materials.json.new /opt/broch/bill-of-materials.json
