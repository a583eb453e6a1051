"""Refuses calls that AWS's own models refuse: a required member that is missing, a length, a pattern, an enumeration.

The emulators answer many calls that AWS would not. botocore has AWS's model of each operation, and moto a parser of
requests for each protocol. Only emulators for tests (EMBEDDED_MODELS=1) import this.
"""

import functools
import json
from urllib.parse import parse_qsl, unquote
from xml.sax.saxutils import escape

import botocore.session
import regex
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import determine_request_protocol
from moto.core.utils import get_service_model
from werkzeug.datastructures import Headers, MultiDict

# Where the emulator's name of a service is not that of AWS's model.
MODEL_NAMES = {
    "states": "stepfunctions",
    "monitoring": "cloudwatch",
    "ses": "sesv2",
    "tagging": "resourcegroupstaggingapi",
    "apigateway": "apigatewayv2",
}
_modelled = set(botocore.session.get_session().get_available_services())
_judged: dict[str, int] = {}
_unjudged: dict[str, str] = {}
_refused: list[dict] = []


@functools.cache
def _model(service):
    name = MODEL_NAMES.get(service, service)
    return get_service_model(name) if name in _modelled else None


@functools.cache
def _routes(service):
    """The operations of a REST service: method, pattern of the path, fixed query, operation, members that must be there."""
    routes = []
    model = _model(service)
    for name in model.operation_names:
        operation = model.operation_model(name)
        path, _, query = operation.http["requestUri"].partition("?")
        parts = regex.split(r"(\{\w+\+?\})", path)
        pattern = "".join(
            (f"(?P<{part.strip('{}+')}>.+)" if "+" in part else f"(?P<{part.strip('{}')}>[^/]+)")
            if part.startswith("{")
            else regex.escape(part)
            for part in parts
        )
        shape = operation.input_shape
        needs = [
            (member.serialization["location"], member.serialization.get("name", name))
            for name, member in (shape.members.items() if shape else ())
            if name in shape.required_members and member.serialization.get("location") in ("querystring", "header")
        ]
        literal = sum(len(part) for part in parts if not part.startswith("{"))
        fixed = dict(parse_qsl(query, keep_blank_values=True))
        routes.append((operation.http["method"], regex.compile(pattern + "/?"), fixed, operation, needs, literal))
    return routes


def _rest_operation(service, method, path, headers, values):
    """The most particular operation that fits, and the values in its path."""
    best, found = None, (None, {})
    # SDKs name the operation where addresses alone do not tell it.
    said = values.get("x-id")
    for verb, pattern, fixed, operation, needs, literal in _routes(service):
        if said and operation.name != said:
            continue
        if verb != method or any(values.get(name) != value for name, value in fixed.items()):
            continue
        if not all(name in (values if place == "querystring" else headers) for place, name in needs):
            continue
        match = pattern.fullmatch(path)
        rank = (len(fixed), len(needs), literal)
        if match and (best is None or rank > best):
            named = {name: unquote(value) for name, value in match.groupdict().items()}
            best, found = rank, (operation, named)
    return found


def _parse(service, method, path, headers, body, query_params):
    """The operation of a request and its parameters; None where there is no such operation or service."""
    model = _model(service)
    if model is None:
        return None, {}
    fields = MultiDict(query_params)
    headers = Headers(list(headers.items()))
    target, form = headers.get("x-amz-target"), headers.get("content-type", "").startswith("application/x-www-form")
    if form and not target:
        fields = MultiDict(parse_qsl(body.decode(), keep_blank_values=True))
    name, places = (target or "").rpartition(".")[2] or fields.get("Action"), {}
    if name and service != "s3":
        operation = model.operation_model(name) if name in model.operation_names else None
    else:
        operation, places = _rest_operation(service, method, path, headers, fields)
    if operation is None:
        return None, {}
    protocol = "json" if target else determine_request_protocol(model, headers.get("content-type"))
    request = {
        "method": method,
        "values": fields,
        "headers": headers,
        "body": body,
        "url_path": path,
        "url_params": places,
    }
    return operation, PROTOCOL_PARSERS[protocol](operation).parse(request)


