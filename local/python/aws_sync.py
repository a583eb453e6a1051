"""`aws s3 sync` as job.sh calls it, for the embedded cloud: copies what is missing or differs in size or is newer."""

import os
import sys

import botocore.session


def split(place):
    bucket, _, prefix = place.removeprefix("s3://").partition("/")
    return bucket, prefix.rstrip("/") + "/"


def list_bucket(s3, place):
    bucket, prefix = split(place)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    found = [one for page in pages for one in page.get("Contents", []) if not one["Key"].endswith("/")]
    return {one["Key"][len(prefix):]: (one["Size"], one["LastModified"].timestamp()) for one in found}


def list_folder(folder):
    paths = [os.path.join(base, name) for base, _, names in os.walk(folder) for name in names]
    return {os.path.relpath(path, folder): (os.path.getsize(path), os.path.getmtime(path)) for path in paths}


def sync(source, target):
    # Jobs call this often, and boto3 takes half as long again to load.
    s3 = botocore.session.get_session().create_client("s3")
    up = target.startswith("s3://")
    have = list_bucket(s3, target) if up else list_folder(target)
    wanted = list_folder(source) if up else list_bucket(s3, source)
    for path, (size, time) in wanted.items():
        if path in have and have[path][0] == size and have[path][1] >= time:
            continue
        if up:
            bucket, prefix = split(target)
            with open(os.path.join(source, path), "rb") as body:
                s3.put_object(Bucket=bucket, Key=prefix + path, Body=body)
        else:
            bucket, prefix = split(source)
            file = os.path.join(target, path)
            os.makedirs(os.path.dirname(file), exist_ok=True)
            with open(file, "wb") as copy:
                for chunk in s3.get_object(Bucket=bucket, Key=prefix + path)["Body"].iter_chunks(1 << 20):
                    copy.write(chunk)


words = [word for word in sys.argv[1:] if not word.startswith("--")]
if words[:2] != ["s3", "sync"] or len(words) != 4:
    sys.exit(f"the embedded cloud has only `aws s3 sync <from> <to>`, not {words}")
sync(words[2], words[3])
