#!/usr/bin/python3 -I
"""The door to desktops that Amazon DCV shows. It runs on the gateway, on loopback, behind nginx (files/dcv-door.conf).

  POST /open   the form of the page of links: a pass that Broch signed (functions/workspaces/dcv-link.ts). It answers where to
               go, with a cookie for that one desktop
  GET  /check  nginx asks this before each request for a desktop: 204 with the address for whoever has the cookie, else 403

Without a pass nobody reaches a desktop, and nobody learns whether one is there. The key of links comes from BROCH_KEY.
"""

import base64
import hmac
import http.server
import ipaddress
import json
import os
import re
import secrets
import threading
import time
import urllib.parse

PORT = 8082
MAX_BODY = 8192
MAX_LIFE_MS = 60_000
SKEW_MS = 5_000
# How long a cookie is good for after it was last shown. Each desktop asks its own token of its own first request.
REST_SECONDS = 12 * 3600
MAX_COOKIES = 10_000
PASS = re.compile(r"([A-Za-z0-9_-]{1,4000})\.([0-9a-f]{64})", re.ASCII)
# The addresses that a project can have.
PRIVATE = [ipaddress.ip_network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")]
WORKSPACE = re.compile(r"ws-[0-9a-f]{12}", re.ASCII)
TOKEN = re.compile(r"[A-Za-z0-9._-]{1,1000}", re.ASCII)
PLACE = re.compile(r"/dcv/(ws-[0-9a-f]{12})/", re.ASCII)
COOKIE = re.compile(r"(?:^|;\s*)broch-dcv=([0-9a-f]{64})(?:;|$)", re.ASCII)


class Door:
    def __init__(self, key, now):
        self.key, self.now = bytes.fromhex(key), now
        self.used, self.cookies, self.lock = {}, {}, threading.Lock()

    def read(self, text):
        """What a pass says, if Broch signed it, it is not too old and nobody used it; else None."""
        match = PASS.fullmatch(text)
        if not match:
            return None
        content, signature = match.groups()
        signed = hmac.digest(self.key, f"broch-dcv-door\n{content}".encode(), "sha256").hex()
        if not hmac.compare_digest(signed, signature):
            return None
        said = json.loads(base64.urlsafe_b64decode(content + "=" * (-len(content) % 4)))
        workspace, address, expires, token = (said[name] for name in ("workspace", "address", "expires", "token"))
        now = int(self.now() * 1000)
        if not WORKSPACE.fullmatch(workspace) or not TOKEN.fullmatch(token):
            return None
        if not any(ipaddress.IPv4Address(address) in network for network in PRIVATE) or not now <= expires <= now + MAX_LIFE_MS + SKEW_MS:
            return None
        with self.lock:
            self.used = {seen: end for seen, end in self.used.items() if end >= now}
            if signature in self.used:
                return None
            self.used[signature] = expires
        return workspace, address, token

    def open(self, text):
        """Where the browser goes, and its cookie."""
        try:
            said = self.read(text)
        except (ValueError, KeyError, TypeError):
            said = None
        if said is None:
            return None
        workspace, address, token = said
        cookie, now = secrets.token_hex(32), self.now()
        with self.lock:
            self.cookies = {name: row for name, row in self.cookies.items() if row[2] > now}
            if len(self.cookies) >= MAX_COOKIES:
                return None
            self.cookies[cookie] = (workspace, address, now + REST_SECONDS)
        return f"/dcv/{workspace}/?authToken={token}#{workspace}", cookie, workspace

    def check(self, uri, cookies):
        """The address of the desktop that the request may reach; None if it may reach none."""
        place, names = PLACE.match(uri), COOKIE.findall(cookies)
        if not place:
            return None
        with self.lock:
            for name in names:
                workspace, address, rest = self.cookies.get(name, ("", "", 0))
                if workspace == place.group(1) and rest > self.now():
                    self.cookies[name] = (workspace, address, self.now() + REST_SECONDS)
                    return address
        return None


def read_pass(body):
    try:
        pairs = urllib.parse.parse_qsl(body.decode("ascii"), strict_parsing=True, max_num_fields=1, errors="strict")
    except ValueError:
        return ""
    return pairs[0][1] if len(pairs) == 1 and pairs[0][0] == "pass" else ""


def make_handler(door):
    class Handler(http.server.BaseHTTPRequestHandler):
        timeout = 10

        def do_POST(self):
            length = self.headers.get("Content-Length", "")
            if self.path != "/open" or not re.fullmatch(r"[0-9]{1,6}", length) or int(length) > MAX_BODY:
                return self.answer(400)
            opened = door.open(read_pass(self.rfile.read(int(length))))
            if opened is None:
                return self.answer(403)
            place, cookie, workspace = opened
            self.answer(
                200,
                {
                    "Content-Type": "application/json",
                    "Cache-Control": "no-store",
                    "Set-Cookie": f"broch-dcv={cookie}; Path=/dcv/{workspace}/; Secure; HttpOnly; SameSite=Strict",
                },
                json.dumps({"place": place}).encode(),
            )

        def do_GET(self):
            uri, cookies = self.headers.get("X-Original-URI", ""), self.headers.get("Cookie", "")
            address = door.check(uri, cookies) if self.path == "/check" else None
            self.answer(204, {"X-Desktop": address}) if address else self.answer(403)

        def answer(self, status, headers={}, body=b""):
            self.close_connection = True
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if status != 204:
                self.send_header("Content-Length", str(len(body)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()

        def log_message(self, *_):
            pass

    return Handler


if __name__ == "__main__":
    the_door = Door(os.environ.pop("BROCH_KEY"), time.time)
    with http.server.ThreadingHTTPServer(("127.0.0.1", PORT), make_handler(the_door)) as server:
        server.serve_forever()
