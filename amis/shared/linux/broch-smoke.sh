#!/bin/sh
# Runs the smoke tests of this image as root, one line each. The exit status is the number of failed tests.
# The pipeline runs this through Systems Manager before anybody may approve the image.
failed=0
for test in /opt/broch/smoke/*; do
  name=$(basename "$test")
  if output=$("$test" 2>&1); then
    echo "ok      $name"
  else
    echo "FAILED  $name: $(echo "$output" | tail -n 1)"
    failed=$((failed + 1))
  fi
done
exit "$failed"
