"""What the life of workspaces needs: the disks of a machine, their snapshots, and a change of the machine's type."""

PATCHES = {
    "ministack.services.ec2": [
        # A machine has the disks that its launch asks for, with the tags of that launch.
        (
            "    # Process TagSpecifications\n    i = 1\n    while _p(p, f\"TagSpecification.{i}.ResourceType\"):\n"
            "        rtype = _p(p, f\"TagSpecification.{i}.ResourceType\")\n",
            "    for inst in created:\n        _add_disks(inst, p)\n"
            "    # Process TagSpecifications\n    i = 1\n    while _p(p, f\"TagSpecification.{i}.ResourceType\"):\n"
            "        rtype = _p(p, f\"TagSpecification.{i}.ResourceType\")\n",
        ),
        (
            "        if rtype == \"instance\" and spec_tags:\n            for inst in created:\n"
            "                _tags[inst[\"InstanceId\"]] = spec_tags[:]\n",
            "        if rtype == \"instance\" and spec_tags:\n            for inst in created:\n"
            "                _tags[inst[\"InstanceId\"]] = spec_tags[:]\n"
            "        if rtype == \"volume\" and spec_tags:\n            for inst in created:\n"
            "                for disk in inst[\"BlockDeviceMappings\"]:\n"
            "                    _tags[disk[\"Ebs\"][\"VolumeId\"]] = spec_tags[:]\n",
        ),
        (
            "def _run_instances(p):\n",
            """_launches = {}


def _add_disks(inst, p):
    i = 1
    while name := _p(p, f"BlockDeviceMapping.{i}.DeviceName"):
        ebs = f"BlockDeviceMapping.{i}.Ebs."
        i += 1
        if name in ("/dev/xvda", "/dev/sda1"):
            continue
        origin = _snapshots.get(_p(p, ebs + "SnapshotId"))
        if _p(p, ebs + "SnapshotId") and origin is None:
            raise ValueError("the snapshot does not exist")
        size = int(_p(p, ebs + "VolumeSize") or (origin or {}).get("VolumeSize", 8))
        volume = _new_volume_id()
        attachment = {"VolumeId": volume, "InstanceId": inst["InstanceId"], "Device": name, "State": "attached",
                      "AttachTime": inst["LaunchTime"], "DeleteOnTermination": True}
        _volumes[volume] = {
            "VolumeId": volume, "Size": size, "AvailabilityZone": inst["Placement"]["AvailabilityZone"],
            "State": "in-use", "VolumeType": "gp3", "SnapshotId": _p(p, ebs + "SnapshotId") or "", "Iops": 3000,
            "Encrypted": True, "CreateTime": inst["LaunchTime"], "Attachments": [attachment],
            "MultiAttachEnabled": False, "Throughput": 125,
        }
        inst["BlockDeviceMappings"].append({"DeviceName": name, "Ebs": {
            "VolumeId": volume, "Status": "attached", "AttachTime": inst["LaunchTime"], "DeleteOnTermination": True}})


def _modify_instance_attribute(p):
    inst = _instances.get(_p(p, "InstanceId"))
    if inst is None:
        return _error("InvalidInstanceID.NotFound", f"The instance ID '{_p(p, 'InstanceId')}' does not exist", 400)
    if _p(p, "InstanceType.Value"):
        if inst["State"]["Name"] != "stopped" or inst.get("StateReason") == "Client.UserInitiatedHibernate":
            return _error("IncorrectInstanceState", "The instance is not in the 'stopped' state.", 400)
        inst["InstanceType"] = _p(p, "InstanceType.Value")
    i = 1
    while name := _p(p, f"BlockDeviceMapping.{i}.DeviceName"):
        ends = _p(p, f"BlockDeviceMapping.{i}.Ebs.DeleteOnTermination") == "true"
        for disk in inst["BlockDeviceMappings"]:
            if disk["DeviceName"] == name:
                disk["Ebs"]["DeleteOnTermination"] = ends
                for attachment in _volumes.get(disk["Ebs"]["VolumeId"], {}).get("Attachments", []):
                    attachment["DeleteOnTermination"] = ends
        i += 1
    return _xml(200, "ModifyInstanceAttributeResponse", "<return>true</return>")


def _run_instances(p):
""",
        ),
        # Endpoints are selected by the filters of the call; a filter that is not known here is refused, not ignored.
        (
            """    items = "".join(
        _vpce_fields_xml(ep)
        for ep in _vpc_endpoints.values()
        if not filter_ids or ep["VpcEndpointId"] in filter_ids
    )
""",
            """    fields = {"vpc-id": "VpcId", "service-name": "ServiceName", "vpc-endpoint-type": "VpcEndpointType",
              "vpc-endpoint-state": "State"}
    filters = _parse_filters(p)
    if unknown := [name for name in filters if name not in fields]:
        return _error("InvalidParameterValue", f"The filter '{unknown[0]}' is invalid", 400)
    items = "".join(
        _vpce_fields_xml(ep)
        for ep in _vpc_endpoints.values()
        if not filter_ids or ep["VpcEndpointId"] in filter_ids
        if all(str(ep.get(fields[name], "")).lower() in [value.lower() for value in values]
               for name, values in filters.items())
    )
""",
        ),
        (
            '    "DescribeInstanceAttribute": _describe_instance_attribute,\n',
            '    "DescribeInstanceAttribute": _describe_instance_attribute,\n'
            '    "ModifyInstanceAttribute": _modify_instance_attribute,\n',
        ),
        # A disk must be in the zone of its machine. A device takes one disk. The machine lists its disks.
        (
            '    now = _now_ts()\n    attachment = {\n        "VolumeId": vol_id,\n',
            '    if vol["Attachments"]:\n'
            '        return _error("VolumeInUse", f"Volume {vol_id} is attached.", 400)\n'
            '    if vol["AvailabilityZone"] != _instances[instance_id]["Placement"]["AvailabilityZone"]:\n'
            '        return _error("InvalidVolume.ZoneMismatch", "The volume is in another zone.", 400)\n'
            '    disks = _instances[instance_id].setdefault("BlockDeviceMappings", [])\n'
            '    if any(disk["DeviceName"] == device for disk in disks):\n'
            '        return _error("InvalidParameterValue", f"{device} is in use", 400)\n'
            '    now = _now_ts()\n'
            '    disks.append({"DeviceName": device, "Ebs": {"VolumeId": vol_id, "Status": "attached", "AttachTime": now,\n'
            '                                               "DeleteOnTermination": False}})\n'
            '    attachment = {\n        "VolumeId": vol_id,\n',
        ),
        (
            '    vol["Attachments"] = []\n    vol["State"] = "available"\n    return _xml(200, "DetachVolumeResponse"',
            '    for machine in _instances.values():\n'
            '        machine["BlockDeviceMappings"] = [disk for disk in machine.get("BlockDeviceMappings", [])\n'
            '                                          if disk["Ebs"]["VolumeId"] != vol_id]\n'
            '    vol["Attachments"] = []\n    vol["State"] = "available"\n    return _xml(200, "DetachVolumeResponse"',
        ),
        # The launch time is that of the last start.
        (
            'inst["State"] = {"Code": 16, "Name": "running"}\n            items +=',
            'inst["State"] = {"Code": 16, "Name": "running"}\n            inst["StateReason"] = ""\n'
            '            inst["LaunchTime"] = f"{_now_ts()[:20]}{time.time_ns() // 1000000 % 1000:03d}Z"\n'
            '            items +=',
        ),
        # A launch that comes again with its token gets the machines of the first one; with another wish it is refused:
        # https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html
        # A machine hibernates only if its launch asked for that. EC2 then wants an encrypted disk, and no enclave. It tells a
        # hibernated machine from a stopped one only by the reason of its state:
        # https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/hibernating-prerequisites.html
        (
            "    created = _launch_instances_internal(\n        image_id=image_id,\n",
            """    token = (get_account_id(), get_region(), _p(p, "ClientToken") or new_uuid())
    wish = repr(sorted(p.items()))
    earlier_wish, earlier_ids = _launches.get(token, (wish, []))
    if earlier_wish != wish:
        return _error("IdempotentParameterMismatch", "The client token was used for another launch.", 400)
    if earlier_ids:
        items = "".join(_instance_xml(_instances[name]) for name in earlier_ids if name in _instances)
        return _xml(200, "RunInstancesResponse", f"<instancesSet>{items}</instancesSet><groupSet/>")
    hibernates = _p(p, "HibernationOptions.Configured") == "true"
    if hibernates and (_p(p, "EnclaveOptions.Enabled") == "true" or _p(p, "BlockDeviceMapping.1.Ebs.Encrypted") != "true"):
        return _error("UnsupportedHibernationConfiguration",
                      "The instance does not meet the prerequisites of hibernation.", 400)
    created = _launch_instances_internal(
        image_id=image_id,
""",
        ),
        (
            "    for inst in created:\n        _add_disks(inst, p)\n",
            "    for inst in created:\n        inst[\"Hibernates\"] = hibernates\n        _add_disks(inst, p)\n"
            "    _launches[token] = (wish, [inst[\"InstanceId\"] for inst in created])\n",
        ),
        (
            "    items = \"\"\n    for iid in ids:\n        inst = _instances.get(iid)\n        if inst:\n"
            "            prev = inst[\"State\"].copy()\n            inst[\"State\"] = {\"Code\": 80, \"Name\": \"stopped\"}\n",
            """    hibernates = _p(p, "Hibernate") == "true"
    for iid in ids:
        if hibernates and not _instances[iid].get("Hibernates"):
            return _error("UnsupportedHibernationConfiguration", "The instance can't be hibernated because it was not "
                          f"configured at launch for hibernation: {iid}", 400)
    items = ""
    for iid in ids:
        inst = _instances.get(iid)
        if inst:
            prev = inst["State"].copy()
            # A machine that is off stays as it is, with the memory that it has.
            if prev["Name"] != "stopped":
                inst["StateReason"] = f"Client.UserInitiated{'Hibernate' if hibernates else 'Shutdown'}"
            inst["State"] = {"Code": 80, "Name": "stopped"}
""",
        ),
        (
            "        <instanceType>{inst['InstanceType']}</instanceType>\n        <keyName>{inst.get('KeyName','')}</keyName>\n",
            """        <instanceType>{inst['InstanceType']}</instanceType>
        <hibernationOptions><configured>{str(inst.get('Hibernates', False)).lower()}</configured></hibernationOptions>
        <stateReason><code>{inst.get('StateReason', '')}</code></stateReason>
        <keyName>{inst.get('KeyName','')}</keyName>
""",
        ),
        # A terminated machine takes its disks with it.
        (
            "            if inst.get(\"VmManager\") == \"docker\":\n                _vm_remove_container(inst)\n"
            "            assoc = _find_active_iam_instance_profile_association(iid)\n",
            "            for disk in inst.get(\"BlockDeviceMappings\", []):\n"
            "                _volumes.pop(disk[\"Ebs\"][\"VolumeId\"], None)\n"
            "            if inst.get(\"VmManager\") == \"docker\":\n                _vm_remove_container(inst)\n"
            "            assoc = _find_active_iam_instance_profile_association(iid)\n",
        ),
    ],
    "ministack.services.tagging": [
        (
            '"vpce": f":{get_region()}:{_account()}:vpc-endpoint/"}',
            '"vpce": f":{get_region()}:{_account()}:vpc-endpoint/",\n'
            '             "vol": f":{get_region()}:{_account()}:volume/", "snap": f":{get_region()}::snapshot/"}',
        ),
    ],
    "ministack.core.iam_actions": [
        # Snapshots belong to a region, as images do. A call that tags a disk needs a right on this disk.
        (
            "        _EC2_RESOURCE_FIELDS = [\n",
            """        if _query_param(query_params, "SnapshotId"):
            return f"arn:aws:ec2:{region}::snapshot/{_query_param(query_params, 'SnapshotId')}"
        if action == "CreateTags" and (_query_param(query_params, "ResourceId.1") or "").startswith("vol-"):
            return f"arn:aws:ec2:{region}:{account_id}:volume/{_query_param(query_params, 'ResourceId.1')}"
        _EC2_RESOURCE_FIELDS = [
""",
        ),
    ],
}
