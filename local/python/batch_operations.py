"""S3 Batch Operations as the embedded cloud has it: jobs that compute the SHA-256 of stored objects.

MiniStack has no jobs. Here a job really reads the objects of its list, with the rights of its role, computes the checksums
and writes the report that AWS writes:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-examples-reports.html. Lists and reports are as strict as there:
no list under a customer-managed key, and reports under S3's own keys only.
"""

import base64
import csv
import hashlib
import io
import json
import os
import threading
import uuid
from datetime import datetime, timezone
from urllib.parse import quote, unquote
from xml.etree import ElementTree

from ministack import app as ministack
from ministack.core.responses import get_account_id, get_region
from ministack.services import iam, s3, sts

JOBS = "/v20180820/jobs"
SERVICE = "batchoperations.s3.amazonaws.com"
_jobs: dict[str, dict] = {}
_handle_other = ministack._handle_s3_control_request


def _client(role_arn):
    """S3 with the rights of the role, as the service has it."""
    import boto3

    name, account = role_arn.rsplit("/", 1)[-1], role_arn.split(":")[4]
    seed = hashlib.sha256(role_arn.encode()).hexdigest()
    key, secret, token = f"ASIA{seed[:16].upper()}", f"batch-{seed}", f"token-{seed}"
    sts.register_session(
        key,
        {
            "Arn": f"arn:aws:sts::{account}:assumed-role/{name}/s3-batch-operations",
            "UserId": f"{name}:s3-batch-operations",
            "SecretAccessKey": secret,
            "SessionToken": token,
        },
    )
    session = boto3.session.Session(key, secret, token, region_name=os.environ.get("AWS_REGION", "eu-west-2"))
    return session.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"])


def _is_trusted(role_arn):
    role = iam._roles.get(role_arn.rsplit("/", 1)[-1])
    return role is not None and SERVICE in json.dumps(role.get("AssumeRolePolicyDocument"))


def _text(element, path):
    return element.findtext("/".join(f"{{*}}{name}" for name in path.split("/"))) or ""


def _split(arn):
    bucket, _, key = arn.split(":::", 1)[1].partition("/")
    return bucket, key


def _read_list(client, job):
    bucket, key = _split(job["list"])
    found = client.get_object(Bucket=bucket, Key=key)
    if found.get("ServerSideEncryption") not in (None, "AES256"):
        raise ValueError("ManifestAccessDenied: the manifest is encrypted with a customer-managed key")
    if found["ETag"].strip('"') != job["etag"]:
        raise ValueError("ManifestETagMismatch: the manifest has another ETag")
    return [row for row in csv.reader(io.StringIO(found["Body"].read().decode())) if row]


def _compute(client, bucket, key, version):
    """A row of the report. Its columns are not in the order that the schema of AWS's report names."""
    from botocore.exceptions import ClientError

    row = [bucket, quote(key), version]
    try:
        found = client.get_object(Bucket=bucket, Key=key, VersionId=version)
        digest = hashlib.sha256()
        for piece in found["Body"].iter_chunks(1 << 20):
            digest.update(piece)
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        return False, [*row, "failed", str(status), error.response["Error"]["Code"], error.response["Error"]["Message"]]
    message = {
        "checksum_base64": base64.b64encode(digest.digest()).decode(),
        "etag": found["ETag"].strip('"'),
        "checksumAlgorithm": "SHA256",
        "checksumType": "FULL_OBJECT",
        "checksum_hex": digest.hexdigest().upper(),
    }
    return True, [*row, "succeeded", "200", "", json.dumps(message, separators=(",", ":"))]


def _write_report(client, job, rows):
    bucket, _ = _split(job["report"])
    folder = f"{job['prefix']}/job-{job['id']}"
    results = []
    for status, wanted in (("succeeded", True), ("failed", False)):
        lines = io.StringIO()
        csv.writer(lines, lineterminator="\n").writerows(row for done, row in rows if done is wanted)
        if not lines.getvalue():
            continue
        body = lines.getvalue().encode()
        key = f"{folder}/results/{hashlib.sha1(body).hexdigest()}.csv"
        client.put_object(Bucket=bucket, Key=key, Body=body, ServerSideEncryption="AES256")
        checksum = hashlib.md5(body).hexdigest()
        results.append({"TaskExecutionStatus": status, "Bucket": bucket, "MD5Checksum": checksum, "Key": key})
    manifest = {
        "Format": "Report_CSV_20180820",
        "ReportCreationDate": datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "Results": results,
        "ReportSchema": "Bucket, Key, VersionId, TaskStatus, ErrorCode, HTTPStatusCode, ResultMessage",
    }
    client.put_object(
        Bucket=bucket, Key=f"{folder}/manifest.json", Body=json.dumps(manifest), ServerSideEncryption="AES256"
    )


