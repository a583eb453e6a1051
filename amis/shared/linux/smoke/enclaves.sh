#!/bin/sh
# Enclaves can be run.
set -eu
nitro-cli --version >/dev/null || { echo "there is no nitro-cli"; exit 1; }
grep -q '^memory_mib: 8192' /etc/nitro_enclaves/allocator.yaml || { echo "the allocator has other settings"; exit 1; }
systemctl is-enabled --quiet nitro-enclaves-allocator || { echo "the allocator does not start"; exit 1; }
systemctl is-enabled --quiet broch-enclave-agent.timer || { echo "the agent does not start"; exit 1; }
systemctl is-enabled --quiet broch-enclave-run.service || { echo "the enclave does not start"; exit 1; }
nitro-cli describe-eif --eif-path /usr/share/broch/loader.eif >/dev/null || { echo "there is no enclave image"; exit 1; }
[ -x /usr/local/sbin/broch-enclave-parent ] || { echo "there is no parent"; exit 1; }
python3 -c 'import boto3' || { echo "the agent cannot reach S3 without boto3"; exit 1; }
