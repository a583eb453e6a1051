"""Faults for tests: any AWS call of a Lambda may be throttled, refused, held, or carried out and its answer lost.

Only an emulator started with EMBEDDED_FAULTS=1 imports this, only a `POST /_faults` from loopback arms anything, and
only Lambdas whose event contains the text of a watch are affected. A call is known by the invocation that made it
(its X-Ray header) and by the SDK's own id, which all attempts of one call share.
"""

import asyncio
import json
import re
import secrets
import threading

from ministack import app as ministack
from ministack.core import iam_actions, lambda_runtime

EVERY = 1_000_000
INVOKE = "lambda:Invoke"
NOTHING = {"how": None}
S3_CONTROL = "/v20180820/"
LOOPBACK = ("127.0.0.1", "::1")
_lock = threading.Lock()
_watches: dict[str, dict] = {}
_invocations: dict[str, dict] = {}

THROTTLED = {
    "dynamodb": (400, "ProvisionedThroughputExceededException"),
    "s3": (503, "SlowDown"),
    "cognito-idp": (400, "TooManyRequestsException"),
    "ec2": (503, "RequestLimitExceeded"),
    # More than 50 calls a second of an operation: https://repost.aws/knowledge-center/aws-batch-requests-error
    "batch": (429, "TooManyRequestsException"),
}
BROKEN = {
    "throttle": (400, "ThrottlingException"),
    "error": (403, "AccessDenied"),
    "lost": (500, "InternalError"),
    # What S3 answers to a conditional write that meets another.
    "conflict": (409, "ConditionalRequestConflict"),
}


def _name(function, event):
    name = (function.get("Description") or function.get("FunctionName", "")).removeprefix("functions/")
    route = event.get("routeKey") if isinstance(event, dict) else None
    return f"{name} {route}" if route else name


def _rule(watch, invocation, call):
    """The rule for this call of this invocation. A rule applies to the first invocations that reach the call."""
    for rule in watch["rules"]:
        if rule["function"] != invocation["name"] or rule["action"] not in (call["action"], None):
            continue
        if rule["nth"] not in (call["same"] if rule["action"] else call["nth"], None):
            continue
        if rule["action"] is None and call["action"] == INVOKE:
            continue
        if invocation["id"] not in rule["hit"]:
            if len(rule["hit"]) >= rule["invocations"]:
                continue
            rule["hit"].append(invocation["id"])
        tries = rule["tries"].get((invocation["id"], call["nth"]), 0)
        if tries < rule["times"]:
            rule["tries"][(invocation["id"], call["nth"])] = tries + 1
            return rule
    return None


def _seen(invocation, sent, action, conditional=False):
    """Decides the result of one attempt of a call and records it. `sent` is the id that the SDK gives all attempts of a call."""
    with _lock:
        calls = invocation["calls"]
        if sent not in calls:
            tally = invocation["tally"]
            same = tally[action] = tally.get(action, 0) + 1
            calls[sent] = {"action": action, "nth": len(calls), "same": same, "conditional": conditional}
        met = None
        for watch in invocation["watches"]:
            rule = _rule(watch, invocation, calls[sent])
            met = met or rule
            about = {"function": invocation["name"], "invocation": invocation["id"], "how": met and met["how"]}
            watch["calls"].append({**about, **calls[sent]})
        invocation["met"] = invocation.get("met") or met
        return met or NOTHING


def _answer(service, how, action):
    status, code = (how == "throttle" and THROTTLED.get(service)) or BROKEN[how]
    # As on AWS, a refusal names the action that it refuses.
    message = f"a fault on purpose: not authorized to perform: {action}" if how == "error" else "a fault on purpose"
    if service == "s3":
        body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
        return status, {"Content-Type": "application/xml"}, body.encode()
    if service == "ec2":
        body = f"<?xml version='1.0'?><Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors></Response>"
        return status, {"Content-Type": "text/xml"}, body.encode()
    body = json.dumps({"__type": code, "message": message}).encode()
    return status, {"Content-Type": "application/x-amz-json-1.0", "x-amzn-errortype": code}, body


def _action(service, method, path, headers, body, query):
    if path.startswith(S3_CONTROL):
        job = {"POST": "s3:CreateJob", "GET": "s3:DescribeJob"}.get(method) if "/jobs" in path else None
        return job or iam_actions.s3control_action(method, path) or f"s3control:{method}"
    if service == "s3":
        part = "UploadPart" if "partNumber" in query else None
        copy = "Copy" if "x-amz-copy-source" in headers else ""
        if method == "PUT" and (part or copy):
            return f"s3:{part}{copy}" if part else "s3:CopyObject"
        if "uploads" in query or "uploadId" in query:
            by = {"POST": "Create" if "uploads" in query else "Complete", "DELETE": "Abort"}
            return f"s3:{by.get(method, 'List')}MultipartUpload"
    action = iam_actions.extract_iam_action(service, method, path, headers, body, query) or f"{service}:{method}"
    partition = re.search(rb'"pk":\s*\{"S":\s*"([A-Z]+)', body) if service == "dynamodb" else None
    return f"{action} {partition[1].decode()}" if partition else action


