#!/usr/bin/python3 -I
"""What a desktop needs to be shown by Amazon DCV. It runs as root.

  broch-dcv configure  writes DCV's configuration for this workspace, before DCV starts
  broch-dcv session    keeps the one session of this workspace running
  broch-dcv verify     answers DCV whether a token opens the session (on loopback)

DCV asks the verifier in this form, and takes one of two answers:
https://docs.aws.amazon.com/dcv/latest/adminguide/external-authentication.html
The desktop's own password signs tokens (functions/workspaces/dcv-link.ts), so nothing of the network is needed to judge one.
"""

import base64
import hmac
import http.server
import os
import pathlib
import pwd
import re
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from xml.sax.saxutils import escape

RESEARCHER = "researcher"
PORT = 8444
WEB_PORT = 3390
PASSWORD = pathlib.Path("/run/broch/password")
SETTINGS = pathlib.Path("/etc/dcv/dcv.conf")
METADATA = os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://169.254.169.254").rstrip("/")
MAX_BODY = 4096
MAX_LIFE_MS = 60_000
# The clocks of AWS and of this machine may differ by this much.
SKEW_MS = 5_000
FIELDS = {"sessionId", "authenticationToken", "clientAddress"}
TOKEN = re.compile(r"(\d{13})\.([0-9a-f]{32})\.([A-Za-z0-9_-]{1,344})\.([0-9a-f]{64})", re.ASCII)
NO = b'<auth result="no"/>'


def say(line):
    # In one piece: requests are answered side by side.
    sys.stdout.write(f"broch-dcv: {line}\n")
    sys.stdout.flush()


def read_metadata(path):
    """One value of the metadata service, version 2: a session first, then the value."""

    def ask(method, what, headers):
        request = urllib.request.Request(f"{METADATA}/latest/{what}", method=method, headers=headers)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=5) as answer:
            return answer.read().decode()

    token = ask("PUT", "api/token", {"X-aws-ec2-metadata-token-ttl-seconds": "60"})
    return ask("GET", f"meta-data/{path}", {"X-aws-ec2-metadata-token": token})


def read_machine():
    return {
        "instance": read_metadata("instance-id"),
        "workspace": read_metadata("tags/instance/broch:workspace"),
        "owner": read_metadata("tags/instance/broch:owner"),
    }


def yes(username):
    return f'<auth result="yes"><username>{escape(username)}</username></auth>'.encode()


class Verifier:
    """Judges tokens: each opens this machine's session, for the owner of the workspace, once."""

    def __init__(self, machine, read_password, now):
        self.machine, self.read_password, self.now = machine, read_password, now
        self.started, self.used, self.lock = now(), {}, threading.Lock()

    def explain(self, session, token):
        """Why the token opens nothing; None if it opens the session, which uses it up."""
        if session != self.machine["workspace"]:
            return "another session"
        match = TOKEN.fullmatch(token)
        if not match:
            return "not a token"
        text, nonce, person, signature = match.groups()
        signed = f"broch-dcv-desktop\n{self.machine['workspace']}\n{self.machine['instance']}\n{text}.{nonce}.{person}"
        key = self.read_password().encode()
        if not key or not hmac.compare_digest(hmac.digest(key, signed.encode(), "sha256").hex(), signature):
            return "signed by nobody who knows the password"
        owner = base64.urlsafe_b64encode(self.machine["owner"].encode()).decode().rstrip("=")
        if not hmac.compare_digest(owner, person):
            return "another person"
        expires, now = int(text), self.now()
        if now > expires:
            return "too late"
        if expires > now + MAX_LIFE_MS + SKEW_MS:
            return "valid for too long"
        # What was used before a restart is forgotten, so nothing that was made before it counts.
        if expires < self.started + MAX_LIFE_MS:
            return "from before this program started"
        with self.lock:
            self.used = {seen: end for seen, end in self.used.items() if end >= now}
            if nonce in self.used:
                return "used before"
            self.used[nonce] = expires
        return None


def read_form(body):
    """The fields of DCV's request, each exactly once; None for anything else."""
    try:
        pairs = urllib.parse.parse_qsl(
            body.decode("ascii"), keep_blank_values=True, strict_parsing=True, max_num_fields=len(FIELDS), errors="strict"
        )
    except ValueError:
        return None
    form = dict(pairs)
    return form if len(pairs) == len(FIELDS) and form.keys() == FIELDS else None


