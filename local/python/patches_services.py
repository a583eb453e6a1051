"""Corrections of what services do."""

PATCHES = {
    # AWS answers with an error that names an image which the repository does not hold; it never leaves the image out.
    "ministack.services.ecr": [
        (
            '''            if match:
                filtered.append(match)
''',
            '''            if not match:
                return error_response_json(
                    "ImageNotFoundException",
                    f"The image with imageId {{imageDigest:'{iid.get('imageDigest', 'null')}', "
                    f"imageTag:'{iid.get('imageTag', 'null')}'}} does not exist within the repository with name "
                    f"'{name}' in the registry with id '{_registry_id()}'",
                    400,
                )
            filtered.append(match)
''',
        ),
    ],
    # A rule invokes a function asynchronously: with retries and a destination for failed events.
    "ministack.services.eventbridge": [
        (
            """    threading.Thread(
        target=lambda_svc._execute_function_with_config_scope, args=(exec_record, event), daemon=True
    ).start()
    logger.info("EventBridge → Lambda %s: dispatched", func_name)""",
            """    lambda_svc.invoke_async_with_retry(exec_record, event)
    logger.info("EventBridge → Lambda %s: dispatched", func_name)""",
        ),
        # The account's root may publish events of AWS services, as it stands in for AWS here.
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
    # An instance's address lies in its subnet, and no other instance there has it.
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
    used = {inst["PrivateIpAddress"] for inst in _instances.values() if inst["State"]["Name"] != "terminated"}
    # AWS keeps the first four addresses of a subnet and the last.
    count = block.num_addresses - 5
    first = random.randrange(count)
    addresses = (str(block[4 + (first + step) % count]) for step in range(count))
    if address := next((each for each in addresses if each not in used), None):
        return address
    raise ValueError("the subnet has no free address")


def _random_ip(prefix):""",
        ),
    ],
    # The timeout of a task may be an expression. A task token belongs to a state machine: the right to answer it is limited
    # to that machine. A function that fails before it keeps its token fails the task. A task that finds no free function
    # fails with AWS's error for that, and also waits for one where waits are skipped: what can run at once is real.
    "ministack.services.stepfunctions": [
        ("import re\nimport threading\n", "import random\nimport re\nimport threading\n"),
        (
            """        body = result.get("body", {})
        if isinstance(body, dict):
            # AWS reports""",
            """        body = result.get("body", {})
        text = body if isinstance(body, str) else json.dumps(body)
        if text.startswith('{"__type": "TooManyRequestsException"'):
            raise _ExecutionError("Lambda.TooManyRequestsException", text)
        if isinstance(body, dict):
            # AWS reports""",
        ),
        (
            """                _scaled_sleep(min(sleep_sec, 60))
                retry_counts[retrier_idx] = count + 1
""",
            """                if err.error == "Lambda.TooManyRequestsException" and _SFN_WAIT_SCALE < 1:
                    time.sleep(random.uniform(0, min(sleep_sec, 8)))
                else:
                    _scaled_sleep(min(sleep_sec, 60))
                retry_counts[retrier_idx] = count + 1
""",
        ),
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
        (
            """                task_result = _invoke_with_callback(
                    resource, effective, ctx["Task"]["Token"], state_def)
""",
            """                timeout = _apply_jsonata_template(state_def.get("TimeoutSeconds", 99999), raw_input, ctx)
                task_result = _invoke_with_callback(
                    resource, effective, ctx["Task"]["Token"], {**state_def, "TimeoutSeconds": timeout})
""",
        ),
        # The caller gets its answer before the first step runs; this delay is long enough for that.
        (
            """    if not execution:
        return

    time.sleep(0.15)
""",
            """    if not execution:
        return

    time.sleep(0.01)
""",
        ),
        # The SDK's names of what EC2 answers about zones.
        (
            "    # Members whose SDK name the suffix rule cannot reach at all.\n",
            "    # Members whose SDK name the suffix rule cannot reach at all.\n"
            '    "availabilityZoneInfo": "AvailabilityZones",\n'
            '    "zoneState": "State",\n',
        ),
        ("_SFN_WAIT_SCALE = _parse_wait_scale()\n", "_SFN_WAIT_SCALE = _parse_wait_scale()\n_token_machines = {}\n"),
    ],
    # CloudFormation sets a bucket's Object Lock and its default retention.
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
}
