"""MiniStack, mended where it answers otherwise than AWS and something of ours would notice: `hypercorn emulator:app`.

Each mend replaces a piece of one module's source as it is imported. A piece that isn't there exactly once stops the
start, so that another release of MiniStack can't silently run unmended.
"""

import importlib.abc
import importlib.machinery
import os
import sys

MENDS = {
    # A Lambda's error is known by its name: Retry and Catch of our workflows ask for it.
    "ministack.core.lambda_runtime": [
        (
            'status: "error", error: String(err.message || err), trace: err.stack || ""',
            'status: "error", error: String(err.message || err), errorType: err.name, trace: err.stack || ""',
        ),
    ],
    "ministack.services.lambda_svc": [
        # A function that follows a table says from which row on it is to be called again.
        (
            """            raw_len = len(batch)
            batch = _apply_filter_criteria(batch, esm)
            if not batch:
                # All records filtered — advance position so we don't re-evaluate.
                with _dynamodb_stream_positions_lock:""",
            """            raw_len = len(batch)
            order = [record["dynamodb"]["SequenceNumber"] for record in batch]
            batch = _apply_filter_criteria(batch, esm)
            if not batch:
                # All records filtered — advance position so we don't re-evaluate.
                with _dynamodb_stream_positions_lock:""",
        ),
        (
            """            else:
                processed_any = True
                _esm_backoff_until.pop(esm_id, None)
                with _dynamodb_stream_positions_lock:
                    _dynamodb_stream_positions[esm_id] = pos + raw_len
                esm["LastProcessingResult"] = f"OK - {len(batch)} records\"""",
            """            else:
                processed_any = True
                _esm_backoff_until.pop(esm_id, None)
                body = result.get("body") if "ReportBatchItemFailures" in esm.get("FunctionResponseTypes", []) else None
                body = json.loads(body) if isinstance(body, str) else body or {}
                failed = {item.get("itemIdentifier") for item in body.get("batchItemFailures") or []}
                done = min([order.index(one) if one in order else 0 for one in failed], default=raw_len)
                if failed:
                    _esm_backoff_until[esm_id] = time.time() + _ESM_BACKOFF_SECONDS
                with _dynamodb_stream_positions_lock:
                    _dynamodb_stream_positions[esm_id] = pos + done
                esm["LastProcessingResult"] = f"OK - {len(batch)} records\"""",
        ),
        (
            """            error_type = "Runtime.HandlerError"
            if _RIE_TIMEOUT_TEXT_RE.fullmatch(error_msg):""",
            """            error_type = result.get("errorType") or "Runtime.HandlerError"
            if _RIE_TIMEOUT_TEXT_RE.fullmatch(error_msg):""",
        ),
    ],
    "ministack.core.iam_evaluator": [
        # Policy variables, such as the aws:userid in the prefix that an instance may write to.
        (
            "    if resources:\n        return any(fnmatch_iam_cs(resource_arn, p) for p in resources)",
            "    if resources:\n"
            "        return any(fnmatch_iam_cs(resource_arn, p) for p in map(_with_variables(ctx), resources))",
        ),
        (
            "def _resource_matches(resource_arn: str, resources: list[str],\n"
            "                      not_resources: list[str]) -> bool:",
            """def _with_variables(ctx):
    def value(found):
        known = _resolve_condition_key(found.group(1), ctx)
        return known if isinstance(known, str) else found.group(0)
    return lambda pattern: re.sub(r"\\$\\{([\\w:/-]+)\\}", value, pattern)


def _resource_matches(resource_arn: str, resources: list[str],
                      not_resources: list[str], ctx) -> bool:""",
        ),
        (
            "_resource_matches(ctx.resource_arn, stmt.resources, stmt.not_resources)",
            "_resource_matches(ctx.resource_arn, stmt.resources, stmt.not_resources, ctx)",
        ),
        # Who has taken a role is known to policies by the role's own ARN.
        (
            """    if k == "aws:principalarn":
        return ctx.principal_arn
""",
            """    if k == "aws:principalarn":
        from ministack.services import iam as iam_svc
        role = iam_svc._roles.get(_role_name_from_assumed_arn(ctx.principal_arn))
        return role["Arn"] if role and ":assumed-role/" in ctx.principal_arn else ctx.principal_arn
""",
        ),
        # An instance's session calls from inside its network, through the gateway endpoint there.
        (
            """    tags = list((entity or {}).get("Tags") or [])
    session = sts_svc._sessions.get(credential.access_key_id)""",
            """    from ministack.services import ec2 as ec2_svc
    instance = ec2_svc._instances.get(str(credential.principal_id).rpartition(":")[2])
    if credential.principal_type == "AssumedRole" and instance is not None:
        keys["aws:sourcevpc"] = instance["VpcId"]
    tags = list((entity or {}).get("Tags") or [])
    session = sts_svc._sessions.get(credential.access_key_id)""",
        ),
    ],
    # A rule calls a function asynchronously: with retries, and a place for what it failed on.
    "ministack.services.eventbridge": [
        (
            """    threading.Thread(
        target=lambda_svc._execute_function_with_config_scope, args=(exec_record, event), daemon=True
    ).start()
    logger.info("EventBridge → Lambda %s: dispatched", func_name)""",
            """    lambda_svc.invoke_async_with_retry(exec_record, event)
    logger.info("EventBridge → Lambda %s: dispatched", func_name)""",
        ),
        # AWS's own events come from AWS, whom the account's root stands for here.
        (
            '        if not allow_aws_source and isinstance(source, str) and source.startswith("aws."):',
            '        if not (allow_aws_source or _plays_aws()) and isinstance(source, str) and source.startswith("aws."):',
        ),
        (
            "def _put_events(data, allow_aws_source=False):",
            """def _plays_aws():
    from ministack.core.iam_evaluator import caller_arn
    return caller_arn().endswith(":root")


def _put_events(data, allow_aws_source=False):""",
        ),
    ],
    # An instance has an address of its subnet.
    "ministack.services.ec2": [
        (
            'private_ip = requested_private_ip or _random_ip("10.0.")',
            'private_ip = requested_private_ip or _address_in(_subnets.get(subnet_id))',
        ),
        (
            "def _random_ip(prefix):",
            """def _address_in(subnet):
    import ipaddress
    block = ipaddress.ip_network((subnet or {}).get("CidrBlock", "10.0.0.0/16"))
    # AWS keeps the first four addresses of a subnet and the last.
    return str(block[random.randrange(4, block.num_addresses - 1)])


def _random_ip(prefix):""",
        ),
    ],
    # The tags of instances, for rights that are fenced to ours.
    "ministack.services.tagging": [
        (
            '_RESOURCE_TAG_COLLECTORS = {\n    "dynamodb": _collect_dynamodb,',
            """def _collect_instances():
    import ministack.services.ec2 as svc
    for resource, tags in svc._tags.items():
        if resource.startswith("i-"):
            yield f"arn:aws:ec2:{get_region()}:{_account()}:instance/{resource}", _normalise_list(tags)


_RESOURCE_TAG_COLLECTORS = {
    "ec2": _collect_instances,
    "dynamodb": _collect_dynamodb,""",
        ),
    ],
    # A task token belongs to a machine, which is what the right to answer it is fenced to; and a function that fails
    # instead of leaving its token fails the task.
    "ministack.services.stepfunctions": [
        (
            """        ctx["Task"] = {"Token": new_uuid()}
""",
            """        ctx["Task"] = {"Token": new_uuid()}
        _token_machines[ctx["Task"]["Token"]] = ctx.get("StateMachine", {}).get("Id", "*")
""",
        ),
        (
            """            _call_lambda(func_ref, lambda_payload)
        except _ExecutionError:
            pass
""",
            """            _call_lambda(func_ref, lambda_payload)
        except _ExecutionError:
            _task_tokens.pop(token, None)
            raise
""",
        ),
        ("_SFN_WAIT_SCALE = _parse_wait_scale()\n", "_SFN_WAIT_SCALE = _parse_wait_scale()\n_token_machines = {}\n"),
    ],
    "ministack.core.iam_actions": [
        # Tags that come with an object need the right to tag, too.
        (
            """        if action == "PutObject":
            source = _s3_source_object(headers)
""",
            """        if action == "PutObject":
            if headers.get("x-amz-tagging"):
                checks.append(("s3:PutObjectTagging", key_arn))
            source = _s3_source_object(headers)
""",
        ),
        # The partitions that a request to DynamoDB touches, each item of a transaction by itself.
        (
            """    context["dynamodb:Select"] = select
    return context
""",
            """    context["dynamodb:Select"] = select
    partitions = _leading_keys(data)
    if partitions:
        context["dynamodb:LeadingKeys"] = partitions
    return context


def _leading_keys(request):
    from ministack.services import dynamodb
    table = dynamodb._tables.get(str(request.get("TableName")).rpartition("/")[2]) or {}
    key = next((part["AttributeName"] for part in table.get("KeySchema", []) if part["KeyType"] == "HASH"), None)
    items = [request.get("Key") or {}, request.get("Item") or {}]
    names, values = request.get("ExpressionAttributeNames") or {}, request.get("ExpressionAttributeValues") or {}
    for left, right in re.findall(r"([#\\w]+)\\s*=\\s*(:\\w+)", request.get("KeyConditionExpression") or ""):
        items.append({names.get(left, left): values.get(right, {})})
    return [str(value) for item in items if key in item for value in item[key].values()]
""",
        ),
        (
            "                checks.append((action, _dynamodb_table_arn(table, region, account_id)))",
            "                checks.append((action, _dynamodb_table_arn(table, region, account_id), _leading_keys(detail)))",
        ),
        (
            """        arn = _safe_json_field(body, "activityArn")
        if arn:
            return arn
        name = _safe_json_field(body, "name")
""",
            """        arn = _safe_json_field(body, "activityArn")
        if arn:
            return arn
        token = _safe_json_field(body, "taskToken")
        if token:
            from ministack.services import stepfunctions
            return stepfunctions._token_machines.get(token, "*")
        name = _safe_json_field(body, "name")
""",
        ),
    ],
    # A bucket made by CloudFormation locks what it should lock.
    "ministack.services.cloudformation.provisioners": [
        (
            """        _s3._bucket_versioning[name] = "Enabled"
    if "NotificationConfiguration" in props:
        _s3_apply_notification(name, props["NotificationConfiguration"])
    _s3_apply_configurations(name, props)
    return name, _s3_attrs(name)
""",
            """        _s3._bucket_versioning[name] = "Enabled"
    if props.get("ObjectLockEnabled"):
        rule = (props.get("ObjectLockConfiguration") or {}).get("Rule") or {}
        retention = {**rule["DefaultRetention"]} if rule.get("DefaultRetention") else None
        if retention and "Days" in retention:
            retention["Days"] = int(retention["Days"])
        _s3._bucket_object_lock[name] = {"enabled": True, "default_retention": retention}
    if "NotificationConfiguration" in props:
        _s3_apply_notification(name, props["NotificationConfiguration"])
    _s3_apply_configurations(name, props)
    return name, _s3_attrs(name)
""",
        ),
    ],
    # An object of a versioned bucket is known by its version, also in the event of its creation. A copy takes the same
    # conditions as a put, and is locked as its own bucket says, not as what it was copied from.
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
    ],
    "ministack.app": [
        (
            """                for item_action, item_arn in transaction_checks:
""",
            """                for item_action, item_arn, item_partitions in transaction_checks:
                    item_context["dynamodb:LeadingKeys"] = item_partitions
""",
        ),
        # What a call to KMS binds its ciphertext to.
        (
            "            service_context = {**request_tag_context(service, iam_action, body, routing_params),",
            """            if service == "kms":
                try:
                    bound = json.loads(body or b"{}").get("EncryptionContext") or {}
                except (json.JSONDecodeError, UnicodeDecodeError, AttributeError):
                    bound = {}
                if bound:
                    service_context = {f"kms:EncryptionContext:{name}": value for name, value in bound.items()}
                    service_context["kms:EncryptionContextKeys"] = list(bound)
            service_context = {**request_tag_context(service, iam_action, body, routing_params),""",
        ),
    ],
}


class Mended(importlib.machinery.SourceFileLoader):
    def get_code(self, fullname):
        source = self.get_data(self.path).decode()
        for old, new in MENDS[fullname]:
            if source.count(old) != 1:
                raise ImportError(f"{fullname} is not as expected: {old.strip().splitlines()[0]!r}")
            source = source.replace(old, new)
        return compile(source, self.path, "exec", dont_inherit=True)


class Mender(importlib.abc.MetaPathFinder):
    def find_spec(self, fullname, path, target=None):
        if fullname not in MENDS:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path)
        if spec is not None:
            spec.loader = Mended(fullname, spec.origin)
        return spec


sys.meta_path.insert(0, Mender())

from ministack.app import app  # noqa: E402, F401

if os.environ.get("EMBEDDED_FAULTS") == "1":
    import faults

    app = faults.install(app)
