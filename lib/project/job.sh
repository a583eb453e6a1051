#!/bin/sh
# The program of every batch job: it fetches what the job reads, runs the job's command, and keeps what it leaves. The
# machine mounts it into the container, which must have the AWS CLI and a POSIX shell. The command arrives as words and is
# run as words ("$@"): no shell reads it. The rights are those of the project's role. What the command prints goes to the
# project's bucket, where desktops of the project read it. Only lines of job.sh itself reach the log outside the project.
set -eu

# The number of the task of an array job, or of the node of a multi-node job.
part=${AWS_BATCH_JOB_ARRAY_INDEX-${AWS_BATCH_JOB_NODE_INDEX-0}}
number=task-$part-attempt-${AWS_BATCH_JOB_ATTEMPT:-1}
home=$(mktemp -d "$BROCH_WORK/$BROCH_JOB.XXXXXX")
folder=s3://$BROCH_BUCKET/batch/$BROCH_JOB
export HOME="$home" TMPDIR="$home/tmp"
export BROCH_INPUTS="$home/inputs" BROCH_OUTPUTS="$home/outputs" BROCH_CHECKPOINT="$home/checkpoint"
mkdir "$TMPDIR" "$BROCH_INPUTS" "$BROCH_OUTPUTS" "$BROCH_CHECKPOINT" "$home/log"
touch -t 197001020000 "$home/kept"
trap 'chmod -R u+w "$home"; rm -rf "$home"' EXIT

# Each task or node has its own checkpoint; all of them write to one folder of outputs.
checkpoint=$folder/checkpoint/$part

sync_folder() { aws s3 sync --only-show-errors "$1" "$2"; }
# An empty folder would only cost a list of the bucket.
keep_folder() { [ -z "$(ls -A "$1")" ] || sync_folder "$1" "$2"; }
# The log, if the program has printed since it was last kept.
keep_log() {
  for file in "$home"/log/*; do
    if [ "$file" -nt "$home/kept" ]; then
      touch "$home/keeping"
      sync_folder "$home/log" "$folder/log/" && mv "$home/keeping" "$home/kept"
      return
    fi
  done
}
keep_progress() {
  keep_folder "$BROCH_CHECKPOINT" "$checkpoint/" || true
  keep_log || true
}

printf '%s\n' "$BROCH_INPUTS_LIST" | while IFS= read -r input; do
  [ -z "$input" ] || sync_folder "s3://$BROCH_BUCKET/$input" "$BROCH_INPUTS/${input#data/}"
done
printf '%s\n' "$BROCH_DATASETS_LIST" | while IFS=' ' read -r name place; do
  [ -z "$name" ] || sync_folder "$place" "$BROCH_INPUTS/$name"
  [ -z "$name" ] || chmod -R a-w "$BROCH_INPUTS/$name"
done
# The paths of desktops. The container has an empty folder of its own there.
data=${BROCH_DATA:-/data}
if [ -w "$data" ]; then
  for input in "$BROCH_INPUTS"/*; do
    [ ! -e "$input" ] || ln -s "$input" "$data/"
  done
elif [ -z "${BROCH_PIPELINE-}" ]; then
  echo "job.sh: the image has a folder $data that jobs cannot write, so the copies are in BROCH_INPUTS only"
fi
if [ -n "${BROCH_PIPELINE-}" ]; then
  # What Broch wrote for Nextflow, and what an earlier run had reached.
  sync_folder "$folder/run/" "$home/run"
  [ -z "$BROCH_RESUMES" ] || sync_folder "s3://$BROCH_BUCKET/batch/$BROCH_RESUMES/checkpoint/0/" "$BROCH_CHECKPOINT"
fi
# What an earlier attempt had reached when AWS took its machine back.
[ "${AWS_BATCH_JOB_ATTEMPT-}" = 1 ] || sync_folder "$checkpoint/" "$BROCH_CHECKPOINT"

cd "$home"
echo "job.sh: $BROCH_JOB starts, $number"
"$@" >"$home/log/$number.log" 2>&1 &
program=$!
# AWS gives two minutes of notice. job.sh asks the program to end, and keeps what it has reached.
trap 'kill -TERM "$program" 2>/dev/null || true; wait "$program" 2>/dev/null || true; keep_progress; exit 143' TERM INT

# Nobody keeps a copy of a dataset when its use has ended.
over=
end_program() {
  over=yes
  echo "job.sh: the use of a dataset has ended, and so does the job"
  kill -TERM "$program" 2>/dev/null || true
  sleep 5
  kill -KILL "$program" 2>/dev/null || true
}

while kill -0 "$program" 2>/dev/null; do
  [ -z "${BROCH_DATA_UNTIL-}" ] || [ "$(date +%s)" -lt "$BROCH_DATA_UNTIL" ] || { end_program; break; }
  sleep "${BROCH_CHECKPOINT_SECONDS:-60}" &
  pause=$!
  # Whichever ends first; a shell without `wait -n` looks once a second.
  while kill -0 "$pause" 2>/dev/null && kill -0 "$program" 2>/dev/null; do sleep 1; done
  kill "$pause" 2>/dev/null || true
  ! kill -0 "$program" 2>/dev/null || keep_progress
done
code=0
wait "$program" || code=$?
# Whatever the program made of the request to end, the job did not reach its own end.
[ -z "$over" ] || code=143
# What it printed and kept last, also while the round before was being kept.
keep_progress
echo "job.sh: the program ended with exit code $code"
keep_folder "$BROCH_OUTPUTS" "$folder/outputs/"
exit "$code"
