#!/usr/bin/env bash
# What takes a network of processes, some four minutes of it: the tutorial, and in it the way of the README from nothing to the
# first recovered call, word for word, new certificates in mid-call, copies that are put back, a mailbox that is killed, a LEMF that asks for
# keys itself, and an upgrade of what an earlier version left:
#   scripts/try-processes.sh
# Non-zero on any failure.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
CLAVIGER_SLOW=1 npx --no-install vitest run --reporter=default --no-file-parallelism \
  test/docs/tutorial.test.ts test/e2e/on-processes.test.ts test/e2e/mailbox-processes.test.ts \
  test/e2e/xk-processes.test.ts test/e2e/upgraded-on-processes.test.ts
