#!/usr/bin/python3 -I
"""Mounts the disk of the home, before anybody can sign in. It runs as root, at every start of the machine.

The disk outlives the machine: an archived workspace is started again from its snapshot. So it is formatted only if it has
no file system, no partition, and nothing but zeros where either would be. EC2 gives new disks like that.
"""

import json
import os
import pathlib
import pwd
import subprocess
import sys
import time

RESEARCHER = "researcher"
LABEL = "broch-home"
NEW_LABEL = "broch-new"
STAGING = pathlib.Path("/run/broch/home")
PROBED_BYTES = 16 * 1024 * 1024


def say(line):
    print(f"broch-home: {line}", flush=True)


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def leaves(disk):
    return [disk, *(leaf for child in disk.get("children", []) for leaf in leaves(child))]


def find_home(listing):
    """The one EBS disk that the system does not run from. On Nitro machines the serial number of an EBS disk is the id of
    its volume. The name of the device says nothing: NVMe disks are numbered as they answer. Disks of the machine itself
    (instance store), which lose everything at a stop, have other serial numbers."""
    disks = [
        disk
        for disk in listing["blockdevices"]
        if disk["type"] == "disk"
        and (disk.get("serial") or "").startswith("vol")
        and not any("/" in (leaf.get("mountpoints") or []) for leaf in leaves(disk))
    ]
    if len(disks) != 1:
        raise LookupError(f"{len(disks)} disks could be that of the home")
    if disks[0].get("children"):
        raise ValueError(f"{disks[0]['name']} has partitions: it is not a home")
    return f"/dev/{disks[0]['name']}"


def wait_for_home(tries=60, pause=2):
    # For rehearsals. Only root can set it for this program.
    if os.environ.get("BROCH_HOME_DISK"):
        return os.environ["BROCH_HOME_DISK"]
    for number in range(1, tries + 1):
        try:
            return find_home(json.loads(run("/usr/bin/lsblk", "--json", "--output", "NAME,TYPE,SERIAL,MOUNTPOINTS")))
        except LookupError:
            if number == tries:
                raise
            time.sleep(pause)


def read_label(disk):
    """What blkid says of a disk: the label of a home, or None for nothing that it knows. Everything else is an error."""
    found = subprocess.run(["/usr/sbin/blkid", "--probe", "--output", "export", disk], capture_output=True, text=True)
    if found.returncode == 2:
        return None
    if found.returncode != 0:
        raise ValueError(f"{disk}: blkid cannot say what is on it")
    words = dict(line.split("=", 1) for line in found.stdout.splitlines() if "=" in line)
    if words.get("TYPE") != "ext4" or words.get("LABEL") not in (NEW_LABEL, LABEL):
        raise ValueError(f"{disk} has something on it that is not a home: it is left as it is")
    return words["LABEL"]


def is_blank(disk):
    """Whether nothing was ever written at the beginning and the end of a disk."""
    with open(disk, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        for start in (0, max(0, size - PROBED_BYTES)):
            file.seek(start)
            chunk = file.read(PROBED_BYTES)
            if chunk.count(0) != len(chunk):
                return False
    return True


def make_system(disk):
    """Makes a file system on a blank disk and on no other. Returns its label."""
    label = read_label(disk)
    if label is not None:
        return label
    if not is_blank(disk):
        raise ValueError(f"{disk} has no file system, but it has data: it is left as it is")
    run("/usr/sbin/mkfs.ext4", "-q", "-L", NEW_LABEL, "-m", "0", disk)
    say(f"made a file system on {disk}")
    return NEW_LABEL


def furnish(disk, home):
    """Copies the home of the image to a new disk. The label changes last, so that an interrupted copy is repeated."""
    STAGING.mkdir(parents=True, exist_ok=True)
    run("/usr/bin/mount", "--options", "nodev,nosuid", disk, str(STAGING))
    try:
        run("/usr/bin/cp", "--archive", f"{home}/.", str(STAGING))
    finally:
        run("/usr/bin/umount", str(STAGING))
    run("/usr/sbin/e2label", disk, LABEL)


def repair(disk):
    """The machine may have been cut off. What needs a decision is left to a person: e2fsck ends with more than 1."""
    if subprocess.run(["/usr/sbin/e2fsck", "-f", "-p", disk], capture_output=True).returncode > 1:
        raise ValueError(f"{disk}: its file system is damaged, and a person has to repair it")


def mount_home(disk, home):
    if os.path.ismount(home):
        return
    if make_system(disk) == NEW_LABEL:
        furnish(disk, home)
    repair(disk)
    # The disk may be larger than the one that the snapshot was of.
    run("/usr/sbin/resize2fs", disk)
    run("/usr/bin/mount", "--options", "nodev,nosuid", disk, home)


if __name__ == "__main__":
    if os.geteuid() != 0:
        sys.exit("broch-home: run this as root.")
    found = wait_for_home()
    mount_home(found, pwd.getpwnam(RESEARCHER).pw_dir)
    say(f"the home is on {found}")
