"""What the pipeline of images needs: parts of EC2, CodeBuild, Inspector and Run Command that the emulator does not have.

Played, not done: a machine from an image is a record. Inspector finds on a candidate what the image's tag
`played:findings` lists, and a command on it fails if the tag `played:smoke` says so. local/builder.ts sets the tags.
"""

PATCHES = {
    "ministack.services.codebuild": [
        # A build shows the variables that it was started with.
        (
            "    build = _make_build_record(project, bid, data.get(\"sourceVersion\"))\n",
            """    build = _make_build_record(project, bid, data.get("sourceVersion"))
    environment = build["environment"]
    overrides = data.get("environmentVariablesOverride", [])
    build["environment"] = {**environment, "environmentVariables": environment.get("environmentVariables", []) + overrides}
    # local/builder.ts builds, and then reports the end.
    build["buildStatus"], build["currentPhase"] = "IN_PROGRESS", "BUILD"
""",
        ),
    ],
    "ministack.services.ec2": [
        # A machine from a registered image is a record, as one from an image that EC2 does not know.
        (
            "    image = _registered_image(image_id)\n    if image is not None and not image.get(\"ImageLocation\"):\n",
            "    image = _registered_image(image_id)\n"
            "    if image is not None and not image.get(\"ImageLocation\"):\n"
            "        image = None\n"
            "    if False:\n",
        ),
        (
            "def _deregister_image(p):",
            """def _enable_image_deprecation(p):
    image = _images.get(_p(p, "ImageId"))
    if image is None:
        return _error("InvalidAMIID.NotFound", f"The image id '[{_p(p, 'ImageId')}]' does not exist", 400)
    image["DeprecationTime"] = _p(p, "DeprecateAt")
    return _xml(200, "EnableImageDeprecationResponse", "<return>true</return>")


def _deprecation_xml(image_id):
    time = (_images.get(image_id) or {}).get("DeprecationTime")
    return f"<deprecationTime>{time}</deprecationTime>" if time else ""


def _deregister_image(p):""",
        ),
        (
            '    "DeregisterImage": _deregister_image,\n',
            '    "DeregisterImage": _deregister_image,\n    "EnableImageDeprecation": _enable_image_deprecation,\n',
        ),
        (
            "            <hypervisor>xen</hypervisor>\n            {tag_xml}\n        </item>\"\"\"\n    return _xml(200, \"DescribeImagesResponse\"",
            "            <hypervisor>xen</hypervisor>\n            {tag_xml}{_deprecation_xml(view['ImageId'])}\n        </item>\"\"\"\n    return _xml(200, \"DescribeImagesResponse\"",
        ),
        # Candidates answer to Run Command.
        (
            "    return bool(inst.get(\"_ssm_managed\"))\n",
            "    return bool(inst.get(\"_ssm_managed\")) or played(instance_id) is not None\n",
        ),
        (
            "def exec_in_instance_blocking(instance_id, argv):\n    inst = _instances.get(instance_id)\n",
            """def played(instance_id):
    # The tags of the image of a candidate that runs.
    inst = _instances.get(instance_id) or {}
    is_candidate = any(tag["Key"] == "broch:candidate" for tag in _tags.get(instance_id, []))
    if not is_candidate or inst.get("State", {}).get("Name") != "running":
        return None
    return {tag["Key"]: tag.get("Value", "") for tag in _tags.get(inst.get("ImageId"), [])}


def exec_in_instance_blocking(instance_id, argv):
    image = played(instance_id)
    if image is not None:
        failure = image.get("played:smoke", "")
        return (1, "", failure) if failure else (0, "played: the smoke tests of the image did not run", "")
    inst = _instances.get(instance_id)
""",
        ),
    ],
    "ministack.services.inspector2": [
        # Inspector has scanned every candidate that runs.
        (
            "def _list_findings(data, account_id):\n",
            """def _scanned():
    from ministack.services import ec2
    return {name: image for name in list(ec2._instances) if (image := ec2.played(name)) is not None}


def _list_findings(data, account_id):
    wanted = [condition["value"] for condition in data.get("filterCriteria", {}).get("resourceId", [])]
    return json_response({"findings": [
        _build_finding(package, "AWS_EC2_INSTANCE", instance, account_id)
        for instance, image in _scanned().items() if instance in wanted
        for package in _STUB_PACKAGES if package["vulnId"] in image.get("played:findings", "").split()
    ]})


def _list_all_findings(data, account_id):
""",
        ),
        (
            "def _list_coverage(data, account_id):\n",
            """def _list_coverage(data, account_id):
    return json_response({"coveredResources": [
        {"accountId": account_id, "resourceId": instance, "resourceType": "AWS_EC2_INSTANCE", "scanType": "PACKAGE",
         "scanStatus": {"statusCode": "ACTIVE", "reason": "SUCCESSFUL"}, "lastScannedAt": _now()}
        for instance in _scanned()
    ]})


def _list_all_coverage(data, account_id):
""",
        ),
    ],
    "ministack.services.tagging": [
        (
            "_RESOURCE_TAG_COLLECTORS = {\n    \"ec2\": _collect_instances,",
            """def _collect_ec2():
    yield from _collect_instances()
    import ministack.services.ec2 as svc
    kinds = {"ami": f":{get_region()}::image/", "vpce": f":{get_region()}:{_account()}:vpc-endpoint/"}
    for resource, tags in svc._tags.items():
        kind = kinds.get(resource.partition("-")[0])
        if kind:
            yield f"arn:aws:ec2{kind}{resource}", _normalise_list(tags)


_RESOURCE_TAG_COLLECTORS = {
    "ec2": _collect_ec2,""",
        ),
    ],
    "ministack.core.iam_actions": [
        # A launch needs the right to its image, and a command the right to its document. Images belong to a region.
        (
            "        _EC2_RESOURCE_FIELDS = [\n",
            """        image = _query_param(query_params, "ImageId") or _query_param(query_params, "ResourceId.1")
        if image.startswith("ami-"):
            return f"arn:aws:ec2:{region}::image/{image}"
        _EC2_RESOURCE_FIELDS = [
""",
        ),
        (
            """        action = _action_from_target(headers)
        if action in {"AddTagsToResource",""",
            """        action = _action_from_target(headers)
        if action == "SendCommand":
            return f"arn:aws:ssm:{region}::document/{_param(body, query_params, 'DocumentName')}"
        if action in {"AddTagsToResource",""",
        ),
    ],
}
