#!/usr/bin/python3 -I
"""The desktop agent of Broch's Linux images. It runs as root and keeps the contract in amis/README.md.

  broch-agent prepare   makes the keys that no two machines may share (once)
  broch-agent place     writes where this machine is, for the services that need it
  broch-agent packages  points pip, npm and Maven at the list of the project's tier (every eight hours, by a timer)
  broch-agent run       gives the researcher a password for each session, reports readiness, then activity every few minutes
"""

import datetime
import json
import os
import pathlib
import pwd
import re
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from xml.sax.saxutils import escape

RESEARCHER = "researcher"
RDP_PORT = 3389
DCV_PORT = 3390
DCV = pathlib.Path("/usr/bin/dcv")
REPORT_EVERY_SECONDS = 300
SIGN_IN_SECONDS = 10
SETTLED = pathlib.Path("/etc/broch/prepared")
PLACE = pathlib.Path("/run/broch/place")
# For broch-dcv, which judges links by it. Only root can read it.
PASSWORD = pathlib.Path("/run/broch/password")
# AWS's own tools read this variable too. Only root can set it for this program.
METADATA = os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://169.254.169.254").rstrip("/")


def say(line):
    print(f"broch-agent: {line}", flush=True)


def read_metadata(path):
    """One value of the metadata service, version 2: a session first, then the value."""

    def ask(method, what, headers):
        request = urllib.request.Request(f"{METADATA}/latest/{what}", method=method, headers=headers)
        # No proxy may stand between the machine and its hypervisor.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=5) as answer:
            return answer.read().decode()

    token = ask("PUT", "api/token", {"X-aws-ec2-metadata-token-ttl-seconds": "60"})
    return ask("GET", f"meta-data/{path}", {"X-aws-ec2-metadata-token": token})


def read_place():
    """Where this machine is: its instance, its project's bucket, and the beginning of its aws:userid."""
    return {
        "instance": read_metadata("instance-id"),
        "region": read_metadata("placement/region"),
        "bucket": read_metadata("tags/instance/broch:bucket"),
        "role": read_metadata("tags/instance/broch:role"),
    }


def patiently(what, attempt, tries=60, pause=5):
    """Waits until the network and services are up. After five minutes it fails, and systemd starts the agent again."""
    for number in range(1, tries + 1):
        try:
            return attempt()
        except Exception as error:  # whatever the error is, the next attempt may succeed
            if number == tries:
                raise
            say(f"{what}: {type(error).__name__}, trying again")
            time.sleep(pause)


def write_report(place, name, report):
    """Writes one report where the instance's role may, and nowhere else."""
    import boto3
    from botocore.config import Config

    client = boto3.client(
        "s3", region_name=place["region"], config=Config(retries={"mode": "standard", "max_attempts": 5})
    )
    client.put_object(
        Bucket=place["bucket"],
        Key=f"agents/{place['role']}:{place['instance']}/{name}.json",
        Body=json.dumps(report).encode(),
        ContentType="application/json",
    )


def set_password():
    """A new password for the researcher: 24 characters that RDP, VNC and JSON carry unchanged."""
    password = secrets.token_urlsafe(18)
    subprocess.run(["/usr/sbin/chpasswd"], input=f"{RESEARCHER}:{password}\n", text=True, check=True)
    if DCV.exists():
        PASSWORD.parent.mkdir(exist_ok=True)
        PASSWORD.touch(mode=0o600)
        PASSWORD.write_text(password)
    return password


def wait_for_desktop():
    with socket.create_connection(("127.0.0.1", RDP_PORT), timeout=2):
        return None


def list_sessions(proc=pathlib.Path("/proc")):
    """The researcher's displays, each with the file that opens it: one for each server of TigerVNC or DCV of theirs."""
    researcher, home = pwd.getpwnam(RESEARCHER).pw_uid, pathlib.Path(pwd.getpwnam(RESEARCHER).pw_dir)
    displays = {}
    for entry in proc.iterdir():
        try:
            if not entry.name.isdigit() or entry.stat().st_uid != researcher:
                continue
            command = (entry / "cmdline").read_bytes().decode().split("\0")
        except (OSError, UnicodeDecodeError):
            continue
        if command[0].endswith(("Xvnc", "Xdcv")):
            authority = command[command.index("-auth") + 1] if "-auth" in command[:-1] else ".Xauthority"
            displays.update({word: str(home / authority) for word in command[1:] if word.startswith(":")})
    return displays


