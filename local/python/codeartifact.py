"""CodeArtifact's package groups, played: what functions set can be read again. MiniStack has no CodeArtifact.

Nothing is mirrored: there is no repository and no token. A package has a name and nothing in it: PutPackageOriginConfiguration
makes it, as in CodeArtifact.
"""

import json

from ministack.core import iam_actions

iam_actions.SERVICE_TO_IAM_NAMESPACE["codeartifact"] = "codeartifact"
iam_actions._BOTOCORE_SERVICE_MAP["codeartifact"] = ["codeartifact"]

_groups: dict[tuple[str, str], dict] = {}
_packages: set[str] = set()
_extract_resource_arn = iam_actions.extract_resource_arn


def _resource_arn(service, method, path, headers, body, query_params, region, account_id):
    if service == "codeartifact":
        if path == "/v1/package":
            return f"arn:aws:codeartifact:{region}:{account_id}:package/{_package(query_params)}"
        if method == "POST":
            return "*"
        group = _first(query_params, "domain") + _first(query_params, "package-group")
        return f"arn:aws:codeartifact:{region}:{account_id}:package-group/{group}"
    return _extract_resource_arn(service, method, path, headers, body, query_params, region, account_id)


iam_actions.extract_resource_arn = _resource_arn


def _first(query_params, name):
    value = query_params.get(name, "")
    return value[0] if isinstance(value, list) else value


def _package(query_params):
    """The end of its ARN: domain, repository, format, namespace, name."""
    return "/".join(_first(query_params, part) for part in ("domain", "repository", "format", "namespace", "package"))


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


def _handle_package(method, query_params):
    name = _package(query_params)
    if method == "POST":
        _packages.add(name)
    elif name not in _packages:
        return _refuse(404, "ResourceNotFoundException", f"Package {name} does not exist.")
    if method == "DELETE":
        _packages.discard(name)
    return _answer(200, {"package": {"name": _first(query_params, "package")}})


async def handle_request(method, path, headers, body, query_params):
    if path == "/v1/package":
        return _handle_package(method, query_params)
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
    if method == "GET" and path == "/v1/package-group-allowed-repositories":
        allowed = group["allowed"].get(_first(query_params, "originRestrictionType"), ())
        return _answer(200, {"allowedRepositories": sorted(allowed)})
    if method == "PUT" and path == "/v1/package-group-origin-configuration":
        _update(group, data)
    elif not (method == "GET" and path == "/v1/package-group"):
        return _refuse(400, "ValidationException", f"CodeArtifact is not played for {method} {path}.")
    return _answer(200, {"packageGroup": _describe(pattern, group), "allowedRepositoryUpdates": {}})
