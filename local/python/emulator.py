"""MiniStack, corrected where it differs from AWS in a way that matters here; serve.py serves it.

Each correction replaces a piece of one module's source as it is imported. The start stops unless the piece is there
exactly once, so another release of MiniStack cannot run without the corrections.
"""

import gc
import importlib.abc
import importlib.machinery
import os
import random
import sys
import uuid

import patches_cognito
import patches_functions
import patches_iam
import patches_images
import patches_machines
import patches_s3
import patches_services

# In this order: a later correction may build on an earlier one.
PATCHES: dict[str, list[tuple[str, str]]] = {}
for corrections in (
    patches_services,
    patches_functions,
    patches_iam,
    patches_s3,
    patches_cognito,
    patches_images,
    patches_machines,
):
    for module, pieces in corrections.PATCHES.items():
        PATCHES.setdefault(module, []).extend(pieces)


class PatchedLoader(importlib.machinery.SourceFileLoader):
    def get_code(self, fullname):
        source = self.get_data(self.path).decode()
        for old, new in PATCHES[fullname]:
            if source.count(old) != 1:
                raise ImportError(f"{fullname} is not as expected: {old.strip().splitlines()[0]!r}")
            source = source.replace(old, new)
        return compile(source, self.path, "exec", dont_inherit=True)


class PatchFinder(importlib.abc.MetaPathFinder):
    def find_spec(self, fullname, path, target=None):
        if fullname not in PATCHES:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path)
        if spec is not None:
            spec.loader = PatchedLoader(fullname, spec.origin)
        return spec


sys.meta_path.insert(0, PatchFinder())

import botocore.session  # noqa: E402
from ministack import app as ministack  # noqa: E402
from ministack.core import router  # noqa: E402

import batch  # noqa: E402
import batch_iam  # noqa: E402, F401
import batch_operations  # noqa: E402, F401
import codeartifact  # noqa: E402
import guardduty  # noqa: E402
import service_quotas  # noqa: E402
import transfer  # noqa: E402, F401

PLAYED = {
    "batch": batch.handle_request,
    "codeartifact": codeartifact.handle_request,
    "guardduty": guardduty.handle_request,
    "servicequotas": service_quotas.handle_request,
}
ministack.SERVICE_HANDLERS.update(PLAYED)

# Everything that was ever made stays in memory here, so looking for what nobody refers to any more is mostly in vain.
gc.set_threshold(20_000, 50, 20)

# MiniStack would read AWS's models of all services to learn their names, which takes seconds and hundreds of megabytes.
router._KNOWN_AWS_SERVICE_NAMES = frozenset(botocore.session.get_session().get_available_services()) | PLAYED.keys()

# The system's own random numbers make a thread wait for every busy one. Ids here need only be unique.
_ids = random.Random()
uuid.uuid4 = lambda: uuid.UUID(int=_ids.getrandbits(128), version=4)

app = ministack.app

if os.environ.get("EMBEDDED_MODELS") == "1":
    import call_models

    for service, handler in list(ministack.SERVICE_HANDLERS.items()):
        ministack.SERVICE_HANDLERS[service] = call_models.around(service, handler)
    app = call_models.reported(app)

if os.environ.get("EMBEDDED_FAULTS") == "1":
    import faults

    app = faults.install(app)
