"""Checks command lines for the AWS CLI against AWS's own models, which botocore brings.

Reads a JSON list of lines, each a list of words after `aws`, and prints a JSON list of problems, empty strings where
there is none. The operation must exist, each flag must be one of its members or of every command, and the values of
enumerations must be allowed.
"""

import json
import sys

import botocore.session
from botocore import xform_name

SHARED_FLAGS = {"query", "output", "region", "profile", "max-items"}
# Commands that the CLI adds to the API's operations, with their flags.
CUSTOM = {
    ("logs", "tail"): {"since", "filter-pattern"},
    ("cloudformation", "deploy"): {"stack-name", "template-file", "capabilities", "parameter-overrides"},
}

session = botocore.session.get_session()


def problem(words: list[str]) -> str:
    service, name, rest = words[0], words[1], words[2:]
    flags = [word[2:] for word in rest if word.startswith("--")]
    custom = CUSTOM.get((service, name))
    if custom is not None:
        return ", ".join(flag for flag in flags if flag not in custom | SHARED_FLAGS)
    model = session.get_service_model(service)
    operations = {xform_name(operation, "-"): operation for operation in model.operation_names}
    if name not in operations:
        return f"{service} has no operation {name}"
    shape = model.operation_model(operations[name]).input_shape
    members = {xform_name(member, "-"): value for member, value in shape.members.items()} if shape else {}
    for position, word in enumerate(rest):
        if not word.startswith("--"):
            continue
        flag = word[2:]
        member = members.get(flag) or members.get(flag.removeprefix("no-"))
        if member is None and flag not in SHARED_FLAGS:
            return f"{service} {name} has no flag {flag}"
        value = rest[position + 1] if position + 1 < len(rest) else ""
        enum = getattr(member, "enum", None)
        if enum and value and not value.startswith(("--", "<")) and value not in enum:
            return f"{flag} is one of {', '.join(enum)}, not {value}"
    return ""


json.dump([problem(words) for words in json.load(sys.stdin)], sys.stdout)
