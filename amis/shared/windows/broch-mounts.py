"""Shows the project's folders and datasets on a Windows desktop. It runs as SYSTEM and keeps the contract in amis/README.md.

Each place is a process of rclone, which shows it by WinFsp: the project's folder, what batch jobs leave, and each version
of a dataset. Every few seconds this program starts what is new and ends what is gone or over. WinFsp removes a place when
its process ends. S3 decides about every read as well, so a place that stays too long shows nothing.
"""

import contextlib
import datetime
import importlib.util
import os
import pathlib
import subprocess
import sys
import time
import urllib.request


def load_rules():
    """What Linux desktops believe of the list of datasets, and what follows from it: one program for both."""
    spec = importlib.util.spec_from_file_location("rules", pathlib.Path(__file__).with_name("broch-datasets.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


rules = load_rules()
RCLONE = r"C:\Program Files\rclone\rclone.exe"
DATA = r"C:\data"
# In a folder that only administrators change. C:\project and C:\batch are links to them.
PROJECT = r"C:\broch\project"
BATCH = r"C:\broch\batch"
CACHE = r"C:\broch\cache"
METADATA = "http://169.254.169.254/latest"
# Everybody may read and start programs, or do everything that S3 allows the desktop.
READ = "FileSecurity=D:P(A;;FRFX;;;WD)"
CHANGE = "FileSecurity=D:P(A;;FA;;;WD)"


def s3_options(place):
    # No file of settings, wherever one may lie: what is mounted follows from these words only.
    return ["--config", "", "--s3-provider", "AWS", "--s3-env-auth", "--s3-region", place["REGION"], "--s3-no-check-bucket"]


def mount_command(source, target, place, changes=False):
    # Without a cache Windows programs cannot write, because most of them open a file to read and write at once.
    access = ["--vfs-cache-mode", "writes", "--cache-dir", CACHE, "-o", CHANGE] if changes else ["--read-only", "-o", READ]
    return [RCLONE, "mount", f":s3:{source}", target, *s3_options(place), "--use-server-modtime", *access]


def windows_path(path):
    return "C:" + path.replace("/", "\\")


def project_mounts(place):
    """The places that every desktop has, with their commands."""
    bucket = place["BUCKET"]
    return {
        PROJECT: mount_command(f"{bucket}/data/", PROJECT, place, changes=True),
        BATCH: mount_command(f"{bucket}/batch/", BATCH, place),
    }


class Mounts:
    """The processes of rclone by the place that each shows."""

    def __init__(self, start=subprocess.Popen):
        self.start = start
        self.processes = {}

    def current(self):
        return {target for target, process in self.processes.items() if process.poll() is None}

    def add(self, target, command):
        # WinFsp makes the folder itself, and refuses one that is there.
        with contextlib.suppress(OSError):
            os.rmdir(target)
        quiet = {name: subprocess.DEVNULL for name in ("stdin", "stdout", "stderr")}
        self.processes[target] = self.start(command, **quiet)
        rules.say(f"{target} is being shown")

    def remove(self, target):
        process = self.processes.pop(target)
        process.kill()
        process.wait()
        rules.say(f"{target} is gone")


def plan_links(folders, links, datasets):
    """What to unlink in /data, and which folders of the project to link there. A dataset hides a folder of its name."""
    wanted = set(folders) - set(datasets)
    return sorted(set(links) - wanted), sorted(wanted - set(links))


def link_folders(data, project, datasets):
    """Gives the project's folders the paths that they have on Linux desktops."""
    try:
        folders = [entry.name for entry in os.scandir(project) if entry.is_dir()]
    except OSError:  # it is not there yet
        return
    links = [entry.name for entry in os.scandir(data) if entry.is_symlink()]
    removals, additions = plan_links(folders, links, datasets)
    for name in removals:
        remove_link(os.path.join(data, name))
    for name in additions:
        path = os.path.join(data, name)
        if not os.path.lexists(path):
            os.symlink(os.path.join(project, name), path, target_is_directory=True)


def remove_link(path):
    # On Windows a link to a folder is removed as a folder.
    (os.rmdir if os.name == "nt" else os.unlink)(path)


def read_metadata(path):
    call = urllib.request.Request(f"{METADATA}/api/token", method="PUT", headers={"X-aws-ec2-metadata-token-ttl-seconds": "60"})
    with urllib.request.urlopen(call, timeout=5) as answer:
        headers = {"X-aws-ec2-metadata-token": answer.read().decode()}
    call = urllib.request.Request(f"{METADATA}/meta-data/{path}", headers=headers)
    with urllib.request.urlopen(call, timeout=5) as answer:
        return answer.read().decode()


def read_place():
    return {"REGION": read_metadata("placement/region"), "BUCKET": read_metadata("tags/instance/broch:bucket")}


def read_list(place):
    """The list; None if Broch has not written any."""
    folder, name = rules.LIST_KEY.rsplit("/", 1)
    # By its folder: S3 answers about a key that is not there, to one who may list by prefix only, that access is denied.
    command = [RCLONE, "cat", f":s3:{place['BUCKET']}/{folder}/", "--include", f"/{name}", *s3_options(place)]
    answer = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
    if answer.returncode:
        raise OSError(answer.stderr.decode(errors="replace").strip()[-300:])
    return answer.stdout.decode() or None


def keep_project(place, mounts):
    for target, command in project_mounts(place).items():
        if target not in mounts.current():
            mounts.add(target, command)


def renew(place, mounts, text, now, data=DATA, project=PROJECT):
    alias, wanted = rules.wanted_mounts(text, now) if text is not None else ("", {})
    by_target = {windows_path(path): prefix for path, prefix in wanted.items()}
    shown = {target for target in mounts.current() if target not in project_mounts(place)}
    removals, additions = rules.plan_mounts(by_target, shown)
    for target in removals:
        mounts.remove(target)
    link_folders(data, project, {path.split("/")[2] for path in wanted})
    for target in additions:
        pathlib.Path(data, target.split("\\")[2]).mkdir(exist_ok=True)
        mounts.add(target, mount_command(f"{alias}/{by_target[target]}", target, place))


def run():
    # What an earlier run of this program left would hold its places.
    stray = [r"C:\Windows\System32\taskkill.exe", "/F", "/FI", "USERNAME eq SYSTEM", "/IM", "rclone.exe"]
    subprocess.run(stray, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    mounts = Mounts()
    while True:
        try:
            place = read_place()
            keep_project(place, mounts)
            renew(place, mounts, read_list(place), datetime.datetime.now(datetime.timezone.utc))
        except Exception as error:  # whatever the error is, the next round tries again
            rules.say(f"the project's folders: {type(error).__name__}: {error}")
        time.sleep(rules.EVERY_SECONDS)


if __name__ == "__main__":
    if len(sys.argv) != 1:
        sys.exit("usage: broch-mounts")
    run()
