#!/bin/sh
# The GPU's driver is loaded and sees a GPU.
set -eu
nvidia-smi --query-gpu=driver_version --format=csv,noheader || { echo "there is no GPU"; exit 1; }
command -v nvcc >/dev/null || { echo "CUDA is missing"; exit 1; }
