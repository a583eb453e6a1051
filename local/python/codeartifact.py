"""CodeArtifact's package groups, played: what functions set can be read again. MiniStack has no CodeArtifact.

Nothing is mirrored: there is no repository, no token and no package.
"""

import json

from ministack.core import iam_actions

iam_actions.SERVICE_TO_IAM_NAMESPACE["codeartifact"] = "codeartifact"
iam_actions._BOTOCORE_SERVICE_MAP["codeartifact"] = ["codeartifact"]

_groups: dict[tuple[str, str], dict] = {}
_extract_resource_arn = iam_actions.extract_resource_arn


def _resource_arn(service, method, path, headers, body, query_params, region, account_id):
    if service == "codeartifact":
        if method == "POST":
            return "*"
        group = _first(query_params, "domain") + _first(query_params, "package-group")
        return f"arn:aws:codeartifact:{region}:{account_id}:package-group/{group}"
    return _extract_resource_arn(service, method, path, headers, body, query_params, region, account_id)


iam_actions.extract_resource_arn = _resource_arn


def _first(query_params, name):
    value = query_params.get(name, "")
    return value[0] if isinstance(value, list) else value


def _answer(status, body):
    return status, {"Content-Type": "application/json"}, json.dumps(body).encode()


def _refuse(status, name, message):
    status, headers, body = _answer(status, {"message": message, "__type": name})
    return status, {**headers, "x-amzn-ErrorType": name}, body


def _update(group, data):
    allowed = group["allowed"]
    for origin, mode in data.get("restrictions", {}).items():
        group["restrictions"][origin] = mode
    for one in data.get("addAllowedRepositories", []):
        allowed.setdefault(one["originRestrictionType"], set()).add(one["repositoryName"])
    for one in data.get("removeAllowedRepositories", []):
        allowed.get(one["originRestrictionType"], set()).discard(one["repositoryName"])


def _describe(pattern, group):
    restrictions = {origin: {"mode": mode} for origin, mode in group["restrictions"].items()}
    names = ",".join(sorted(group["allowed"].get("EXTERNAL_UPSTREAM", ())))
    return {"pattern": pattern, "description": names, "originConfiguration": {"restrictions": restrictions}}


async def handle_request(method, path, headers, body, query_params):
    data = json.loads(body) if body else {}
    domain = _first(query_params, "domain")
    pattern = data.get("packageGroup") or _first(query_params, "package-group")
    group = _groups.get((domain, pattern))
    if method == "POST" and path == "/v1/package-group":
        if group is not None:
            return _refuse(409, "ConflictException", f"Package group {pattern} already exists.")
        group = _groups[(domain, pattern)] = {"restrictions": {}, "allowed": {}}
        return _answer(200, {"packageGroup": _describe(pattern, group)})
    if group is None:
        return _refuse(404, "ResourceNotFoundException", f"Package group {pattern} does not exist.")
    if method == "PUT" and path == "/v1/package-group-origin-configuration":
        _update(group, data)
    elif not (method == "GET" and path == "/v1/package-group"):
        return _refuse(400, "ValidationException", f"CodeArtifact is not played for {method} {path}.")
    return _answer(200, {"packageGroup": _describe(pattern, group), "allowedRepositoryUpdates": {}})