def make_handler(verifier, welcome):
    class Handler(http.server.BaseHTTPRequestHandler):
        timeout = 10

        def do_POST(self):
            length = self.headers.get("Content-Length", "")
            kind = self.headers.get("Content-Type", "").partition(";")[0].strip().lower()
            if self.path != "/" or kind != "application/x-www-form-urlencoded":
                return self.answer(400, NO)
            if not re.fullmatch(r"[0-9]{1,6}", length) or int(length) > MAX_BODY:
                return self.answer(413, NO)
            form = read_form(self.rfile.read(int(length)))
            if form is None:
                return self.answer(400, NO)
            reason = verifier.explain(form["sessionId"], form["authenticationToken"])
            # Neither the token nor anything else that somebody sent is logged.
            say("opened" if reason is None else f"refused: {reason}")
            self.answer(200, NO if reason else yes(RESEARCHER))
            if reason is None:
                welcome()

        def answer(self, status, body):
            self.close_connection = True
            self.send_response(status)
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()

        def log_message(self, *_):
            pass

    return Handler


def list_displays(proc=pathlib.Path("/proc")):
    """The displays of the researcher's sessions in DCV."""
    uid, displays = pwd.getpwnam(RESEARCHER).pw_uid, set()
    for entry in proc.iterdir():
        try:
            if not entry.name.isdigit() or entry.stat().st_uid != uid:
                continue
            command = (entry / "cmdline").read_bytes().decode().split("\0")
        except (OSError, UnicodeDecodeError):
            continue
        if command[0].endswith("Xdcv"):
            displays.update(word for word in command[1:] if re.fullmatch(r":[0-9]+", word))
    return sorted(displays)


def unlock():
    """A new link unlocks a locked screen, as one by RDP does."""
    for display in list_displays():
        command = ["/usr/sbin/runuser", "-u", RESEARCHER, "--", "/usr/bin/env", f"DISPLAY={display}"]
        subprocess.run([*command, "/etc/xrdp/reconnectwm.sh"], check=False)


def read_password():
    """The password that the agent reported last. Nothing until it has reported one."""
    return PASSWORD.read_text() if PASSWORD.exists() else ""


def verify():
    verifier = Verifier(read_machine(), read_password, lambda: int(time.time() * 1000))
    with http.server.ThreadingHTTPServer(("127.0.0.1", PORT), make_handler(verifier, unlock)) as server:
        server.serve_forever()


def settings_for(workspace):
    """DCV's configuration: https://docs.aws.amazon.com/dcv/latest/adminguide/config-param-ref.html"""
    if not re.fullmatch(r"ws-[0-9a-f]{12}", workspace):
        raise ValueError("the tag of the machine names no workspace")
    return f"""[session-management]
create-session=false

[session-management/defaults]
permissions-file="/etc/dcv/broch.perm"

[connectivity]
web-port={WEB_PORT}
web-url-path="/dcv/{workspace}"
enable-quic-frontend=false
idle-timeout=0

[security]
authentication="system"
auth-token-verifier="http://127.0.0.1:{PORT}"
no-tls-strict=false
os-auto-lock=false
"""


def configure():
    SETTINGS.write_text(settings_for(read_metadata("tags/instance/broch:workspace")))


def session_command(workspace):
    return [
        "/usr/bin/dcv",
        "create-session",
        "--type=virtual",
        f"--owner={RESEARCHER}",
        f"--user={RESEARCHER}",
        "--permissions-file=/etc/dcv/broch.perm",
        "--init=/etc/xrdp/startwm.sh",
        workspace,
    ]


def keep_session(run=subprocess.run, wait=time.sleep):
    """Starts the session, and again after somebody signed out, which ends it."""
    workspace = read_metadata("tags/instance/broch:workspace")
    while True:
        if run(["/usr/bin/dcv", "describe-session", workspace], capture_output=True, check=False).returncode:
            run(session_command(workspace), check=False)
        wait(5)


COMMANDS = {"configure": configure, "session": keep_session, "verify": verify}

if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in COMMANDS:
        sys.exit(f"usage: broch-dcv {'|'.join(COMMANDS)}")
    if os.geteuid() != 0:
        sys.exit("broch-dcv: run this as root.")
    COMMANDS[sys.argv[1]]()