def _around(service, handler):
    async def handle(method, path, headers, body, query_params):
        invocation = _invocations.get(headers.get("x-amzn-trace-id", ""))
        if invocation is None:
            return await handler(method, path, headers, body, query_params)
        call = headers.get("amz-sdk-invocation-id") or id(headers)
        action = _action(service, method, path, headers, body, query_params)
        conditional = service == "s3" and method != "GET" and ("if-none-match" in headers or "if-match" in headers)
        rule = _seen(invocation, call, action, conditional)
        how = rule["how"]
        while how == "hold" and not rule["let_go"]:
            await asyncio.sleep(0.02)
        if how in ("throttle", "error", "conflict"):
            return _answer(service, how, action)
        answer = await handler(method, path, headers, body, query_params)
        return _answer(service, how, action) if how == "lost" else answer

    return handle


def _failed(kind):
    return {"status": "error", "error": "a fault on purpose", "errorType": kind, "log": "", "cold_start": False}


def _next_trace(trace_id):
    """A trace id for the next invocation with the same event, so that the calls of the two can be told apart."""
    return re.sub(r"Parent=\w+", f"Parent={secrets.token_hex(8)}", trace_id)


def _failing(result):
    """Whether the caller would repeat this invocation."""
    if result.get("status") == "error":
        return True
    answer = result.get("result")
    return isinstance(answer, dict) and answer.get("statusCode", 200) >= 500


def _outnumbered(watches, name):
    """Whether this function has more faults left than its caller's own retries can reach."""
    kind = "route" if " " in name else "step"
    with _lock:
        return any(
            sum(1 for rule in watch["rules"] if rule["function"] == name and not rule["hit"]) >= watch["retries"][kind]
            for watch in watches
            if watch["retries"]
        )


def _watched(invoke):
    def run(self, event, request_id, *, trace_id=None, **rest):
        with _lock:
            text = json.dumps(event) if _watches else ""
            watches = [watch for watch in _watches.values() if watch["about"] in text]
        if not watches or not trace_id:
            return invoke(self, event, request_id, trace_id=trace_id, **rest)
        name = _name(self.config, event)
        with _lock:
            for watch in watches:
                watch["events"].append({"function": name, "event": event})
        while True:
            invocation = {"id": trace_id, "name": name, "watches": watches, "calls": {}, "tally": {}}
            result = invoked(invocation, self, event, request_id, rest)
            if not (invocation.get("met") and _failing(result) and _outnumbered(watches, name)):
                return result
            trace_id = _next_trace(trace_id)

    def invoked(invocation, self, event, request_id, rest):
        how = _seen(invocation, INVOKE, INVOKE)["how"]
        if how in ("throttle", "error"):
            return _failed("Lambda.TooManyRequestsException" if how == "throttle" else "Lambda.SdkClientException")
        trace_id = invocation["id"]
        _invocations[trace_id] = invocation
        try:
            result = invoke(self, event, request_id, trace_id=trace_id, **rest)
        finally:
            _invocations.pop(trace_id, None)
        return _failed("Lambda.Unknown") if how == "lost" else result

    return run


def _told(watch):
    unmet = [rule["asked"] for rule in watch["rules"] if not rule["hit"]]
    return {"calls": watch["calls"], "events": watch["events"], "unmet": unmet}


def _control(asked):
    """`{watch, about, rules, retries}` arms and replaces that watch, `{watch}` reports, `{watch, end: true}` disarms.

    `retries` is how often callers repeat a failed step and a failed call of a route: `{step, route}`. While more faults
    than that are left for a function, failed invocations are repeated here with the same event, so that one run meets
    any number of faults. The last ones are left to the caller's own retries.
    """
    with _lock:
        name = asked["watch"]
        if "about" in asked or asked.get("end"):
            for rule in _watches.get(name, {}).get("rules", []):
                rule["let_go"] = True
        if "about" in asked:
            rules = [
                {
                    "asked": rule,
                    "function": rule["function"],
                    # None means every call. With an action, this is the nth call of that action.
                    "nth": rule.get("nth"),
                    "action": rule.get("action"),
                    "how": rule["how"],
                    "times": rule.get("times") or EVERY,
                    "invocations": rule.get("invocations") or 1,
                    "let_go": False,
                    "hit": [],
                    "tries": {},
                }
                for rule in asked.get("rules", [])
            ]
            _watches[name] = {
                "about": asked["about"],
                "rules": rules,
                "retries": asked.get("retries"),
                "calls": [],
                "events": [],
            }
        return _told(_watches.pop(name) if asked.get("end") else _watches[name])


def controlled(app):
    async def serve(scope, receive, send):
        if scope["type"] != "http" or scope["path"] != "/_faults":
            return await app(scope, receive, send)
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        try:
            if (scope.get("client") or ("",))[0] not in LOOPBACK or scope["method"] != "POST":
                raise PermissionError("from loopback only")
            status, answer = 200, _control(json.loads(body))
        except Exception as error:  # noqa: BLE001
            status, answer = 400, {"error": repr(error)}
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": json.dumps(answer).encode()})

    return serve


def _around_control(handle_control):
    """The calls of S3 Control, which the emulator serves beside its services."""

    async def handle(path, method, body, query_params, request_id, headers=None):
        if not path.startswith(S3_CONTROL):
            return await handle_control(path, method, body, query_params, request_id, headers)

        async def served(method, path, headers, body, query_params):
            return await handle_control(path, method, body, query_params, request_id, headers)

        return await _around("s3", served)(method, path, headers or {}, body, query_params)

    return handle


def install(app):
    ministack._handle_s3_control_request = _around_control(ministack._handle_s3_control_request)
    for service, handler in list(ministack.SERVICE_HANDLERS.items()):
        ministack.SERVICE_HANDLERS[service] = _around(service, handler)
    lambda_runtime.Worker.invoke = _watched(lambda_runtime.Worker.invoke)
    return controlled(app)
