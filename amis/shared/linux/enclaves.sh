#!/bin/sh
# Reserves memory and processors for enclaves at every start, and reports whether enclaves can start. The instance must be
# launched with enclaves enabled.
set -eu

install --mode=644 "$BROCH_LINUX/files/allocator.yaml" /etc/nitro_enclaves/allocator.yaml
install --mode=755 "$BROCH_LINUX/broch-enclave-agent.py" /usr/local/sbin/broch-enclave-agent
install --mode=644 "$BROCH_LINUX/files/broch-enclave-agent.service" "$BROCH_LINUX/files/broch-enclave-agent.timer" \
  /etc/systemd/system/
if [ -d /run/systemd/system ]; then systemctl enable nitro-enclaves-allocator.service broch-enclave-agent.timer; fi