@functools.cache
def _pattern(text):
    return regex.compile(text)


def _scalar_problem(shape, value):
    rules = shape.metadata
    size = len(value) if hasattr(value, "__len__") else value
    if isinstance(size, (int, float)) and not isinstance(value, bool):
        if size < rules.get("min", size):
            return f"is below the least, {rules['min']}"
        if size > rules.get("max", size):
            return f"is above the most, {rules['max']}"
    if isinstance(value, str):
        if rules.get("enum") and value not in rules["enum"]:
            return "is not one of " + ", ".join(rules["enum"])
        if rules.get("pattern") and not _pattern(rules["pattern"]).fullmatch(value):
            return f"does not match {rules['pattern']}"
    return None


def problems(shape, value, path=""):
    """What AWS's model says against a value, member by member."""
    found = _scalar_problem(shape, value)
    if found:
        yield f"{path} {found}: {str(value)[:60]}"
    if shape.type_name == "structure" and isinstance(value, dict):
        for name in shape.required_members:
            if value.get(name) is None:
                yield f"{path}.{name} is missing"
        for name, member in value.items():
            if member is not None and name in shape.members:
                yield from problems(shape.members[name], member, f"{path}.{name}")
    elif shape.type_name == "list" and isinstance(value, list):
        for position, member in enumerate(value):
            yield from problems(shape.member, member, f"{path}[{position}]")
    elif shape.type_name == "map" and isinstance(value, dict):
        for name, member in value.items():
            yield from problems(shape.key, name, f"{path} key {name}")
            yield from problems(shape.value, member, f"{path}.{name}")


def judge(service, method, path, headers, body, query_params):
    """The problems of a request."""
    try:
        operation, parameters = _parse(service, method, path, headers, body, query_params)
    except Exception as error:  # noqa: BLE001
        _unjudged[f"{service} {method} {path[:80]}"] = repr(error)
        return []
    if operation is None:
        return []
    name = f"{service}:{operation.name}"
    _judged[name] = _judged.get(name, 0) + 1
    if operation.input_shape is None:
        return []
    found = list(problems(operation.input_shape, parameters))
    if found:
        _refused.append({"operation": name, "problems": found})
    return found


def refusal(service, found):
    """AWS's answer to a request with these problems, in the service's protocol."""
    message = f"{len(found)} validation error{'s' if len(found) > 1 else ''} detected: {'; '.join(found)}"
    if str(_model(service).protocol) in ("json", "rest-json"):
        body = json.dumps({"__type": "ValidationException", "message": message})
        return 400, {"Content-Type": "application/x-amz-json-1.1", "x-amzn-errortype": "ValidationException"}, body.encode()
    body = f"<Error><Code>ValidationError</Code><Message>{escape(message)}</Message></Error>"
    if service != "s3":
        body = f"<ErrorResponse>{body}</ErrorResponse>"
    return 400, {"Content-Type": "text/xml"}, body.encode()


def around(service, handler):
    """The handler of a service of MiniStack, behind the models."""

    async def handle(method, path, headers, body, query_params):
        found = judge(service, method, path, headers, body, query_params)
        if found:
            return refusal(service, found)
        return await handler(method, path, headers, body, query_params)

    return handle


def reported(app):
    """The application, with `GET /_calls`: which operations were judged, and which calls were not or were refused."""

    async def serve(scope, receive, send):
        if scope["type"] != "http" or scope["path"] != "/_calls":
            return await app(scope, receive, send)
        start = {"status": 200, "headers": [(b"content-type", b"application/json")]}
        calls = {"counts": _judged, "failures": _unjudged, "refusals": _refused}
        await send({"type": "http.response.start", **start})
        await send({"type": "http.response.body", "body": json.dumps(calls).encode()})

    return serve
