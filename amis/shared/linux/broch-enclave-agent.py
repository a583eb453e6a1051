#!/usr/bin/python3 -I
"""Reports from a machine that runs enclaves, by the contract in amis/README.md: whether enclaves can start on it.

It runs as root, from a timer. The report is agents/<aws:userid>/enclaves.json in the project's bucket.
"""

import datetime
import json
import os
import subprocess
import sys
import urllib.request

METADATA = os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://169.254.169.254").rstrip("/")


def read_metadata(path):
    """One value of the metadata service, version 2."""

    def ask(method, what, headers):
        request = urllib.request.Request(f"{METADATA}/latest/{what}", method=method, headers=headers)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=5) as answer:
            return answer.read().decode()

    token = ask("PUT", "api/token", {"X-aws-ec2-metadata-token-ttl-seconds": "60"})
    return ask("GET", f"meta-data/{path}", {"X-aws-ec2-metadata-token": token})


def run_tool(*command):
    """What a program prints, or None if it fails or is not there."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None


def count_enclaves(text):
    try:
        return len(json.loads(text or "null"))
    except (TypeError, ValueError):
        return None


def measure(run=run_tool):
    """Ready means that the allocator has reserved memory and nitro-cli answers."""
    enclaves = count_enclaves(run("/usr/bin/nitro-cli", "describe-enclaves"))
    allocator = run("/usr/bin/systemctl", "is-active", "nitro-enclaves-allocator.service")
    return {
        "at": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "ready": enclaves is not None and (allocator or "").strip() == "active",
        "enclaves": enclaves,
    }


def report():
    import boto3

    place = {name: read_metadata(f"tags/instance/broch:{name}") for name in ("bucket", "role")}
    boto3.client("s3", region_name=read_metadata("placement/region")).put_object(
        Bucket=place["bucket"],
        Key=f"agents/{place['role']}:{read_metadata('instance-id')}/enclaves.json",
        Body=json.dumps(measure()).encode(),
        ContentType="application/json",
    )


if __name__ == "__main__":
    if os.geteuid() != 0:
        sys.exit("broch-enclave-agent: run this as root.")
    report()
