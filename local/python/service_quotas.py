"""Service Quotas, played: the account may have 64 vCPUs of every family. MiniStack has no Service Quotas."""

import json

from ministack.core import iam_actions

iam_actions.SERVICE_TO_IAM_NAMESPACE["servicequotas"] = "servicequotas"
iam_actions._BOTOCORE_SERVICE_MAP["servicequotas"] = ["service-quotas"]
_extract_resource_arn = iam_actions.extract_resource_arn


def _resource_arn(service, method, path, headers, body, query_params, region, account_id):
    if service != "servicequotas":
        return _extract_resource_arn(service, method, path, headers, body, query_params, region, account_id)
    request = json.loads(body or b"{}")
    return f"arn:aws:servicequotas:{region}:{account_id}:{request.get('ServiceCode')}/{request.get('QuotaCode')}"


iam_actions.extract_resource_arn = _resource_arn


async def handle_request(method, path, headers, body, query_params):
    content = {"Content-Type": "application/x-amz-json-1.1"}
    if headers.get("x-amz-target", "").rpartition(".")[2] != "GetServiceQuota":
        return 400, content, json.dumps({"__type": "IllegalArgumentException", "message": "This is not played."}).encode()
    request = json.loads(body)
    quota = {"ServiceCode": request["ServiceCode"], "QuotaCode": request["QuotaCode"], "Value": 64.0}
    return 200, content, json.dumps({"Quota": quota}).encode()
