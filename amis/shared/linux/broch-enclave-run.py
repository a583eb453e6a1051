#!/usr/bin/python3 -I
"""Runs the enclave that this machine was launched for, by the contract in amis/README.md, and reports what it leaves.

It runs as root, once, after the start. It hands over ciphertext, the manifest and short-lived credentials; it sees no key.
"""

import json
import os
import pathlib
import runpy
import subprocess
import time

AGENT = "/usr/local/sbin/broch-enclave-agent"
FOLDER = pathlib.Path("/var/lib/broch-enclave")
IMAGE = "/usr/share/broch/loader.eif"
ALLOCATOR = pathlib.Path("/etc/nitro_enclaves/allocator.yaml")
PROXY = pathlib.Path("/etc/nitro_enclaves/vsock-proxy-broch.yaml")
# The loader's ports: enclave/loader/main.go.
PARENT_PORT, KMS_PORT = 9000, 8000
# The result comes last: who sees it, sees the rest.
REPORTS = ("attestation", "outputs", "failure", "result")


def session(role, metadata):
    """The credentials of the instance's role and the keys of the parties, as the loader reads them."""
    held = json.loads(metadata(f"iam/security-credentials/{role}"))
    return {"accessKeyId": held["AccessKeyId"], "secretAccessKey": held["SecretAccessKey"], "sessionToken": held["Token"]}


def write_session(credentials, keys, folder=FOLDER):
    """Replaces the file in one step, because the enclave reads it again for each key."""
    (folder / "session.part").write_text(json.dumps({"credentials": credentials, "keys": keys}))
    (folder / "session.part").replace(folder / "session")


def prepare(order, credentials, fetch, folder=FOLDER):
    """Lays out what the parent hands over: the manifest, the session and the packed files, each by its SHA-256."""
    (folder / "objects").mkdir(parents=True, mode=0o700)
    (folder / "manifest").write_text(order["manifest"])
    write_session(credentials, order["keys"], folder)
    for digest, key in order["objects"].items():
        fetch(key, str(folder / "objects" / digest))


def commands(order, region):
    """What starts the enclave, in order. Without --debug-mode nobody can read it."""
    proxy = ["/usr/bin/vsock-proxy", str(KMS_PORT), f"kms.{region}.amazonaws.com", "443", "--config", str(PROXY)]
    parent = ["/usr/local/sbin/broch-enclave-parent", "-folder", str(FOLDER), "-listen", f"vsock:{PARENT_PORT}"]
    size = ["--cpu-count", str(order["vcpus"]), "--memory", str(order["memoryMiB"])]
    return proxy, parent, ["/usr/bin/nitro-cli", "run-enclave", "--eif-path", IMAGE, *size]


def is_running(run_tool):
    """Whether an enclave runs, or None if nitro-cli does not answer."""
    try:
        return any(enclave["State"] == "RUNNING" for enclave in json.loads(run_tool("/usr/bin/nitro-cli", "describe-enclaves")))
    except (KeyError, TypeError, ValueError):
        return None


def report(upload, put, running, renew, folder=FOLDER, wait=lambda: time.sleep(15), most=7200):
    """Reports every 15 seconds, each answer of the loader once, until a result, a failure, or the end of the enclave.

    Sends a heartbeat only while the enclave runs, and renews the credentials of the session with each heartbeat.
    """
    told = set()
    for _ in range(most):
        # Asked before the answers are read: an enclave that has stopped wrote its last answer before.
        alive = running()
        if alive:
            put("heartbeat", b"{}")
            renew()
        # Looked at before anything is reported, so that a result is never reported before what belongs to it.
        there = [name for name in REPORTS if (folder / name).exists() and name not in told]
        for name in there:
            upload(str(folder / name), name)
            told.add(name)
        if told & {"failure", "result"}:
            return
        if alive is False:
            put("failure", b"the enclave stopped without an answer")
            return
        wait()


def main():
    import boto3

    agent = runpy.run_path(AGENT)
    metadata = agent["read_metadata"]
    run, bucket, role = (metadata(f"tags/instance/broch:{name}") for name in ("enclave", "bucket", "role"))
    region = metadata("placement/region")
    s3 = boto3.client("s3", region_name=region)
    order = json.loads(s3.get_object(Bucket=bucket, Key=f"data/enclaves/{run}.json")["Body"].read())
    profile = metadata("iam/security-credentials/").strip()
    os.umask(0o077)
    prepare(order, session(profile, metadata), lambda key, path: s3.download_file(bucket, key, path))
    ALLOCATOR.write_text(f"memory_mib: {order['memoryMiB']}\ncpu_count: {order['vcpus']}\n")
    subprocess.run(["/usr/bin/systemctl", "restart", "nitro-enclaves-allocator.service"], check=True)
    PROXY.write_text(f"allowlist:\n- {{address: kms.{region}.amazonaws.com, port: 443}}\n")
    proxy, parent, enclave = commands(order, region)
    for command in (proxy, parent):
        subprocess.Popen(command)
    prefix = f"agents/{role}:{metadata('instance-id')}/enclave"

    def put(name, body):
        s3.put_object(Bucket=bucket, Key=f"{prefix}/{name}", Body=body)

    if subprocess.run(enclave).returncode != 0:
        put("failure", b"the enclave did not start")
        return
    report(
        lambda path, name: s3.upload_file(path, bucket, f"{prefix}/{name}"),
        put,
        lambda: is_running(agent["run_tool"]),
        lambda: write_session(session(profile, metadata), order["keys"]),
    )


if __name__ == "__main__":
    main()
