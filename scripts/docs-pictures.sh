#!/bin/sh
# Makes the pictures of docs/pictures/ of what the tests in a browser look at: each view of the console, and the report
# of a run. Only whoever changes a view needs it, and Debian's chromium.
set -eu

cd "$(dirname "$0")/.."
most=150000
mkdir -p docs/pictures
CLAVIGER_PICTURES="$PWD/docs/pictures" npx vitest run test/console/laboratory.test.ts
for picture in docs/pictures/*.png; do
  octets="$(wc -c <"$picture")"
  echo "$picture: $octets octets"
  if [ "$octets" -ge "$most" ]; then
    echo "$picture has $most octets or more" >&2
    exit 1
  fi
done
