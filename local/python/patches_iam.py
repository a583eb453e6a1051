"""Corrections of how policies are evaluated."""

PATCHES = {
    "ministack.core.iam_evaluator": [
        # A policy is parsed once, not at every request of those who have it.
        (
            """def parse_policy_document(doc: str | dict) -> list[ParsedStatement]:
    \"\"\"Parse a JSON policy document into a list of ParsedStatements.\"\"\"
""",
            """_parsed_policies: dict[str, list[ParsedStatement]] = {}


def parse_policy_document(doc: str | dict) -> list[ParsedStatement]:
    if not isinstance(doc, str):
        return _parse_policy(doc)
    if doc not in _parsed_policies:
        _parsed_policies[doc] = _parse_policy(doc)
    return _parsed_policies[doc]


def _parse_policy(doc: str | dict) -> list[ParsedStatement]:
""",
        ),
        # Policy variables, such as the aws:userid in the prefix that an instance may write to.
        (
            "    if resources:\n        return any(fnmatch_iam_cs(resource_arn, p) for p in resources)",
            "    if resources:\n"
            "        return any(fnmatch_iam_cs(resource_arn, p) for p in map(_with_variables(ctx), resources))",
        ),
        (
            "def _resource_matches(resource_arn: str, resources: list[str],\n"
            "                      not_resources: list[str]) -> bool:",
            """def _with_variables(ctx):
    def value(found):
        known = _resolve_condition_key(found.group(1), ctx)
        return known if isinstance(known, str) else found.group(0)
    return lambda pattern: re.sub(r"\\$\\{([\\w:/-]+)\\}", value, pattern)


def _resource_matches(resource_arn: str, resources: list[str],
                      not_resources: list[str], ctx) -> bool:""",
        ),
        (
            "_resource_matches(ctx.resource_arn, stmt.resources, stmt.not_resources)",
            "_resource_matches(ctx.resource_arn, stmt.resources, stmt.not_resources, ctx)",
        ),
        # Policies know the caller of an assumed role by the role's own ARN.
        (
            """    if k == "aws:principalarn":
        return ctx.principal_arn
""",
            """    if k == "aws:principalarn":
        from ministack.services import iam as iam_svc
        role = iam_svc._roles.get(_role_name_from_assumed_arn(ctx.principal_arn))
        return role["Arn"] if role and ":assumed-role/" in ctx.principal_arn else ctx.principal_arn
    # Whatever plays a service takes the roles of this account's resources as root.
    if k == "aws:sourceaccount" and ctx.action == "sts:AssumeRole" and ctx.principal_arn.endswith(":root"):
        return ctx.principal_arn.split(":")[4]
""",
        ),
        # Sessions of an instance and of a job call from inside their network, through the gateway endpoint there.
        (
            """    tags = list((entity or {}).get("Tags") or [])
    session = sts_svc._sessions.get(credential.access_key_id)""",
            """    from ministack.services import batch as batch_svc
    from ministack.services import ec2 as ec2_svc
    session_name = str(credential.principal_id).rpartition(":")[2]
    instance = ec2_svc._instances.get(session_name)
    network = instance["VpcId"] if instance else batch_svc.find_network(session_name)
    if credential.principal_type == "AssumedRole" and network is not None:
        keys["aws:sourcevpc"] = network
    tags = list((entity or {}).get("Tags") or [])
    session = sts_svc._sessions.get(credential.access_key_id)""",
        ),
    ],
    # The tags of instances, for rights that are limited to tagged instances.
    "ministack.services.tagging": [
        (
            '_RESOURCE_TAG_COLLECTORS = {\n    "dynamodb": _collect_dynamodb,',
            """def _collect_instances():
    import ministack.services.ec2 as svc
    for resource, tags in svc._tags.items():
        if resource.startswith("i-"):
            yield f"arn:aws:ec2:{get_region()}:{_account()}:instance/{resource}", _normalise_list(tags)


_RESOURCE_TAG_COLLECTORS = {
    "ec2": _collect_instances,
    "dynamodb": _collect_dynamodb,""",
        ),
    ],
    "ministack.core.iam_actions": [
        # The ARN of a role has its path.
        (
            """        if role_name:
            return f"arn:aws:iam::{account_id}:role/{role_name}"
""",
            """        if role_name:
            from ministack.services import iam as iam_svc
            role = iam_svc._roles.get(role_name)
            return role["Arn"] if role else f"arn:aws:iam::{account_id}:role/{role_name}"
""",
        ),
        # A log is read stream by stream.
        (
            """            return f"arn:aws:logs:{region}:{account_id}:log-group:{name}"
        return "*"
""",
            """            stream = _safe_json_field(body, "logStreamName") if action == "GetLogEvents" else None
            return f"arn:aws:logs:{region}:{account_id}:log-group:{name}" + (f":log-stream:{stream}" if stream else "")
        return "*"
""",
        ),
        # Writing an object together with tags also needs the right to tag.
        (
            """        if action == "PutObject":
            source = _s3_source_object(headers)
""",
            """        if action == "PutObject":
            if headers.get("x-amz-tagging"):
                checks.append(("s3:PutObjectTagging", key_arn))
            source = _s3_source_object(headers)
""",
        ),
        # Policies also see under which key an object is to be encrypted.
        (
            """        if sse:
            context["s3:x-amz-server-side-encryption"] = sse
""",
            """        if sse:
            context["s3:x-amz-server-side-encryption"] = sse
        for name in ("customer-algorithm", "aws-kms-key-id"):
            if headers.get(f"x-amz-server-side-encryption-{name}"):
                context[f"s3:x-amz-server-side-encryption-{name}"] = headers[f"x-amz-server-side-encryption-{name}"]
""",
        ),
        # The partitions that a request to DynamoDB touches.
        (
            """    context["dynamodb:Select"] = select
    return context
""",
            """    context["dynamodb:Select"] = select
    partitions = _leading_keys(data)
    if partitions:
        context["dynamodb:LeadingKeys"] = partitions
    return context


def _leading_keys(request):
    from ministack.services import dynamodb
    table = dynamodb._tables.get(str(request.get("TableName")).rpartition("/")[2]) or {}
    key = next((part["AttributeName"] for part in table.get("KeySchema", []) if part["KeyType"] == "HASH"), None)
    items = [request.get("Key") or {}, request.get("Item") or {}]
    names, values = request.get("ExpressionAttributeNames") or {}, request.get("ExpressionAttributeValues") or {}
    for left, right in re.findall(r"([#\\w]+)\\s*=\\s*(:\\w+)", request.get("KeyConditionExpression") or ""):
        items.append({names.get(left, left): values.get(right, {})})
    return [str(value) for item in items if key in item for value in item[key].values()]
""",
        ),
        (
            "                checks.append((action, _dynamodb_table_arn(table, region, account_id)))",
            "                checks.append((action, _dynamodb_table_arn(table, region, account_id), _leading_keys(detail)))",
        ),
        (
            """        arn = _safe_json_field(body, "activityArn")
        if arn:
            return arn
        name = _safe_json_field(body, "name")
""",
            """        arn = _safe_json_field(body, "activityArn")
        if arn:
            return arn
        token = _safe_json_field(body, "taskToken")
        if token:
            from ministack.services import stepfunctions
            return stepfunctions._token_machines.get(token, "*")
        name = _safe_json_field(body, "name")
""",
        ),
    ],
    "ministack.app": [
        # The strictest reading of AWS: an action of a transaction is allowed for all of its partitions together, or not.
        (
            """                for item_action, item_arn in transaction_checks:
""",
            """                for item_action, item_arn, _ in transaction_checks:
                    item_context["dynamodb:LeadingKeys"] = [
                        partition for action, arn, partitions in transaction_checks
                        if (action, arn) == (item_action, item_arn) for partition in partitions]
""",
        ),
        # The encryption context of a call to KMS.
        (
            "            service_context = {**request_tag_context(service, iam_action, body, routing_params),",
            """            if service == "kms":
                try:
                    bound = json.loads(body or b"{}").get("EncryptionContext") or {}
                except (json.JSONDecodeError, UnicodeDecodeError, AttributeError):
                    bound = {}
                if bound:
                    service_context = {f"kms:EncryptionContext:{name}": value for name, value in bound.items()}
                    service_context["kms:EncryptionContextKeys"] = list(bound)
                # What a new grant permits, and to whom.
                if iam_action == "kms:CreateGrant":
                    grant = json.loads(body or b"{}")
                    service_context = {
                        **(service_context or {}),
                        "kms:GranteePrincipal": grant.get("GranteePrincipal", ""),
                        "kms:GrantOperations": grant.get("Operations", []),
                    }
                    for constraint in grant.get("Constraints") or {}:
                        service_context["kms:GrantConstraintType"] = constraint
            service_context = {**request_tag_context(service, iam_action, body, routing_params),""",
        ),
    ],
    "ministack.services.iam": [
        # IAM judges each action on each resource that a simulation names, not on the first alone.
        (
            """    results = _build_simulate_results_real(actions, resource_arn, principal_arn,
                                           account_id, policies)
    return _xml(200, "SimulatePrincipalPolicyResponse",
""",
            """    named = [value for name in p if name.startswith("ResourceArns.member.") and (value := _p(p, name))]
    results = "".join(
        _build_simulate_results_real(actions, arn, principal_arn, account_id, policies)
        for arn in named or [resource_arn]
    )
    return _xml(200, "SimulatePrincipalPolicyResponse",
""",
        ),
    ],
}
