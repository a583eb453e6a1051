#!/usr/bin/python3 -I
"""Shows the datasets of the project below /data, read-only. It runs as root and keeps the contract in amis/README.md.

Broch writes which versions the project may read into data/datasets/list.json of the project's bucket, and nobody in the
project can change that file. Every few seconds this program mounts what is new there and unmounts what is gone or over.
S3 decides about every read as well, so a mount that stays too long shows nothing.
"""

import datetime
import json
import pathlib
import re
import subprocess
import sys
import time

LIST_KEY = "data/datasets/list.json"
EVERY_SECONDS = 15
PLACE = pathlib.Path("/run/broch/place")
MOUNTS = pathlib.Path("/proc/mounts")
# Whatever the list says, nothing is mounted elsewhere, and nothing is read from elsewhere.
PATH = re.compile(r"/data/[a-z][a-z0-9-]{2,39}/[0-9a-f]{12}")
PREFIX = re.compile(r"datasets/[a-z][a-z0-9-]{2,39}/[0-9a-f]{64}/data/")
ALIAS = re.compile(r"[a-z0-9][a-z0-9-]{1,61}-s3alias")


def say(line):
    print(f"broch-datasets: {line}", flush=True)


def parse_time(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def wanted_mounts(text, now):
    """The prefix by path of each version that the project may read now. Raises ValueError if the list is not Broch's."""
    content = json.loads(text)
    alias = content["bucket"]
    if not ALIAS.fullmatch(alias):
        raise ValueError("the list names no access point")
    mounts = {}
    for dataset in content["datasets"]:
        path, prefix = dataset["path"], dataset["prefix"]
        if not PATH.fullmatch(path) or not PREFIX.fullmatch(prefix):
            raise ValueError("the list names a place that no dataset has")
        if parse_time(dataset["endsAt"]) > now:
            mounts[path] = prefix
    return alias, mounts


def current_mounts(text):
    """The datasets that are mounted, by the kernel's own list."""
    targets = (line.split(" ")[1] for line in text.splitlines() if " " in line)
    return {target for target in targets if PATH.fullmatch(target)}


def plan_mounts(wanted, current):
    """What to unmount, and then what to mount."""
    return sorted(current - wanted.keys()), sorted(wanted.keys() - current)


def mount_command(alias, path, prefix, place):
    return [
        "/usr/bin/mount-s3",
        "--read-only",
        "--allow-other",
        "--prefix",
        prefix,
        "--region",
        place["REGION"],
        alias,
        path,
    ]


# Lazy: an open file does not keep a dataset that the project may no longer read.
def unmount_command(path):
    return ["/usr/bin/umount", "--lazy", path]


def read_place():
    return dict(line.split("=", 1) for line in PLACE.read_text().splitlines() if "=" in line)


def read_list(place):
    """The list; an empty one if Broch has not written any."""
    import boto3
    from botocore.exceptions import ClientError

    try:
        answer = boto3.client("s3", region_name=place["REGION"]).get_object(Bucket=place["BUCKET"], Key=LIST_KEY)
        return answer["Body"].read().decode()
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchKey", "AccessDenied"):
            return None
        raise


def renew(place):
    text = read_list(place)
    now = datetime.datetime.now(datetime.timezone.utc)
    alias, wanted = wanted_mounts(text, now) if text is not None else ("", {})
    removals, additions = plan_mounts(wanted, current_mounts(MOUNTS.read_text()))
    for path in removals:
        subprocess.run(unmount_command(path), check=True)
        say(f"{path} is gone")
    for path in additions:
        pathlib.Path(path).mkdir(parents=True, exist_ok=True)
        subprocess.run(mount_command(alias, path, wanted[path], place), check=True)
        say(f"{path} can be read")


def run():
    while True:
        try:
            renew(read_place())
        except Exception as error:  # whatever the error is, the next round tries again
            say(f"the list of datasets: {type(error).__name__}: {error}")
        time.sleep(EVERY_SECONDS)


if __name__ == "__main__":
    if len(sys.argv) != 1:
        sys.exit("usage: broch-datasets")
    run()
