#!/bin/sh
# Reserves memory and processors for enclaves at every start. The instance must be launched with enclaves enabled.
set -eu

install --mode=644 "$BROCH_LINUX/files/allocator.yaml" /etc/nitro_enclaves/allocator.yaml
if [ -d /run/systemd/system ]; then systemctl enable nitro-enclaves-allocator.service; fi
