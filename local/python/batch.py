"""AWS Batch as the embedded cloud has it: CloudFormation builds queues, and jobs wait in them.

MiniStack's own Batch ends every job at once. Here a job stays as it is until somebody plays the scheduler: the tag
`played:state` of the job takes a JSON text of what changed. Only what AWS knows is kept: status, attempts, reasons.
"""

import json
import time

from ministack.core.responses import error_response_json, new_uuid
from ministack.services import batch, ec2
from ministack.services.cloudformation import provisioners

_policies: dict[str, dict] = {}
PLAYED = "played:state"


def _camel(value):
    """CloudFormation's names as the API spells them. Tags keep their names."""
    if isinstance(value, list):
        return [_camel(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {name[:1].lower() + name[1:]: inner if name == "Tags" else _camel(inner) for name, inner in value.items()}


def _number(value, names):
    return {name: int(inner) if name in names and inner is not None else inner for name, inner in value.items()}


def _made(answer, name):
    status, _, body = answer
    data = json.loads(body)
    if status >= 400:
        raise ValueError(data.get("message", body))
    return data[name]


def _create_environment(logical_id, props, stack_name):
    request = _camel(props)
    request["computeResources"] = _number(request.get("computeResources", {}), {"minvCpus", "maxvCpus", "desiredvCpus"})
    arn = _made(batch._create_compute_environment(request), "computeEnvironmentArn")
    return arn, {"ComputeEnvironmentArn": arn}


def _create_queue(logical_id, props, stack_name):
    request = _camel(props)
    arn = _made(batch._create_job_queue(request), "jobQueueArn")
    batch._job_queues[request["jobQueueName"]]["jobStateTimeLimitActions"] = request.get("jobStateTimeLimitActions", [])
    batch._job_queues[request["jobQueueName"]]["schedulingPolicyArn"] = request.get("schedulingPolicyArn", "")
    return arn, {"JobQueueArn": arn}


def _create_policy(logical_id, props, stack_name):
    name = props["Name"]
    arn = batch._jq_arn(name).replace(":job-queue/", ":scheduling-policy/")
    _policies[arn] = _camel(props)
    return arn, {"Arn": arn}


def _delete(store):
    return lambda arn, props: store().pop(arn.rpartition("/")[2], None)


provisioners._RESOURCE_HANDLERS.update({
    "AWS::Batch::ComputeEnvironment": {
        "create": _create_environment,
        "delete": _delete(lambda: batch._compute_envs),
    },
    "AWS::Batch::JobQueue": {"create": _create_queue, "delete": _delete(lambda: batch._job_queues)},
    "AWS::Batch::SchedulingPolicy": {
        "create": _create_policy,
        "delete": lambda arn, props: _policies.pop(arn, None),
    },
    "AWS::EC2::PlacementGroup": {
        "create": lambda logical_id, props, stack_name: (f"{stack_name}-{logical_id}-{new_uuid()[:12]}", {}),
        "delete": lambda name, props: None,
    },
    # Images are approved by name and digest. Nothing is fetched here.
    "AWS::ECR::PullThroughCacheRule": {
        "create": lambda logical_id, props, stack_name: (props["EcrRepositoryPrefix"], {}),
        "delete": lambda name, props: None,
    },
})


def _offer_types(p):
    names = [value for key, value in sorted(p.items()) if key.startswith("Filter.1.Value.")]
    names = [name[0] if isinstance(name, list) else name for name in names]
    items = "".join(
        f"<item><instanceType>{name}</instanceType><locationType>region</locationType></item>" for name in names
    )
    return ec2._xml(
        200, "DescribeInstanceTypeOfferingsResponse", f"<instanceTypeOfferingSet>{items}</instanceTypeOfferingSet>"
    )


ec2._ACTION_MAP["DescribeInstanceTypeOfferings"] = _offer_types


_register_definition = batch._register_job_definition


def _register(p):
    answer = _register_definition(p)
    if "nodeProperties" in p and answer[0] < 400:
        definition = batch._job_definitions[p["jobDefinitionName"]][-1]
        del definition["containerProperties"]
        definition["nodeProperties"] = p["nodeProperties"]
    return answer


def _refuse(message):
    return error_response_json("ClientException", message, 400)


def _find_definition(reference):
    """A definition by its name or ARN, with or without a revision."""
    name, _, revision = reference.rpartition("/")[2].partition(":")
    revisions = batch._job_definitions.get(name, [])
    return next((one for one in revisions if str(one["revision"]) == revision), (revisions or [{}])[-1])


def _may_have_nodes(queue):
    """AWS runs multi-node jobs On-Demand, in a placement group of one zone:
    https://docs.aws.amazon.com/batch/latest/userguide/mnp-ce.html"""
    names = [one["computeEnvironment"].rpartition("/")[2] for one in batch._job_queues[queue]["computeEnvironmentOrder"]]
    resources = [batch._compute_envs[name]["computeResources"] for name in names]
    return all(one["type"] == "EC2" and one.get("placementGroup") and len(one["subnets"]) == 1 for one in resources)


def _nodes(queue, p):
    """The nodes of a multi-node job, or why AWS does not take it. Both are None for another job."""
    properties, overrides = _find_definition(p["jobDefinition"]).get("nodeProperties"), p.get("nodeOverrides")
    if not properties and not overrides:
        return None, None
    if not properties or not overrides or p.get("containerOverrides") or p.get("arrayProperties"):
        return None, _refuse("A multi-node job has a multinode definition, and neither container overrides nor tasks.")
    if not _may_have_nodes(queue):
        return None, _refuse("The queue has compute environments that cannot run multi-node jobs.")
    [node], [changed] = properties["nodeRangeProperties"], overrides["nodePropertyOverrides"]
    if changed["targetNodes"] != node["targetNodes"]:
        return None, _refuse("The nodes are not those of the job definition.")
    container = {**node["container"], **changed["containerOverrides"]}
    nodes = {"targetNodes": node["targetNodes"], "container": container}
    return {**properties, "numNodes": overrides["numNodes"], "nodeRangeProperties": [nodes]}, None


def _submit(p):
    queue, error = batch._job_queue_name_from_ref(p.get("jobQueue"))
    if error:
        return error
    if queue not in batch._job_queues:
        return error_response_json("ClientException", f"JobQueue {p.get('jobQueue')} not found.", 400)
    if batch._job_queues[queue].get("schedulingPolicyArn") and not p.get("shareIdentifier", "").isalnum():
        return error_response_json("ClientException", "shareIdentifier must be specified.", 400)
    nodes, error = _nodes(queue, p)
    if error:
        return error
    job_id, now = new_uuid(), int(time.time() * 1000)
    overrides, size = p.get("containerOverrides", {}), p.get("arrayProperties", {}).get("size")
    job = {
        "jobArn": batch._job_arn(job_id),
        "jobId": job_id,
        "jobName": p["jobName"],
        "jobQueue": batch._jq_arn(queue),
        "jobDefinition": p["jobDefinition"],
        "status": "SUBMITTED",
        "createdAt": now,
        "attempts": [],
        "dependsOn": p.get("dependsOn", []),
        "retryStrategy": p.get("retryStrategy", {"attempts": 1}),
        "timeout": p.get("timeout", {}),
        "tags": p.get("tags", {}),
        "container": {
            "command": overrides.get("command", []),
            "environment": overrides.get("environment", []),
            "resourceRequirements": overrides.get("resourceRequirements", []),
        },
        **({"arrayProperties": {"size": size, "statusSummary": {}}} if size else {}),
        **({"nodeProperties": nodes} if nodes else {}),
    }
    batch._jobs[job_id] = job
    return batch._json(200, {name: job[name] for name in ("jobArn", "jobName", "jobId")})


def _terminate(p):
    job = batch._jobs.get(p.get("jobId"))
    # The scheduler ends what runs; what has ended stays as it is.
    if job and job["status"] not in ("SUCCEEDED", "FAILED"):
        job["isTerminated"], job["statusReason"] = True, p.get("reason", "")
    return batch._json(200, {})


_SUMMARY = ("jobArn", "jobId", "jobName", "createdAt", "status", "statusReason", "startedAt", "stoppedAt")


def _summary(job):
    summary = {name: job[name] for name in _SUMMARY if name in job}
    code = job["container"].get("exitCode")
    return {**summary, **({"container": {"exitCode": code}} if code is not None else {})}


def _list(p):
    wanted, filters = p.get("jobStatus", "RUNNING"), p.get("filters") or []
    if p.get("arrayJobId"):
        parent = batch._jobs.get(p["arrayJobId"], {})
        tasks = parent.get("tasks", [])
        return batch._json(200, {"jobSummaryList": [task for task in tasks if task["status"] == wanted]})
    queue, error = batch._job_queue_name_from_ref(p.get("jobQueue"))
    if error:
        return error
    jobs = [job for job in batch._jobs.values() if job["jobQueue"] == batch._jq_arn(queue)]
    # With a filter AWS ignores the status.
    for one in filters:
        if one["name"] == "JOB_NAME":
            jobs = [job for job in jobs if job["jobName"] in one["values"]]
    jobs = jobs if filters else [job for job in jobs if job["status"] == wanted]
    return batch._json(200, {"jobSummaryList": [_summary(job) for job in jobs]})


def _find_network(job_id):
    """The VPC of the machines that a job runs on, or None if there is no such job."""
    queue = batch._job_queues.get(batch._jobs.get(job_id, {}).get("jobQueue", "").rpartition("/")[2], {})
    for order in queue.get("computeEnvironmentOrder", []):
        environment = batch._compute_envs.get(order["computeEnvironment"].rpartition("/")[2], {})
        for subnet in environment.get("computeResources", {}).get("subnets", []):
            return ec2._subnets.get(subnet, {}).get("VpcId")
    return None


batch.find_network = _find_network
_HIDDEN = {"isTerminated", "tasks"}


def _snapshot(p):
    queue, error = batch._job_queue_name_from_ref(p.get("jobQueue"))
    if error:
        return error
    ready = [job for job in batch._jobs.values() if job["jobQueue"] == batch._jq_arn(queue) and job["status"] == "RUNNABLE"]
    now = time.time() * 1000
    jobs = [{"jobArn": job["jobArn"], "earliestTimeAtPosition": now} for job in ready[:100]]
    return batch._json(200, {"frontOfQueue": {"jobs": jobs, "lastUpdatedAt": now}})


def _describe(p):
    jobs = [batch._jobs[one] for one in p.get("jobs") or [] if one in batch._jobs]
    return batch._json(200, {"jobs": [{k: v for k, v in job.items() if k not in _HIDDEN} for job in jobs]})


def _tag(path, p):
    job = batch._jobs.get(path.rpartition("/")[2])
    tags = p.get("tags", {})
    if job is None:
        return batch._json(200, {})
    if PLAYED in tags:
        state = json.loads(tags.pop(PLAYED))
        job["container"].update(state.pop("container", {}))
        # One at a time, because a tag is short.
        for piece, pieces in (("attempt", "attempts"), ("task", "tasks")):
            if piece in state:
                job.setdefault(pieces, []).append(state.pop(piece))
        job.update(state)
    job["tags"].update(tags)
    return batch._json(200, {})


def _list_tags(path):
    """A tag tells the scheduler that somebody asked to end the job."""
    job = batch._jobs.get(path.rpartition("/")[2], {})
    return batch._json(200, {"tags": {"played:terminated": "true"} if job.get("isTerminated") else {}})


batch._DISPATCH.update({
    "/v1/registerjobdefinition": _register,
    "/v1/submitjob": _submit,
    "/v1/terminatejob": _terminate,
    "/v1/listjobs": _list,
    "/v1/describejobs": _describe,
    "/v1/getjobqueuesnapshot": _snapshot,
})
_original = batch.handle_request


async def handle_request(method, path, headers, body, query_params):
    if path.startswith("/v1/tags/"):
        if method == "GET":
            return _list_tags(path)
        return _tag(path, json.loads(body or b"{}"))
    return await _original(method, path, headers, body, query_params)
