"""GuardDuty's on-demand scans of machines, played: what is found is what the tag `played:malware` of the image says.

`threat <name>` finds malware, `skip <cause>` skips the machine, `run` never ends, `off` is GuardDuty turned off; without the
tag nothing is found. local/builder.ts sets the tag. MiniStack has no GuardDuty.
"""

import json
import uuid

from ministack.core import iam_actions
from ministack.services import ec2

iam_actions.SERVICE_TO_IAM_NAMESPACE["guardduty"] = "guardduty"
iam_actions._BOTOCORE_SERVICE_MAP["guardduty"] = ["guardduty"]

_scans: dict[str, dict] = {}


def _answer(status, body):
    return status, {"Content-Type": "application/json"}, json.dumps(body).encode()


def _refuse(message, name="BadRequestException"):
    status, headers, body = _answer(400, {"message": message, "__type": name})
    return status, {**headers, "x-amzn-ErrorType": name}, body


def _start(data):
    arn, token = data["resourceArn"], data.get("clientToken")
    for scan in _scans.values():
        if scan["arn"] == arn:
            if token and scan["token"] == token:
                return _answer(200, {"scanId": scan["id"]})
            return _refuse("The request was rejected because a scan of the resource is in progress.", "ConflictException")
    tags = ec2.played(arn.rpartition("/")[2])
    if tags is None:
        return _refuse("The request was rejected because the resource does not exist.")
    word, _, detail = tags.get("played:malware", "").partition(" ")
    if word == "off":
        return _refuse("The request was rejected because GuardDuty is not enabled.")
    scan = {"id": uuid.uuid4().hex, "arn": arn, "token": token, "word": word, "detail": detail}
    _scans[scan["id"]] = scan
    return _answer(200, {"scanId": scan["id"]})


def _get(scan):
    answer = {"scanId": scan["id"], "resourceArn": scan["arn"], "resourceType": "EC2_INSTANCE", "scanType": "ON_DEMAND"}
    if scan["word"] == "run":
        return {**answer, "scanStatus": "RUNNING"}
    if scan["word"] == "skip":
        return {**answer, "scanStatus": "SKIPPED", "scanStatusReason": scan["detail"]}
    result = {"scanResultStatus": "NO_THREATS_FOUND", "skippedFileCount": 0, "failedFileCount": 0}
    if scan["word"] == "threat":
        threats = [{"name": scan["detail"], "source": "AMAZON", "count": 1}]
        result = {"scanResultStatus": "THREATS_FOUND", "threats": threats}
    return {**answer, "scanStatus": "COMPLETED", "scanResultDetails": result}


async def handle_request(method, path, headers, body, query_params):
    if method == "POST" and path == "/malware-scan/start":
        return _start(json.loads(body))
    if method == "POST" and path == "/malware-scan":
        criteria = json.loads(body)["filterCriteria"]["filterCriterion"]
        wanted = [one["filterCondition"]["equalsValue"] for one in criteria if one["criterionKey"] == "RESOURCE_ARN"]
        return _answer(200, {"scans": [_get(scan) for scan in _scans.values() if scan["arn"] in wanted]})
    if method == "GET" and path.startswith("/malware-scan/"):
        scan = _scans.get(path.rpartition("/")[2])
        return _answer(200, _get(scan)) if scan else _refuse("There is no such scan.", "ResourceNotFoundException")
    return _refuse(f"GuardDuty is not played for {method} {path}.")
