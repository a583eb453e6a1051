"""Corrections of Lambda functions."""

PATCHES = {
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
}
