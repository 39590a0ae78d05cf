#!/usr/bin/env bash
# What takes a network of processes, some two minutes of it: the README's way from nothing to the first recovered call,
# word for word, and new certificates in mid-call. Copies that are put back are tried by the same file with CLAVIGER_SLOW:
#   scripts/try-processes.sh
# Non-zero on any failure.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
CLAVIGER_SLOW=1 npx --no-install vitest run --reporter=default --no-file-parallelism \
  -t 'README|renewed in mid-call' test/docs/readme-session.test.ts test/e2e/on-processes.test.ts
