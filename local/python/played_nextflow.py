"""Stands in for Nextflow in the embedded cloud, which has no Java: it is an interpreter of a small part of the language.

It reads the configuration and the parameters that Broch wrote, and runs the processes of a pipeline one after the other, in
the order of the file. Each is a real task: submitted to AWS Batch with the rights of the head, by the definition and to the
queue of the configuration. The first task gets the parameter `input`, every later one the files that the one before
declared as outputs. `publishDir` copies outputs to `params.outdir`. It writes the trace, and resumes from it; report,
timeline and graph only the real Nextflow draws (`npm run rehearse -- nextflow`).
"""

import hashlib
import json
import os
import re
import sys
import time

import boto3

s3, batch = boto3.client("s3"), boto3.client("batch")
TASK = 'mkdir task && cd task && aws s3 sync "$1" . && sh .command.sh && aws s3 sync . "$1"'
HEADER = "task_id\thash\tnative_id\tname\tstatus\texit\tsubmit\tduration"


def option(words, name):
    return words[words.index(name) + 1] if name in words else None


def setting(config, name):
    return re.search(rf"\b{name} = '([^']*)'", config)[1]


def split(place):
    bucket, _, key = place.removeprefix("s3://").partition("/")
    return bucket, key


def copy(source, target):
    (bucket, key), (target_bucket, target_key) = split(source), split(target)
    s3.copy_object(CopySource={"Bucket": bucket, "Key": key}, Bucket=target_bucket, Key=target_key)


def read_processes(text):
    for name, body in re.findall(r"^process (\w+) \{\n(.*?)^\}", text, re.M | re.S):
        paths = {kind: re.findall(rf"^\s*{kind}:\s*\n\s*path '([\w.-]+)'", body, re.M) for kind in ("input", "output")}
        script = re.search(r'script:\s*\n\s*"""\n(.*?)"""', body, re.S)[1]
        yield name, paths["input"], paths["output"], "publishDir" in body, script


def container_of(config, name):
    own = re.search(rf"withName: '{name}' \{{ container = '([^']*)'", config)
    return (own[1] if own else setting(config, "container")).removeprefix("job-definition://")


def run_task(config, name, work):
    labels = dict(re.findall(r"'(broch:\w+)': '([^']*)'", config))
    job = batch.submit_job(
        jobName=name,
        jobQueue=setting(config, "queue"),
        jobDefinition=container_of(config, name),
        shareIdentifier=setting(config, "shareIdentifier"),
        tags=labels,
        timeout={"attemptDurationSeconds": 60 * int(setting(config, "time").split()[0])},
        containerOverrides={"command": ["sh", "-c", TASK, name, work]},
    )["jobId"]
    while True:
        (detail,) = batch.describe_jobs(jobs=[job])["jobs"]
        if detail["status"] in ("SUCCEEDED", "FAILED"):
            return job, detail["status"], detail["container"].get("exitCode", "-")
        time.sleep(0.3)


def main(words):
    with open(option(words, "-c")) as file:
        config = file.read()
    with open(option(words, "-params-file")) as file:
        params = json.load(file)
    with open(words[words.index("run") + 1]) as file:
        pipeline = file.read()
    cache_place = os.path.join(os.environ["NXF_CACHE_DIR"], "played.json")
    cache = json.load(open(cache_place)) if os.path.exists(cache_place) else {}
    os.makedirs(os.environ["NXF_CACHE_DIR"], exist_ok=True)
    os.makedirs("outputs/pipeline_info", exist_ok=True)
    work_dir, inputs, rows = setting(config, "workDir"), [params.get("input")], [HEADER]
    code = 0
    for number, (name, names, outputs, published, script) in enumerate(read_processes(pipeline), 1):
        text = re.sub(r"\$\{params\.(\w+)\}", lambda found: str(params[found[1]]), script)
        text = re.sub(r"\\(.)", r"\1", text)
        digest = hashlib.sha256(json.dumps([name, text, inputs]).encode()).hexdigest()
        work, status, job, exit_code = cache.get(digest), "CACHED", "-", 0
        started = time.time()
        if work is None:
            work = f"{work_dir}/{digest[:2]}/{digest[2:32]}"
            bucket, key = split(work)
            s3.put_object(Bucket=bucket, Key=f"{key}/.command.sh", Body=f"set -eu\n{text}".encode())
            for source, target in zip(inputs, names):
                copy(source, f"{work}/{target}")
            job, status, exit_code = run_task(config, name, work)
        print(f"[{digest[:2]}/{digest[2:8]}] {name}: {status}", flush=True)
        times = f"{int(started * 1000)}\t{time.time() - started:.1f}s"
        rows.append(f"{number}\t{digest[:2]}/{digest[2:8]}\t{job}\t{name}\t{status}\t{exit_code}\t{times}")
        if status == "FAILED":
            code = 1
            break
        cache[digest], inputs = work, [f"{work}/{output}" for output in outputs]
        for output in outputs if published else []:
            copy(f"{work}/{output}", f"{params['outdir']}{output}")
        with open(cache_place, "w") as file:
            json.dump(cache, file)
    with open("outputs/pipeline_info/trace.txt", "w") as file:
        file.write("\n".join([*rows, ""]).replace("SUCCEEDED", "COMPLETED"))
    return code


sys.exit(main(sys.argv[1:]))
