#!/bin/sh
# Builds the enclave's image and the parent into a folder, with the measurements and the hashes of both. The same sources,
# compiler and nitro-cli give the same measurements: a partner builds it again and compares measurements.json, which names
# the version of nitro-cli, because it brings the kernel.
# It needs Docker, nitro-cli with its development files, and the compiler of requirements.txt.
set -eu

sources=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$1"
target=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export CGO_ENABLED=0 GOTOOLCHAIN=local GOPROXY=off GOOS=linux GOARCH=amd64 NITRO_CLI_ARTIFACTS="$work/artifacts"

cd "$sources"
for program in loader parent; do
  go build -trimpath -buildvcs=false -mod=readonly -ldflags='-s -w -buildid=' -o "$work/$program" "./$program"
done
cp image/Dockerfile "$work/"
cp image/amazon-roots.pem "$work/ca-certificates.crt"
# The time of files would be a part of the measurement.
touch --date=@0 "$work/loader" "$work/ca-certificates.crt"
docker build --tag broch-loader --build-arg SOURCE_DATE_EPOCH=0 "$work"
mkdir "$NITRO_CLI_ARTIFACTS"
nitro-cli build-enclave --docker-uri broch-loader:latest --output-file "$target/loader.eif"
nitro-cli describe-eif --eif-path "$target/loader.eif" |
  python3 -c 'import json, sys; print(json.dumps(json.load(sys.stdin)["Measurements"] | {"NitroCli": sys.argv[1]}, sort_keys=True))' \
    "$(nitro-cli --version)" >"$target/measurements.json"
cp "$work/parent" "$target/parent"
cd "$target"
sha256sum loader.eif parent measurements.json | tee SHA256SUMS
cat measurements.json
