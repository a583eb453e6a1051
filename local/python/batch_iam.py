"""What AWS looks at when it decides on a call of AWS Batch: the resource, and of a new definition its user and privilege."""

import json

from ministack.core import iam_actions

_extract_resource_arn, _request_tag_context = iam_actions.extract_resource_arn, iam_actions.request_tag_context


def _resource_arn(service, method, path, headers, body, query_params, region, account_id):
    """The resource that AWS checks. Of a submission, which has two, it is the queue."""
    if service != "batch":
        return _extract_resource_arn(service, method, path, headers, body, query_params, region, account_id)
    if path.startswith("/v1/tags/"):
        return path.removeprefix("/v1/tags/")
    request, operation = json.loads(body or b"{}"), path.rpartition("/")[2]
    prefix = f"arn:aws:batch:{region}:{account_id}"
    if operation in ("submitjob", "getjobqueuesnapshot"):
        queue = request.get("jobQueue", "")
        return queue if queue.startswith("arn:") else f"{prefix}:job-queue/{queue}"
    if operation == "registerjobdefinition":
        return f"{prefix}:job-definition/{request.get('jobDefinitionName')}"
    return f"{prefix}:job/{request.get('jobId')}" if operation == "terminatejob" else "*"


def _request_context(service, iam_action, body, params):
    """What AWS lets policies see of a new definition."""
    context = _request_tag_context(service, iam_action, body, params)
    if iam_action != "batch:RegisterJobDefinition":
        return context
    # AWS looks at each container of a multi-node job. Where they differ, no condition of an allowance holds for all.
    request = json.loads(body or b"{}")
    ranges = request.get("nodeProperties", {}).get("nodeRangeProperties", [])
    containers = [one.get("container", {}) for one in ranges] or [request.get("containerProperties", {})]
    values = [(one.get("user"), str(one.get("privileged", False)).lower()) for one in containers]
    users, privileges = (set(each) for each in zip(*values))
    known = {
        "batch:User": users.pop() if len(users) == 1 else None,
        "batch:Privileged": "false" if privileges == {"false"} else "true",
    }
    return {**context, **{key: value for key, value in known.items() if value is not None}}


iam_actions.extract_resource_arn, iam_actions.request_tag_context = _resource_arn, _request_context