def _run(job):
    try:
        client = _client(job["role"])
        job["status"] = "Active"
        rows = [_compute(client, bucket, unquote(key), version) for bucket, key, version in _read_list(client, job)]
        _write_report(client, job, rows)
        job["status"] = "Complete"
    except Exception as error:  # noqa: BLE001: whatever it is, the job has failed and says why.
        job["status"], job["failure"] = "Failed", str(error)


def _refuse(code, message, status=400):
    return s3.s3control_error(code, message, status)


def _create(body):
    request = ElementTree.fromstring(body)
    token = _text(request, "ClientRequestToken")
    for job in _jobs.values():
        if job["token"] == token:
            return _created(job) if job["body"] == body else _refuse("IdempotencyException", "The token was used before.")
    operation = request.find("{*}Operation/{*}S3ComputeObjectChecksum")
    if operation is None:
        return _refuse("InvalidRequest", "Only the operation S3ComputeObjectChecksum is played.")
    if (_text(operation, "ChecksumAlgorithm"), _text(operation, "ChecksumType")) != ("SHA256", "FULL_OBJECT"):
        return _refuse("InvalidRequest", "Only the SHA-256 of whole objects is played.")
    role = _text(request, "RoleArn")
    if not _is_trusted(role):
        return _refuse("InvalidRequest", f"{SERVICE} cannot assume the role {role}.")
    fields = [field.text for field in request.findall("{*}Manifest/{*}Spec/{*}Fields/{*}member")]
    if fields != ["Bucket", "Key", "VersionId"]:
        return _refuse("InvalidRequest", f"The fields {fields} of a list are not played.")
    job = {
        "id": str(uuid.uuid4()),
        "token": token,
        "body": body,
        "role": role,
        "status": "New",
        "list": _text(request, "Manifest/Location/ObjectArn"),
        "etag": _text(request, "Manifest/Location/ETag").strip('"'),
        "report": _text(request, "Report/Bucket"),
        "prefix": _text(request, "Report/Prefix"),
    }
    _jobs[job["id"]] = job
    threading.Thread(target=_run, args=(job,), daemon=True).start()
    return _created(job)


def _answer(name, content):
    body = f'<?xml version="1.0" encoding="UTF-8"?><{name} xmlns="{s3.S3CONTROL_NS}">{content}</{name}>'
    return 200, {"Content-Type": "application/xml"}, body.encode()


def _created(job):
    return _answer("CreateJobResult", f"<JobId>{job['id']}</JobId>")


def _describe(job):
    failure = job.get("failure")
    code, _, reason = (failure or "").partition(": ")
    reasons = f"<FailureReasons><member><FailureCode>{code}</FailureCode><FailureReason>{reason}</FailureReason></member></FailureReasons>"
    content = f"<JobId>{job['id']}</JobId><Status>{job['status']}</Status>{reasons if failure else ''}"
    return _answer("DescribeJobResult", f"<Job>{content}</Job>")


async def _handle(path, method, body, query_params, request_id, headers=None):
    if not path.startswith(JOBS):
        return await _handle_other(path, method, body, query_params, request_id, headers)
    job_id = path[len(JOBS) :].strip("/")
    if method == "POST" and not job_id:
        action, resource, context = "s3:CreateJob", "*", {"s3:RequestJobOperation": "S3ComputeObjectChecksum"}
    elif method == "GET" and job_id:
        action, context = "s3:DescribeJob", {}
        resource = f"arn:aws:s3:{get_region()}:{get_account_id()}:job/{job_id}"
    else:
        return _refuse("MethodNotAllowed", f"{method} {path} is not played.", 405)
    denied = ministack._enforce_data_plane(
        "s3", action, headers or {}, query_params, request_id, resource_arn=resource, service_context=context
    )
    if denied:
        return denied
    if action == "s3:CreateJob":
        role = _text(ElementTree.fromstring(body), "RoleArn")
        passed = {"iam:PassedToService": SERVICE}
        denied = ministack._enforce_data_plane(
            "s3", "iam:PassRole", headers or {}, query_params, request_id, resource_arn=role, service_context=passed
        )
        return denied or _create(body)
    job = _jobs.get(job_id)
    return _describe(job) if job else _refuse("NoSuchJob", "The specified job does not exist.", 404)


ministack._handle_s3_control_request = _handle
