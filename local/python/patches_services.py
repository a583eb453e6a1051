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
    # The name of a Lambda's error: Retry and Catch of our workflows match it.
    "ministack.core.lambda_runtime": [
        (
            'status: "error", error: String(err.message || err), trace: err.stack || ""',
            'status: "error", error: String(err.message || err), errorType: err.name, trace: err.stack || ""',
        ),
        # A function that throws keeps its process, as on AWS; only a process that ended is started again.
        (
            """            response = result_box[0]
            if response.get("status") == "error":
                proc, self._proc""",
            """            response = result_box[0]
            if response.get("status") == "error" and not response.get("errorType"):
                proc, self._proc""",
        ),
        # A handler's log lines are in the pipe before its answer, so there is no need to wait for silence.
        ("        first_line_wait: float = 0.050,\n", "        first_line_wait: float = 0.004,\n"),
        ("        idle_confirm: float = 0.005,\n        hard_cap", "        idle_confirm: float = 0.002,\n        hard_cap"),
        # All processes of a function share its unpacked code, and all functions the modules that they have in common (their
        # names hold a hash of the content): so Node's compile cache has each once. test/access.test.ts holds that no function
        # lacks one.
        (
            """        code_dir = os.path.join(self._tmpdir, "code")
        os.makedirs(code_dir)
        with open(os.path.join(self._tmpdir, "code.zip"), "wb") as f:
            f.write(self.code_zip)
        with zipfile.ZipFile(os.path.join(self._tmpdir, "code.zip")) as zf:
            zf.extractall(code_dir)
""",
            """        code_dir = _unpacked(self.code_zip)
""",
        ),
        (
            "def _worker_key(func_name: str, config: dict, qualifier: str) -> str:",
            """_unpack_lock = threading.Lock()


def _unpacked(code_zip):
    import io
    folder = os.path.join(tempfile.gettempdir(), "code-" + hashlib.sha256(code_zip).hexdigest()[:32])
    with _unpack_lock:
        if not os.path.exists(folder):
            with zipfile.ZipFile(io.BytesIO(code_zip)) as zf:
                zf.extractall(folder + ".part")
            shared = os.path.join(tempfile.gettempdir(), "code-modules")
            os.makedirs(shared, exist_ok=True)
            for name in os.listdir(folder + ".part"):
                if name == "index.mjs" or not name.endswith(".mjs"):
                    continue
                os.replace(os.path.join(folder + ".part", name), os.path.join(shared, name))
                os.symlink(os.path.join(shared, name), os.path.join(folder + ".part", name))
            os.rename(folder + ".part", folder)
    return folder


def _worker_key(func_name: str, config: dict, qualifier: str) -> str:""",
        ),
        (
            """        _realStdoutWrite(JSON.stringify({ status: "ready", cold: true }) + "\\n");
""",
            """        _realStdoutWrite(JSON.stringify({ status: "ready", cold: true }) + "\\n");
        require("module").flushCompileCache();
""",
        ),
    ],
    "ministack.services.lambda_svc": [
        # Events wait for room, and leave a part of it to calls that cannot wait. Only an event that a function failed on is
        # given up after two retries: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
        (
            """            last_result = _execute_function(func, event)
            log_output = last_result.get("log", "")
            if log_output:
                logger.info("Lambda %s async output (attempt %d):""",
            """            with _room_for_events:
                last_result = _execute_function(func, event)
            pause = 0.1
            while last_result.get("throttle") and time.time() - started + pause < max_event_age:
                time.sleep(pause)
                pause = min(pause * 2, 2)
                with _room_for_events:
                    last_result = _execute_function(func, event)
            log_output = last_result.get("log", "")
            if log_output:
                logger.info("Lambda %s async output (attempt %d):""",
        ),
        (
            "_LAMBDA_ASYNC_RETRY_MAX_SECONDS = float(",
            """_room_for_events = threading.Semaphore(max(1, _ACCOUNT_CONCURRENCY_CAP * 3 // 4))
_LAMBDA_ASYNC_RETRY_MAX_SECONDS = float(""",
        ),
        # A function that reads a table's stream names the record from which it must be called again.
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
