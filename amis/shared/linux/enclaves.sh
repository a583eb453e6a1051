#!/bin/sh
# Reserves memory and processors for enclaves at every start, and reports whether enclaves can start. The instance must be
# launched with enclaves enabled.
set -eu

install --mode=644 "$BROCH_LINUX/files/allocator.yaml" /etc/nitro_enclaves/allocator.yaml
install --mode=755 "$BROCH_LINUX/broch-enclave-agent.py" /usr/local/sbin/broch-enclave-agent
install --mode=755 "$BROCH_LINUX/broch-enclave-run.py" /usr/local/sbin/broch-enclave-run
install --mode=644 "$BROCH_LINUX/files/broch-enclave-agent.service" "$BROCH_LINUX/files/broch-enclave-agent.timer" \
  "$BROCH_LINUX/files/broch-enclave-run.service" /etc/systemd/system/

# The enclave's image and the parent, as enclave/image/build.sh made them for this build. Their hashes are in the bill of
# materials, and the measurements in what is approved.
loader="$BROCH_RECIPE_FOLDER/loader"
(cd "$loader" && sha256sum --check --strict --quiet SHA256SUMS)
nitro-cli describe-eif --eif-path "$loader/loader.eif" |
  python3 -c 'import json, sys; sys.exit(not json.load(sys.stdin)["Measurements"].items() <= json.load(open(sys.argv[1])).items())' \
    "$loader/measurements.json" || { echo "enclaves.sh: the image has other measurements." >&2; exit 1; }
install --directory /usr/share/broch /opt/broch/downloads
install --mode=644 "$loader/loader.eif" "$loader/measurements.json" /usr/share/broch/
install --mode=755 "$loader/parent" /usr/local/sbin/broch-enclave-parent
for name in loader.eif measurements.json parent; do
  sha256sum "$loader/$name" | cut --delimiter=' ' --fields=1 >"/opt/broch/downloads/enclave-$name"
done
if [ -d /run/systemd/system ]; then
  systemctl enable nitro-enclaves-allocator.service broch-enclave-agent.timer broch-enclave-run.service
fi
