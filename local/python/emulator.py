"""MiniStack, mended where it answers otherwise than AWS and something of ours would notice: `hypercorn emulator:app`.

Each mend replaces a piece of one module's source as it is imported. A piece that isn't there exactly once stops the
start, so that another release of MiniStack can't silently run unmended.
"""

import importlib.abc
import importlib.machinery
import os
import sys

import patches_iam
import patches_services

MENDS = {**patches_services.MENDS, **patches_iam.MENDS}


class Mended(importlib.machinery.SourceFileLoader):
    def get_code(self, fullname):
        source = self.get_data(self.path).decode()
        for old, new in MENDS[fullname]:
            if source.count(old) != 1:
                raise ImportError(f"{fullname} is not as expected: {old.strip().splitlines()[0]!r}")
            source = source.replace(old, new)
        return compile(source, self.path, "exec", dont_inherit=True)


class Mender(importlib.abc.MetaPathFinder):
    def find_spec(self, fullname, path, target=None):
        if fullname not in MENDS:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path)
        if spec is not None:
            spec.loader = Mended(fullname, spec.origin)
        return spec


sys.meta_path.insert(0, Mender())

from ministack.app import app  # noqa: E402, F401

if os.environ.get("EMBEDDED_FAULTS") == "1":
    import faults

    app = faults.install(app)
