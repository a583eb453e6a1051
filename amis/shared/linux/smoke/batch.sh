#!/bin/sh
# A job finds a GPU, the agent of its queue and the AWS CLI.
set -eu
nvidia-smi --query-gpu=driver_version --format=csv,noheader || { echo "there is no GPU"; exit 1; }
systemctl is-enabled --quiet ecs || { echo "the ECS agent does not start"; exit 1; }
aws --version >/dev/null || { echo "there is no AWS CLI"; exit 1; }
