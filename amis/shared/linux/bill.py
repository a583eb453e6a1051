"""Prints a bill of materials of this machine as CycloneDX 1.6. The same machine gives the same bytes."""

import importlib.metadata
import json
import os
import pathlib
import shutil
import subprocess
import sys
from urllib.parse import quote

OS_RELEASE = dict(
    line.split("=", 1) for line in pathlib.Path("/etc/os-release").read_text().splitlines() if "=" in line
)
DISTRIBUTION = OS_RELEASE["ID"].strip('"')


def list_debian():
    form = "${db:Status-Abbrev}|${Package}|${Version}|${Architecture}\n"
    for line in run(["dpkg-query", "--show", f"--showformat={form}"]).splitlines():
        state, name, version, architecture = line.split("|")
        if state.startswith("ii"):
            yield name, version, f"pkg:deb/{DISTRIBUTION}/{quote(name)}@{quote(version)}?arch={architecture}"


def list_rpm():
    for line in run(["rpm", "--query", "--all", "--queryformat", "%{NAME}|%{VERSION}-%{RELEASE}|%{ARCH}\n"]).splitlines():
        name, version, architecture = line.split("|")
        yield name, version, f"pkg:rpm/{DISTRIBUTION}/{quote(name)}@{quote(version)}?arch={architecture}"


def list_python():
    folders = [*map(str, pathlib.Path("/usr/lib/python3").glob("dist-packages"))]
    folders += map(str, pathlib.Path("/usr/local/lib").glob("python3*/dist-packages"))
    for found in importlib.metadata.distributions(path=folders):
        name = found.metadata["Name"]
        if name:
            yield name, found.version, f"pkg:pypi/{quote(name.lower().replace('_', '-'))}@{quote(found.version)}"


def list_r():
    if not shutil.which("Rscript"):
        return
    code = 'x <- installed.packages()[, c("Package", "Version"), drop = FALSE]; cat(paste(x[, 1], x[, 2], sep = "|"), sep = "\\n")'
    for line in run(["Rscript", "--vanilla", "-e", code]).splitlines():
        name, version = line.split("|")
        yield name, version, f"pkg:cran/{quote(name)}@{quote(version)}"


def list_downloads():
    for stamp in sorted(pathlib.Path("/opt/broch/downloads").glob("*")):
        sha256 = stamp.read_text().strip()
        yield stamp.name, sha256[:12], f"pkg:generic/{quote(stamp.name)}?checksum=sha256:{sha256}"


def run(command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def main(image):
    packages = list_debian() if shutil.which("dpkg-query") else list_rpm()
    parts = {
        purl: {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}
        for source in (packages, list_python(), list_r(), list_downloads())
        for name, version, purl in source
    }
    json.dump(
        {
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "version": 1,
            "metadata": {
                "component": {"type": "operating-system", "name": image, "version": os.environ.get("BROCH_RECIPE", "")}
            },
            "components": [parts[purl] for purl in sorted(parts)],
        },
        sys.stdout,
        indent=1,
    )
    print()


main(sys.argv[1])