def read_idle_minutes(display, authority):
    """Minutes since the last key or move of the mouse on a display; 0 if it does not say."""
    try:
        asked = subprocess.run(
            ["/usr/sbin/runuser", "-u", RESEARCHER, "--", "/usr/bin/xprintidle"],
            env={"DISPLAY": display, "XAUTHORITY": authority, "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
        return int(asked.stdout) // 60000
    except (subprocess.SubprocessError, ValueError):
        return 0


def measure_activity():
    sessions = list_sessions()
    return {
        "at": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "sessions": len(sessions),
        # Only the session that is in use counts. Without a session nobody is there.
        "idleMinutes": min((read_idle_minutes(*session) for session in sessions.items()), default=None),
        # A machine that calculates overnight is not idle, even if nobody is at the desktop.
        "load": round(os.getloadavg()[0], 2),
    }


def prepare():
    """Replaces the keys that the build of the image made, because every desktop would have the same ones."""
    SETTLED.parent.mkdir(exist_ok=True)
    if SETTLED.exists():
        return
    subprocess.run(["/usr/sbin/make-ssl-cert", "generate-default-snakeoil", "--force-overwrite"], check=True)
    if pathlib.Path("/usr/bin/xrdp-keygen").exists():
        subprocess.run(["/usr/bin/xrdp-keygen", "xrdp", "auto"], check=True)
    SETTLED.touch()
    say("made this machine's own keys")


def write_place():
    place = patiently("metadata", read_place)
    PLACE.parent.mkdir(exist_ok=True)
    researcher = pwd.getpwnam(RESEARCHER).pw_uid
    PLACE.write_text(f"BUCKET={place['bucket']}\nREGION={place['region']}\nRESEARCHER={researcher}\n")


def find_repository(client, domain):
    """The mirror of the project's tier: the one repository whose address the role of the instance may ask for."""
    from botocore.exceptions import ClientError

    for tier in (3, 2, 1):
        place = {"domain": domain, "repository": f"tier-{tier}"}
        try:
            return {
                kind: client.get_repository_endpoint(format=kind, **place)["repositoryEndpoint"]
                for kind in ("pypi", "npm", "maven")
            }
        except ClientError as error:
            if error.response["Error"]["Code"] != "AccessDeniedException":
                raise
    return None


def write_package_settings(urls, token, etc=pathlib.Path("/etc")):
    """Everybody on the desktop may read the token: it reads packages that the whole project may install."""
    pip = etc / "pip.conf"
    index = f"index-url = {urls['pypi'].replace('https://', f'https://aws:{token}@', 1).rstrip('/')}/simple/"
    pip.write_text(re.sub(r"(?m)^index-url = .*$", lambda _: index, pip.read_text()))
    host = urls["npm"].removeprefix("https:").rstrip("/")
    (etc / "npmrc").write_text(f"registry={urls['npm']}\n{host}/:_authToken={token}\n")
    (etc / "maven").mkdir(exist_ok=True)
    server = f"<server><id>broch</id><username>aws</username><password>{escape(token)}</password></server>"
    mirror = f"<mirror><id>broch</id><mirrorOf>*</mirrorOf><url>{escape(urls['maven'])}</url></mirror>"
    settings = f"<settings>\n  <servers>{server}</servers>\n  <mirrors>{mirror}</mirrors>\n</settings>\n"
    (etc / "maven/settings.xml").write_text(settings)


def configure_packages():
    import boto3
    from botocore.config import Config

    place = patiently("metadata", read_place)
    domain = f"broch-{read_metadata('tags/instance/broch:environment')}-packages"
    patience = Config(connect_timeout=10, retries={"mode": "standard", "max_attempts": 3})
    client = boto3.client("codeartifact", region_name=place["region"], config=patience)
    urls = find_repository(client, domain)
    if urls is None:
        return say("packages: no tier is set for this project")
    token = client.get_authorization_token(domain=domain, durationSeconds=12 * 3600)["authorizationToken"]
    write_package_settings(urls, token)
    say("packages: pip, npm and Maven can install")


def list_connections(proc=pathlib.Path("/proc/net")):
    """The far ends of the connections to the desktop servers."""
    ports = tuple(f":{port:04X}" for port in (RDP_PORT, DCV_PORT))
    lines = (line.split() for name in ("tcp", "tcp6") for line in (proc / name).read_text().splitlines()[1:])
    return {far for _, near, far, state, *_ in lines if state == "01" and near.endswith(ports)}


class Renewal:
    """When the password changes: some seconds after each new connection, so that no password opens two sessions."""

    def __init__(self):
        self.known, self.due = set(), None

    def is_due(self, connections, now):
        if connections - self.known:
            self.due = now + SIGN_IN_SECONDS
        self.known = connections
        return self.due is not None and now >= self.due


def report_ready(place):
    write_report(place, "ready", {"password": set_password(), "protocol": "dcv" if DCV.exists() else "rdp"})


def run():
    place = patiently("metadata", read_place)
    patiently("desktop", wait_for_desktop)
    patiently("readiness", lambda: report_ready(place))
    say(f"{place['instance']} is ready and has reported")
    every = int(os.environ.get("BROCH_REPORT_SECONDS", REPORT_EVERY_SECONDS))
    renewal, next_report = Renewal(), 0
    while True:
        now = time.monotonic()
        try:
            if renewal.is_due(list_connections(), now):
                report_ready(place)
                renewal.due = None
            if now >= next_report:
                next_report = now + every
                write_report(place, "activity", measure_activity())
        except Exception as error:  # the next round repeats it
            say(f"report: {type(error).__name__}")
        time.sleep(2)


COMMANDS = {"prepare": prepare, "place": write_place, "packages": configure_packages, "run": run}

if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in COMMANDS:
        sys.exit(f"usage: broch-agent {'|'.join(COMMANDS)}")
    if os.geteuid() != 0:
        sys.exit("broch-agent: run this as root.")
    COMMANDS[sys.argv[1]]()
