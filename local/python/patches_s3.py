"""Corrections of S3."""

PATCHES = {
    "ministack.app": [
        # S3 hides from a caller who may not list the bucket whether an object exists:
        # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html. HEAD answers without a body, as always.
        (
            """        status, resp_headers, resp_body = await handler(method, path, headers, body, query_params)
    except Exception as e:
        logger.exception("Error handling %s request: %s", service, e)""",
            """        status, resp_headers, resp_body = await handler(method, path, headers, body, query_params)
        if AUTH and service == "s3" and status == 404:
            hidden = _hidden_absence(method, path, headers, query_params, request_id, region, resp_body)
            status, resp_headers, resp_body = hidden or (status, resp_headers, resp_body)
    except Exception as e:
        logger.exception("Error handling %s request: %s", service, e)""",
        ),
        (
            "def _with_date_header(send):",
            """def _hidden_absence(method, path, headers, query_params, request_id, region, answer):
    from ministack.core.iam_actions import access_denied_response
    from ministack.core.iam_evaluator import enforce
    read = unquote(headers.get("x-amz-copy-source", "")) if method == "PUT" else path
    bucket, _, key = read.lstrip("/").partition("/")
    found = re.search(rb"<Code>(\\w+)</Code>", answer or b"")
    absent = found[1] in (b"NoSuchKey", b"NoSuchVersion") if found else method == "HEAD" and "/" in path.strip("/")
    if not key or not absent or method not in ("GET", "HEAD", "PUT"):
        return None
    access_key = extract_access_key_id(headers, query_params)
    arn = f"arn:aws:s3:::{bucket}"
    denied = enforce(access_key, "s3:ListBucket", "s3", region, resource_arn=arn, service_context={})
    if not denied:
        return None
    status, refused, body = access_denied_response(
        "s3", "s3:ListBucket", denied.principal_arn, request_id, headers=headers, resource_arn=arn)
    return status, refused, b"" if method == "HEAD" else body


def _with_date_header(send):""",
        ),
        (
            '        "stepfunctions._SFN_WAIT_SCALE",\n        "translate._JOB_RUN_SECONDS",\n        "transcribe._JOB_RUN_SECONDS",\n        "lambda_svc',
            '        "stepfunctions._SFN_WAIT_SCALE",\n        "s3._NAME_HOLD_SECONDS",\n'
            '        "translate._JOB_RUN_SECONDS",\n        "transcribe._JOB_RUN_SECONDS",\n        "lambda_svc',
        ),
    ],
    # The name of a deleted bucket is not free at once: https://repost.aws/knowledge-center/s3-conflicting-conditional-operation
    "ministack.services.cloudformation.provisioners": [
        (
            "    if _s3._bucket_owner_account(name) is None:\n        return None\n",
            "    if not _s3._is_taken_name(name):\n        return None\n",
        ),
        ("    if _s3._bucket_owner_account(name) is not None:\n", "    if _s3._is_taken_name(name):\n"),
        (
            "def _s3_delete(physical_id, props):\n",
            "def _s3_delete(physical_id, props):\n    _s3._deleted_names[physical_id] = _s3.time.monotonic()\n",
        ),
    ],
    # The event of a new object in a versioned bucket names its version. A copy obeys the same write conditions as a put, and
    # its lock follows its own bucket, not the source.
    "ministack.services.s3": [
        (
            """    src_lock_key = (src_bucket_name, src_key, src_obj.get("version_id"))
    for store in (_object_retention, _object_legal_hold):
        if src_lock_key in store and _bucket_object_lock.get(bucket_name):
            store[(bucket_name, dest_key, dest_version_id)] = copy.deepcopy(store[src_lock_key])
""",
            """    _apply_object_lock_from_headers(bucket_name, dest_key, headers, dest_version_id)
""",
        ),
        (
            "    # A canned ACL on the copy applies to the destination, as it does on a\n",
            """    taken = _check_put_preconditions(headers, dest_bucket.get("objects", {}).get(dest_key))
    if taken:
        return taken
    # A canned ACL on the copy applies to the destination, as it does on a
""",
        ),
        (
            '"object": {"key": key, "size": size, "etag": clean_etag, "sequencer": sequencer or "0"},',
            '"object": {"key": key, "size": size, "etag": clean_etag, "sequencer": sequencer or "0",\n'
            '                               **({"version-id": version_id} if version_id else {})},',
        ),
        # A range request for a version gives that range, as it does for the newest version.
        (
            """                include_checksums = (headers.get("x-amz-checksum-mode") or "").upper() == "ENABLED"
                vobj =""",
            """                range_header = headers.get("range", "")
                whole = not range_header
                include_checksums = whole and (headers.get("x-amz-checksum-mode") or "").upper() == "ENABLED"
                vobj =""",
        ),
        (
            """                if body is None:
                    break
                return 200, resp_headers, body
""",
            """                if body is None:
                    break
                if range_header:
                    rng = _parse_range(range_header, len(body))
                    if rng is None:
                        refused = _xml_body(_range_error_xml(bucket_name, key))
                        return 416, {"Content-Type": "application/xml"}, refused
                    start, end = rng
                    resp_headers["Content-Length"] = str(end + 1 - start)
                    resp_headers["Content-Range"] = f"bytes {start}-{end}/{len(body)}"
                    return 206, resp_headers, body[start : end + 1]
                return 200, resp_headers, body
""",
        ),
        (
            """def _bucket_owner_account(name: str) -> str | None:
""",
            """_NAME_HOLD_SECONDS = 3600
_deleted_names = {}


def _is_taken_name(name):
    deleted = _deleted_names.get(name)
    held = deleted is not None and time.monotonic() - deleted < float(_NAME_HOLD_SECONDS)
    return held or _bucket_owner_account(name) is not None


def _bucket_owner_account(name: str) -> str | None:
""",
        ),
        (
            """    if _bucket_owner_account(name) is not None:
        # "After creating a general""",
            """    if _is_taken_name(name):
        # "After creating a general""",
        ),
        (
            "    del _buckets[name]\n",
            "    del _buckets[name]\n    _deleted_names[name] = time.monotonic()\n",
        ),
    ],
}
